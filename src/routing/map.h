// The map: what the hot paths read to decide. Made whole by make_map() off the query path, from one config, one metrics
// snapshot and one set of shares; immutable after that. Indexes are those of the Config it was made from.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/ip.h"
#include "model/config.h"
#include "model/metrics.h"
#include "model/shares.h"

namespace popnet::routing {

/// How a POP's latency to a client network is known; better knowledge first.
enum class LatencySource : uint8_t { measured, configured, distance, none };

/// One POP as seen from one client network.
struct RankedPop {
  uint16_t pop = 0;
  LatencySource source = LatencySource::none;
  float latency_ms = 0;  // distance: an estimate from great-circle distance
};

struct OriginState {
  double load = 0;         // 0 idle .. 1 full; see load.h
  bool load_known = false;
  bool alive = true;       // health is not down
  double share = 0;        // of the site's users, among all origins
  double cumulative = 0;   // sum of the shares of alive origins up to and with this one, scaled so that the last is 1
  double fixed_cumulative = 0;  // the same from weights
};

struct SiteState {
  std::vector<OriginState> origins;
  bool any_alive = true;   // false: fail open
  bool degraded = false;   // some origin is down
};

struct PopState {
  double load = 0;
  bool load_known = false;
  bool alive = true;
  double accept = 1;       // part of its clients that it takes
};

/// Client networks → ranked POPs. Disjoint ranges of addresses, so that one lookup is one search and the range found says
/// how far the answer holds.
class ClientTable {
 public:
  struct Entry {
    Prefix network;                 // the most specific known network
    std::vector<RankedPop> ranking;  // best first, every POP of the config
  };
  struct Found {
    std::span<const RankedPop> ranking;
    uint8_t scope = 0;  // prefix length, in the client's own family, that has this same entry
  };

  ClientTable() = default;
  /// `fallback`: the ranking of networks that no entry contains.
  ClientTable(std::vector<Entry> entries, std::vector<RankedPop> fallback);
  /// No allocation, no locks.
  [[nodiscard]] Found find(const IpAddress& client) const;
  [[nodiscard]] size_t entries() const { return entries_.size(); }

 private:
  struct Range {
    IpAddress first;   // ranges are sorted by it; each ends before the next begins
    uint32_t entry;    // index into entries_, or none
  };
  static constexpr uint32_t none = UINT32_MAX;
  std::vector<Entry> entries_;
  std::vector<RankedPop> fallback_;
  std::vector<Range> ranges_;
};

struct Map {
  uint64_t generation = 0;
  TimePoint at{};
  std::vector<SiteState> sites;
  std::vector<PopState> pops;
  bool any_pop_alive = true;
  bool pops_degraded = false;
  ClientTable clients;
};

/// Pure. `metrics` must have been folded for `config`; `shares` may be older or empty (then weights serve).
Map make_map(const model::Config& config, const model::MetricsSnapshot& metrics, const model::Shares& shares,
             uint64_t generation, TimePoint now);

}  // namespace popnet::routing
