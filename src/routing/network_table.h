// Client networks → a number each, as the hot path reads it: one search, which also tells the largest prefix
// around the client that has the same number (RFC 7871 section 7.2.1: SCOPE PREFIX-LENGTH). See ranges.h.
//
// Immutable once made; any thread may read.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/ip.h"
#include "routing/ranges.h"

namespace popnet::routing {

class NetworkTable {
 public:
  using RangesV4 = std::vector<Ranges<uint32_t>::Range>;
  using RangesV6 = std::vector<Ranges<Uint128>::Range>;
  struct Found {
    uint32_t value;
    uint8_t scope;  // in the client's own family
  };

  /// REQUIRES: both are sorted and begin at 0
  NetworkTable(RangesV4 v4, RangesV6 v6);

  /// Of disjoint networks, in order of address; 0 for all others.
  static NetworkTable of(std::span<const std::pair<Prefix, uint32_t>> networks);

  /// No allocation.
  [[nodiscard]] Found find(const IpAddress& client) const {
    if (client.is_v4()) return found(v4_.find(key_of<uint32_t>(client)));
    if (v6_longer_) return found(v6_whole_.find(key_of<Uint128>(client)));
    return found(v6_half_.find(key_of<uint64_t>(client)));
  }
  /// The same networks with `values[number]` for each number.
  [[nodiscard]] NetworkTable with_values(std::span<const uint32_t> values) const;
  [[nodiscard]] size_t size() const { return v4_.size() + v6_half_.size() + v6_whole_.size(); }

 private:
  NetworkTable() = default;
  template <class F>
  static Found found(F f) {
    return {f.value, f.scope};
  }

  Ranges<uint32_t> v4_;
  bool v6_longer_ = false;    // some network is longer than /64
  Ranges<uint64_t> v6_half_;  // else the upper half of the address is enough
  Ranges<Uint128> v6_whole_;
};

}  // namespace popnet::routing
