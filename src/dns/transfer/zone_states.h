// How the zones that are fetched are doing: told by who fetches them, asked for by /metrics. Any thread.
//
//   popnet_dns_fetched_zones{state}                       current, failing, expired, missing
//   popnet_dns_fetched_zone_serial{zone}                  of the version that is served, or was
//   popnet_dns_fetched_zone_age_seconds{zone}             since a primary has confirmed it
//   popnet_dns_fetched_zone_expires_in_seconds{zone}      below 0: it is not served any more
//   popnet_dns_fetched_zone_failing{zone,error}           1 while the last look at its primaries, or what came, was no good
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/counter.h"

namespace popnet::dns {

class ZoneStates {
 public:
  static constexpr size_t zones_told_max =
      1000;  // one by one, those that fail first: a page of metrics has an end

  struct State {
    std::optional<uint32_t> serial;  // nothing: there was never a version
    int64_t confirmed = 0;           // seconds since 1970
    int64_t expires = 0;
    std::string error;  // empty: the last look went well
  };

  void set(const std::string& zone, State state);
  void drop(const std::string& zone);
  /// Adds its lines of /metrics. `now`: seconds since 1970.
  void collect(int64_t now, std::vector<CounterValue>& into) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, State> states_;  // guarded by mutex_
};

}  // namespace popnet::dns
