// Any bytes through the query parser. What it calls readable must hang together, and a reply to it must fit
// its room.
#include <cstdlib>
#include <vector>

#include "dns/wire/query.h"
#include "dns/wire/reply.h"

using namespace popnet::dns;

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> message(data, data + size);  // exactly as long: a read behind it is seen
  Query query;
  const Verdict verdict = parse_query(message, query);
  if (verdict == Verdict::drop) return 0;
  if (query.question_size != 0) {
    const auto shape = measure_name(std::span(message).subspan(question_offset));
    require(shape.size == query.name.size() && shape.labels == query.name.labels());
    require(query.name.hash() == hash_name(query.name.bytes()));
    const auto again = parse_name(query.name.to_text());
    require(again.ok() && *again == query.name);
  }
  require(query.udp_size >= udp_plain_max);
  if (query.subnet.size != 0 && verdict == Verdict::fine) {
    require(query.subnet.offset + size_t{query.subnet.size} <= message.size());
    if (query.subnet.family != 0) {
      const auto address = subnet_address(message, query.subnet);
      require(popnet::Prefix(address, query.subnet.length()).address() == address);
    }
  }
  std::vector<uint8_t> room(udp_plain_max);
  Reply reply(message, query, room);
  while (reply.body().ok()) reply.body().u8(1);
  require(reply.finish(Rcode::badvers, 7) <= room.size());
  return 0;
}
