// Any bytes decode to an Error or to a value that encodes and decodes to itself. Corpus:
// tests/fuzz/cluster_codec_fuzz/.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cluster/codec/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace popnet;
  using namespace popnet::cluster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const TimePoint now{std::chrono::hours(100)};
  if (const auto report = decode_report(text, now)) {
    const std::string once = encode_report(*report, now);
    const auto again = decode_report(once, now);
    if (!again || encode_report(*again, now) != once) std::abort();
  }
  if (const auto order = decode_purge(text)) {
    const std::string once = encode_purge(*order);
    const auto again = decode_purge(once);
    if (!again || encode_purge(*again) != once) std::abort();
  }
  return 0;
}
