#include "dns/transfer/zone_states.h"

#include <algorithm>
#include <utility>

namespace popnet::dns {

namespace {

constexpr size_t error_size_max = 200;

enum class Condition : uint8_t { current, failing, expired, missing };
constexpr const char* condition_names[] = {"current", "failing", "expired", "missing"};

Condition condition_of(const ZoneStates::State& state, int64_t now) {
  if (!state.serial) return Condition::missing;
  if (now >= state.expires) return Condition::expired;
  return state.error.empty() ? Condition::current : Condition::failing;
}

void add(const char* name, const char* help, std::vector<std::pair<std::string, std::string>> labels,
         double value, std::vector<CounterValue>& into) {
  into.push_back({name, help, CounterValue::Kind::gauge, std::move(labels), value});
}

void collect_zone(const std::string& zone, const ZoneStates::State& state, int64_t now,
                  std::vector<CounterValue>& into) {
  if (state.serial) {
    add("popnet_dns_fetched_zone_serial", "version that was fetched last and put in force", {{"zone", zone}},
        *state.serial, into);
    add("popnet_dns_fetched_zone_age_seconds", "since a primary has confirmed it", {{"zone", zone}},
        static_cast<double>(now - state.confirmed), into);
    add("popnet_dns_fetched_zone_expires_in_seconds", "below 0 it is not served any more", {{"zone", zone}},
        static_cast<double>(state.expires - now), into);
  }
  if (!state.error.empty())
    add("popnet_dns_fetched_zone_failing",
        "1 while the last look at its primaries, or what came, was no good",
        {{"zone", zone}, {"error", state.error.substr(0, error_size_max)}}, 1, into);
}

}  // namespace

void ZoneStates::set(const std::string& zone, State state) {
  const std::lock_guard lock(mutex_);
  states_[zone] = std::move(state);
}

void ZoneStates::drop(const std::string& zone) {
  const std::lock_guard lock(mutex_);
  states_.erase(zone);
}

void ZoneStates::collect(int64_t now, std::vector<CounterValue>& into) const {
  const std::lock_guard lock(mutex_);
  if (states_.empty()) return;
  size_t counts[std::size(condition_names)] = {};
  for (const auto& [zone, state] : states_) ++counts[static_cast<size_t>(condition_of(state, now))];
  for (size_t i = 0; i < std::size(condition_names); ++i)
    add("popnet_dns_fetched_zones", "zones that primaries have, by how they are",
        {{"state", condition_names[i]}}, static_cast<double>(counts[i]), into);
  size_t told = 0;
  for (const bool fails : {true, false})
    for (const auto& [zone, state] : states_)
      if (fails == !state.error.empty() && told++ < zones_told_max) collect_zone(zone, state, now, into);
}

}  // namespace popnet::dns
