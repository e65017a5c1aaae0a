// Any file: a GeoIP database that is read, or an error. No crash, no endless walk.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "geo/read.h"

namespace {

const std::string& path() {
  static const std::string name = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "popnet-geo-XXXXXX").string();
    std::fclose(fdopen(mkstemp(pattern.data()), "w"));
    std::atexit([] { std::filesystem::remove(path()); });
    return pattern;
  }();
  return name;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FILE* file = std::fopen(path().c_str(), "wb");
  if (file == nullptr) return 0;
  std::fwrite(data, 1, size, file);
  std::fclose(file);
  const auto geo = popnet::geo::read(path());
  if (!geo) return 0;
  for (const auto& entry : (*geo)->networks)
    if (entry.place >= (*geo)->places.size()) std::abort();
  return 0;
}
