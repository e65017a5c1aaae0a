// Longest-prefix match as a search among disjoint ranges. Nested networks are flattened once, when the table
// is made: every address belongs to exactly one range, neighbours with one value are one range, and a lookup
// is an index step and a short binary search. Because the range found is known whole, so is the largest
// prefix with the same answer (RFC 7871 section 7.2.1: SCOPE PREFIX-LENGTH).
//
//   networks   0├───────── /8 a ────────┤           ranges   fallback │ a │ b │ a │ c │ a │ fallback
//                     ├ /16 b ┤ ├ c ┤
//
// The first level splits the keys between the lowest and the highest border into up to 2^16 equal buckets;
// each knows where its ranges begin. So the bits that are the same in all networks (10/8, 2001:db8::/32) cost
// nothing.
//
// Immutable once made; any thread may read. Key: uint32_t, uint64_t or Uint128, addresses in host order.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/huge_pages.h"
#include "common/ip.h"

namespace popnet::routing {

__extension__ using Uint128 = unsigned __int128;

constexpr int leading_zeros(uint32_t x) {
  return std::countl_zero(x);
}
constexpr int leading_zeros(uint64_t x) {
  return std::countl_zero(x);
}
constexpr int leading_zeros(Uint128 x) {
  const auto high = static_cast<uint64_t>(x >> 64);
  return high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(static_cast<uint64_t>(x));
}

/// An address as a key: the whole of it, or of IPv6 the upper half.
template <class Key>
Key key_of(const IpAddress& address) {
  constexpr size_t first = sizeof(Key) == sizeof(uint32_t) ? 12 : 0;  // IPv4 stands in the last four bytes
  Key key = 0;
  for (size_t i = first; i < first + sizeof(Key); ++i) key = static_cast<Key>(key << 8 | address.mapped()[i]);
  return key;
}

template <class Key>
class Ranges {
 public:
  static constexpr Key key_max = static_cast<Key>(-1);

  /// A prefix as the keys of its first and last address.
  struct Network {
    Key first, last;
    uint32_t value;
  };
  struct Found {
    uint32_t value;
    uint8_t scope;  // shortest prefix length that holds the key and nothing of another range
  };

  /// From `first` to where the next one begins.
  struct Range {
    Key first;
    uint32_t value;
  };

  Ranges() : Ranges(std::vector<Network>(), 0) {}
  /// Of two equal networks the one given last counts. REQUIRES: networks are prefixes (nested or apart).
  Ranges(std::vector<Network> networks, uint32_t fallback) {
    flatten(std::move(networks), fallback);
    make_index();
  }
  /// REQUIRES: sorted; the first begins at 0
  explicit Ranges(const std::vector<Range>& ranges) : ranges_(ranges.begin(), ranges.end()) {
    join_equal_neighbours();
    make_index();
  }

  [[nodiscard]] Found find(Key key) const {
    const size_t at = position(key);
    return {ranges_[at].value, scope(key, at)};
  }
  /// Asks the processor to fetch what find() will read for this key.
  void prefetch(Key key) const {
    if (starts_.empty() || key < low_ || key >= ranges_.back().first) return;
    const auto bucket = static_cast<size_t>((key - low_) >> shift_);
    const uint32_t from = starts_[bucket], to = starts_[bucket + 1];
    __builtin_prefetch(&ranges_[from]);
    __builtin_prefetch(&ranges_[from + (to - from) / 2]);
    __builtin_prefetch(&ranges_[to]);
    asm volatile("");  // g++ leaves out calls of what only prefetches: it seems to have no effect
  }
  [[nodiscard]] size_t size() const { return ranges_.size(); }
  [[nodiscard]] std::span<const Range> all() const { return ranges_; }

 private:
  static constexpr int index_bits_max = 16;

  void flatten(std::vector<Network> networks, uint32_t fallback) {
    const auto before = [](const Network& a, const Network& b) {
      return a.first != b.first ? a.first < b.first : a.last > b.last;
    };
    if (!std::is_sorted(networks.begin(), networks.end(), before))
      std::stable_sort(networks.begin(), networks.end(), before);
    std::vector<Network> open;  // the networks around the present key, outermost first
    const auto close = [&] {
      const Key last = open.back().last;
      open.pop_back();
      if (last != key_max) begin_range(last + 1, open.empty() ? fallback : open.back().value);
    };
    begin_range(0, fallback);
    for (const Network& network : networks) {
      while (!open.empty() && open.back().last < network.first) close();
      open.push_back(network);
      begin_range(network.first, network.value);
    }
    while (!open.empty()) close();
    join_equal_neighbours();
  }

  void begin_range(Key first, uint32_t value) {
    if (ranges_.empty() || ranges_.back().first != first)
      ranges_.push_back({first, value});
    else
      ranges_.back().value = value;
  }

  void join_equal_neighbours() {
    const auto same_value = [](const Range& a, const Range& b) { return a.value == b.value; };
    ranges_.erase(std::unique(ranges_.begin(), ranges_.end(), same_value), ranges_.end());
    ranges_.shrink_to_fit();
  }

  void make_index() {
    if (ranges_.size() < 2) return;
    low_ = ranges_[1].first;
    const Key width = ranges_.back().first - low_;
    const int bits = std::min(index_bits_max, static_cast<int>(std::bit_width(ranges_.size())));
    shift_ = std::max(0, static_cast<int>(sizeof(Key)) * 8 - leading_zeros(width) - bits);
    const auto buckets = static_cast<size_t>(width >> shift_) + 1;
    starts_.reserve(buckets + 1);
    size_t at = 1;
    for (size_t bucket = 0; bucket < buckets; ++bucket) {
      const Key begin = low_ + (static_cast<Key>(bucket) << shift_);
      while (at + 1 < ranges_.size() && ranges_[at + 1].first <= begin) ++at;
      starts_.push_back(static_cast<uint32_t>(at));
    }
    starts_.push_back(static_cast<uint32_t>(ranges_.size() - 1));
  }

  /// The range that holds the key.
  size_t position(Key key) const {
    if (starts_.empty() || key < low_) return 0;
    if (key >= ranges_.back().first) return ranges_.size() - 1;
    const auto bucket = static_cast<size_t>((key - low_) >> shift_);
    const auto from = ranges_.begin() + starts_[bucket];
    const auto to = ranges_.begin() + starts_[bucket + 1] + 1;
    const auto behind = [](Key k, const Range& range) { return k < range.first; };
    return static_cast<size_t>(std::upper_bound(from, to, key, behind) - ranges_.begin()) - 1;
  }

  /// A prefix that begins at the bit in which the key differs from the last key before the range ends behind
  /// that key, and the same holds for the first key behind the range; the longer of both is the shortest that
  /// fits.
  uint8_t scope(Key key, size_t at) const {
    int length = 0;
    if (at > 0) length = leading_zeros(static_cast<Key>(key ^ (ranges_[at].first - 1))) + 1;
    if (at + 1 < ranges_.size())
      length = std::max(length, leading_zeros(static_cast<Key>(key ^ ranges_[at + 1].first)) + 1);
    return static_cast<uint8_t>(length);
  }

  BigVector<Range> ranges_;       // sorted; the first begins at 0
  std::vector<uint32_t> starts_;  // bucket → last range that begins at or before it
  Key low_ = 0;                   // lowest border
  int shift_ = 0;                 // key bits in a bucket
};

}  // namespace popnet::routing
