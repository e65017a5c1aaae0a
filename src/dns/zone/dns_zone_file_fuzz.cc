// Any bytes as a master file: read, checked and frozen, or refused with a problem. What is frozen is found again, record
// by record, and comes back from its copy on disk as it was.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "dns/wire/protocol.h"
#include "dns/zone/freeze.h"
#include "dns/zone/master_file.h"
#include "dns/zone/zone_copies.h"

using namespace popnet;
using namespace popnet::dns;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// A folder of this process, in memory where there is such a place; gone at its end.
struct Folder {
  Folder() : path(std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp") {
    path += "/popnet-zone-fuzz-XXXXXX";
    require(mkdtemp(path.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};
const std::string& folder() {
  static const Folder here;
  return here.path;
}

/// Every record that is not hidden by a delegation or a DNAME is where lookups find it; but signatures and hashed denials of
/// a zone that comes signed, which nobody looks up by name.
void check_names(const Records& records, const Names& names) {
  const bool carried = names.denials(0) != nullptr;
  for (size_t i = 0; i < records.size(); ++i) {
    const Record record = records[i];
    if (carried && (record.type == type::rrsig || record.type == type::nsec3)) continue;
    const Name owner = owner_name(record.owner);
    const Match match = names.find(owner);
    require(match.kind == MatchKind::exact || match.kind == MatchKind::delegation);
    if (match.kind == MatchKind::exact) require(match.node.find(record.type).records > 0);
  }
}

void check_copy(const Name& zone, const std::shared_ptr<const Records>& records) {
  const auto soa = read_soa_times(*records);
  require(soa.has_value());
  ZoneCopies before(folder() + "/copies");
  before.put(zone, {records, *soa, 1000});
  require(before.save(zone).ok());
  ZoneCopies after(folder() + "/copies");
  after.load(zone);
  require(after.find(zone) != nullptr);
  const Records& again = *after.find(zone)->records;
  require(again.size() == records->size());
  for (size_t i = 0; i < again.size(); ++i) {
    const Record a = again[i], b = (*records)[i];
    require(a.owner == b.owner && a.type == b.type && a.ttl == b.ttl && std::ranges::equal(a.data, b.data));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Name zone = parse_name("example.com").value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t first = text.find("$INCLUDE");  // several of itself are ten thousand readings
  if (first != text.npos && text.find("$INCLUDE", first + 1) != text.npos) return 0;
  const std::string path = folder() + "/zone";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  Problems problems;
  auto records = std::make_shared<Records>(zone, path);
  require(read_master_file(path, *records, problems));
  records->sort();
  NamesBuilder builder;
  freeze_zone(*records, builder.add_zone(), builder, problems);
  for (const std::string& line : problems.lines()) require(line.find(": zone example.com.: ") != line.npos);
  if (problems.count() > 0) return 0;
  const auto names = builder.finish(1);
  check_names(*records, *names);
  check_copy(zone, records);
  return 0;
}
