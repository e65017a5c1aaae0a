// The map: what the hot paths read to decide. Made whole by make_map() off the query path, from one config,
// one metrics snapshot and one set of shares; immutable after that. Indexes are those of the Config it was
// made from.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/ip.h"
#include "model/config.h"
#include "model/metrics.h"
#include "model/shares.h"
#include "routing/chain.h"

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
  double load = 0;  // 0 idle .. 1 full; see load.h
  bool load_known = false;
  bool alive = true;  // health is not down
  double share = 0;   // of the site's users, among all origins; > 0
  double weight = 0;  // the configured weight as a share; > 0
  uint64_t key = 0;   // hash of "site/origin": places clients by name, so that an index may change
  Families families = family_v4;
};

struct SiteState {
  std::vector<OriginState> origins;
  bool any_alive = true;  // false: fail open
  Families alive_families =
      family_any;         // of the origins that are alive; a family without any fails open alone
  bool degraded = false;  // some origin is down
};

struct PopState {
  double load = 0;
  bool load_known = false;
  bool alive = true;
  double accept = 1;  // part of its clients that it takes
  double weight = 1;  // as configured
  uint64_t key = 0;   // hash of the name
  Families families = family_v4;
};

/// Client networks → ranked POPs. Disjoint ranges of addresses (ranges.h), so that one lookup is one search
/// and the range found says how far the answer holds. Networks with equal rankings share one. Immutable;
/// copies share the contents.
class PlaceRankings;  // place_rankings.h

class ClientTable {
 public:
  struct Entry {
    Prefix network;                  // the most specific known network
    std::vector<RankedPop> ranking;  // best first, every POP of the config
  };
  struct Found {
    std::span<const RankedPop> ranking;
    uint8_t scope = 0;  // prefix length, in the client's own family, that has this same ranking
  };

  ClientTable();
  /// `fallback`: the ranking of networks that no entry contains. Of two entries for one network the last
  /// given counts. REQUIRES: every ranking is as long as the fallback
  /// `places`: rankings of networks that no entry contains, where a GeoIP database knows more; may be null.
  ClientTable(const std::vector<Entry>& entries, const std::vector<RankedPop>& fallback,
              std::shared_ptr<const PlaceRankings> places = nullptr);
  /// The same, of one entry after the other.
  class Builder {
   public:
    explicit Builder(const std::vector<RankedPop>& fallback,
                     std::shared_ptr<const PlaceRankings> places = nullptr);
    ~Builder();
    Builder(const Builder&) = delete;
    Builder& operator=(const Builder&) = delete;
    void add(const Prefix& network, const std::vector<RankedPop>& ranking);
    ClientTable finish() &&;

   private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
  };

  /// No allocation, no locks. The span lives as long as this table or a copy of it.
  [[nodiscard]] Found find(const IpAddress& client) const&;
  Found find(const IpAddress& client) && = delete;
  /// Asks the processor to fetch what find() will read for this client. Worth its cost where there are many entries: see large().
  void prefetch(const IpAddress& client) const;
  /// More than the processor keeps at hand.
  [[nodiscard]] bool large() const;
  /// What a client of whom nothing may be known gets (RFC 7871 section 7.1.2: SOURCE PREFIX-LENGTH 0).
  [[nodiscard]] Found fallback() const&;
  [[nodiscard]] size_t entries() const;

 private:
  struct Contents;
  std::shared_ptr<const Contents> contents_;
};

/// Ranks every POP for every network that is measured or configured. Pure. Measurements older than
/// config.network.client_latency.max_age at `now` are left out. For what is known of one POP see
/// client_ranking.cc. `places`: of rank_places(config), which is made once.
ClientTable make_client_table(const model::Config& config, const model::ClientsMetrics& measured,
                              TimePoint now, std::shared_ptr<const PlaceRankings> places);
ClientTable make_client_table(const model::Config& config, const model::ClientsMetrics& measured,
                              TimePoint now);
/// By config.geo and the locations of POPs; null when these tell nothing.
std::shared_ptr<const PlaceRankings> rank_places(const model::Config& config);

/// Round trip between two places that are this far apart, in ms; for ranking, not for promises.
double estimate_rtt_ms(const model::GeoPoint& a, const model::GeoPoint& b);

struct Map {
  uint64_t generation = 0;
  TimePoint at{};
  std::vector<SiteState> sites;
  std::vector<PopState> pops;
  bool any_pop_alive = true;
  Families alive_pop_families = family_any;
  bool pops_degraded = false;
  ClientTable clients;
  std::shared_ptr<const Chains> chains;  // never null in a map that was made
  std::vector<ChainState> chain_states;  // of these
};

/// Pure. `metrics` should have been folded for `config`: where their sizes differ nothing counts as known.
/// `shares` may be older or empty (then weights serve). The client table is made before: ranking many
/// networks costs more than all the rest, and latencies move more slowly than loads. REQUIRES: `clients` was
/// made for the same POPs; `chains` for the same config.
///
/// `before`: an earlier map, which lends what has stayed the same; null = none. `chains`: null = made here.
Map make_map(const model::Config& config, const model::MetricsSnapshot& metrics, const model::Shares& shares,
             uint64_t generation, ClientTable clients, TimePoint now,
             std::shared_ptr<const Chains> chains = nullptr, const Map* before = nullptr);
/// With a client table of what is configured alone.
Map make_map(const model::Config& config, const model::MetricsSnapshot& metrics, const model::Shares& shares,
             uint64_t generation, TimePoint now);

}  // namespace popnet::routing
