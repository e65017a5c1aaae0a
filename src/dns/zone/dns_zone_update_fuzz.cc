// Any bytes as a primary's messages: records are read or refused, and the update they make is applied or refused.
#include <cstdlib>

#include "common/bytes.h"
#include "dns/zone/zone_update.h"

using namespace popnet;
using namespace popnet::dns;

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}

/// SOA 1 and two addresses.
std::shared_ptr<const Records> present(const Name& zone) {
  auto records = std::make_shared<Records>(zone, "test");
  std::vector<uint8_t> soa(22);
  soa[5] = 1;
  records->add(zone, 6, 60, soa, {});
  const uint8_t address[] = {192, 0, 2, 1};
  records->add(parse_name("a.example.com").value(), 1, 60, address, {});
  records->sort();
  return records;
}
}  // namespace

/// The first byte says whether differences are asked for; then messages, each led by its length in two bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Name zone = parse_name("example.com").value();
  static const auto before = present(zone);
  if (size == 0) return 0;
  ZoneUpdate update(zone, data[0] & 1 ? std::optional<uint32_t>(1) : std::nullopt, "test");
  ByteReader in({data + 1, size - 1});
  auto state = ZoneUpdate::State::more;
  while (in.left() > 0 && state == ZoneUpdate::State::more) {
    const auto taken = in.take(std::min<size_t>(in.u16(), in.left()));
    const std::vector<uint8_t> message(taken.begin(),
                                       taken.end());  // exactly as long: a read behind it is seen
    WireRecord record;
    for (size_t at = std::min<size_t>(12, message.size());
         at < message.size() && state == ZoneUpdate::State::more;) {
      const size_t begin = at;
      if (!read_record(message, at, record)) return 0;
      require(at > begin && at <= message.size());
      state = update.take(record);
    }
    if (state == ZoneUpdate::State::more) state = update.end_of_message();
  }
  require((state == ZoneUpdate::State::broken) == !update.problem().empty());
  if (state != ZoneUpdate::State::complete) return 0;
  const auto result = update.apply(before.get());
  if (!result) return 0;
  const auto soa = read_soa_times(**result);
  require(soa && soa->serial == update.serial());
  return 0;
}
