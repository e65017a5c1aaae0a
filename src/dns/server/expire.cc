#include "dns/server/expire.h"

#include <algorithm>

#include "dns/wire/protocol.h"
#include "dns/zone/version.h"

namespace popnet::dns {

std::optional<uint32_t> seconds_left(const Names& names, const Name& zone, int64_t now) {
  const Match match = names.find(zone);
  if (match.kind != MatchKind::exact || !match.node.has(Node::apex)) return std::nullopt;
  const RRset soa = match.node.find(type::soa);
  if (!soa || soa.bytes.size() < soa_numbers_size) return std::nullopt;
  if (const auto* expiry = names.expiry(match.node.zone()); expiry != nullptr) {
    const int64_t left = expiry->load(std::memory_order_relaxed) - now;
    return static_cast<uint32_t>(std::clamp<int64_t>(left, 0, UINT32_MAX));
  }
  ByteReader numbers(soa.bytes.last(8));  // EXPIRE, MINIMUM
  return numbers.u32();
}

}  // namespace popnet::dns
