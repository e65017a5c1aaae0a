#include "routing/network_table.h"

#include <algorithm>
#include <utility>

namespace popnet::routing {

namespace {

template <class Key>
std::vector<typename Ranges<Key>::Range> with(const Ranges<Key>& ranges, std::span<const uint32_t> values) {
  std::vector<typename Ranges<Key>::Range> result;
  result.reserve(ranges.size());
  for (const auto& range : ranges.all()) {
    const uint32_t value = values[range.value];
    if (result.empty() || result.back().value != value) result.push_back({range.first, value});
  }
  return result;
}

template <class Key>
void add(std::vector<typename Ranges<Key>::Range>& ranges, const Prefix& network, uint32_t value) {
  const Key first = key_of<Key>(network.first()), last = key_of<Key>(network.last());
  if (ranges.back().first == first)
    ranges.back().value = value;
  else
    ranges.push_back({first, value});
  if (last != Ranges<Key>::key_max) ranges.push_back({last + 1, 0});
}

}  // namespace

NetworkTable NetworkTable::of(std::span<const std::pair<Prefix, uint32_t>> networks) {
  RangesV4 v4 = {{0, 0}};
  RangesV6 v6 = {{0, 0}};
  for (const auto& [network, value] : networks) {
    if (network.address().is_v4())
      add<uint32_t>(v4, network, value);
    else
      add<Uint128>(v6, network, value);
  }
  return {std::move(v4), std::move(v6)};
}

NetworkTable::NetworkTable(RangesV4 v4, RangesV6 v6) : v4_(std::move(v4)) {
  v6_longer_ = std::any_of(v6.begin(), v6.end(),
                           [](const auto& range) { return static_cast<uint64_t>(range.first) != 0; });
  if (v6_longer_) {
    v6_whole_ = Ranges<Uint128>(std::move(v6));
    return;
  }
  std::vector<Ranges<uint64_t>::Range> half;
  half.reserve(v6.size());
  for (const auto& range : v6) half.push_back({static_cast<uint64_t>(range.first >> 64), range.value});
  v6_half_ = Ranges<uint64_t>(std::move(half));
}

NetworkTable NetworkTable::with_values(std::span<const uint32_t> values) const {
  NetworkTable other;
  other.v6_longer_ = v6_longer_;
  other.v4_ = Ranges<uint32_t>(with(v4_, values));
  other.v6_half_ = Ranges<uint64_t>(with(v6_half_, values));
  other.v6_whole_ = Ranges<Uint128>(with(v6_whole_, values));
  return other;
}

}  // namespace popnet::routing
