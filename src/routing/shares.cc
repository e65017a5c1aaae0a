#include "routing/shares.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>
#include <unordered_map>

#include "common/hash.h"
#include "routing/load.h"

namespace popnet::routing {

namespace {

using Previous = std::unordered_map<std::string_view, double>;

constexpr double lag = 2;         // seconds from a load to its being known, beside the probe interval
constexpr double load_min = 0.1;  // less does not make the bound on the rate wider
constexpr double idle_pull_dead_times = 5;  // time constant of the drift back to the weights

Previous index_previous(const std::vector<model::Shares::Target>& targets) {
  Previous index;
  for (const auto& target : targets)
    if (target.share >= 0 && target.share <= 1) index.emplace(target.name, target.share);
  return index;
}

/// What the steps of one site, or of the POPs, have in common.
struct Pace {
  const model::Controller& controller;
  double dead_time;  // seconds; see shares.h
  double dt;         // seconds since the last step

  /// Of moving, each second and unit of load.
  [[nodiscard]] double rate(double share, double load) const {
    return std::min(controller.gain, share / (std::numbers::e * std::max(load, load_min) * dead_time));
  }
  [[nodiscard]] double beyond_deadband(double error) const {
    return std::max(0.0, error - controller.deadband);
  }
  [[nodiscard]] double step_max() const { return controller.step_max * dt; }
};

double interval_max(const std::vector<model::ProbeSpec>& probes) {
  Duration longest{};
  for (const auto& probe : probes) longest = std::max(longest, probe.interval);
  return to_seconds(longest);
}

/// See "why the rate is bounded" in shares.h.
double dead_time(Duration ttl, double probe_interval) {
  return to_seconds(ttl) / 2 + probe_interval + lag;
}

double site_dead_time(const model::Site& site) {
  Duration ttl{};
  for (const auto& host : site.hostnames)
    if (host.resolve == model::Resolve::origin) ttl = std::max(ttl, longest_ttl(host));
  double interval = 0;
  for (const auto& origin : site.origins) interval = std::max(interval, interval_max(origin.probes));
  return dead_time(ttl, interval);
}

double pop_dead_time(const model::Config& config) {
  Duration ttl = config.network.content_ttl;
  for (const auto& site : config.sites)
    for (const auto& host : site.hostnames)
      if (host.resolve == model::Resolve::pop) ttl = std::max(ttl, longest_ttl(host));
  return dead_time(ttl, interval_max(config.network.pop_probes));
}

// ---- origins ------------------------------------------------------------------------------------

struct Origin {
  double share = 0;
  double weight = 0;  // as a share
  double load = 0;
  bool known = false;
  bool alive = true;
  double error = 0;

  [[nodiscard]] double floor() const { return floor_of_fair * weight; }
};
using Origins = std::vector<Origin>;

double sum_of(const Origins& origins, double Origin::*field) {
  double sum = 0;
  for (const auto& origin : origins) sum += origin.*field;
  return sum;
}

void scale_to_one(Origins& origins, double Origin::*field) {
  const double sum = sum_of(origins, field);
  for (auto& origin : origins) origin.*field /= sum;
}

std::string name_in(const model::Site& site, const Pool& pool, size_t member) {
  return model::TargetId::origin(site.name, site.origins[pool.members[member]].name).name + pool.suffix;
}

/// All origins of a site as they are now.
Origins measured(const model::Site& site, const std::vector<model::ServiceMetrics>* metrics) {
  const std::vector<model::ServiceMetrics> unknown(site.origins.size());
  if (!metrics || metrics->size() != site.origins.size()) metrics = &unknown;
  const auto origin_loads = loads(site.load, *metrics);
  Origins origins(site.origins.size());
  for (size_t i = 0; i < origins.size(); ++i)
    origins[i] = {.weight = site.origins[i].weight,
                  .load = origin_loads[i].value,
                  .known = origin_loads[i].known,
                  .alive = (*metrics)[i].health != model::Health::down};
  return origins;
}

/// Of a pool: shares as they were, or by weight where nothing was.
Origins start(const model::Site& site, const Pool& pool, const Origins& all, const Previous& previous) {
  Origins origins;
  for (const uint16_t member : pool.members) origins.push_back(all[member]);
  scale_to_one(origins, &Origin::weight);
  double seen = 0;
  for (size_t i = 0; i < origins.size(); ++i) {
    const auto before = previous.find(name_in(site, pool, i));
    if (before != previous.end()) seen += origins[i].share = before->second;
  }
  for (auto& origin : origins)
    origin.share = seen > 0 ? std::max(origin.share, origin.floor()) : origin.weight;
  scale_to_one(origins, &Origin::share);
  return origins;
}

/// Takes the dead out, letting their shares fall. Returns the living with shares that sum to 1.
Origins take_living(Origins& origins, const Pace& pace) {
  Origins living;
  for (auto& origin : origins) {
    if (origin.alive)
      living.push_back(origin);
    else
      origin.share = std::max(std::min(origin.share, origin.floor()), origin.share - pace.step_max());
  }
  scale_to_one(living, &Origin::share);
  scale_to_one(living, &Origin::weight);
  return living;
}

/// The living share what the dead do not hold.
void put_back(Origins& origins, const Origins& living) {
  double room = 1;
  for (const auto& origin : origins)
    if (!origin.alive) room -= origin.share;
  size_t next = 0;
  for (auto& origin : origins)
    if (origin.alive) origin.share = living[next++].share * room;
}

void find_errors(Origins& origins) {
  double mean = 0, share = 0;
  for (const auto& origin : origins)
    if (origin.known) mean += origin.share * origin.load, share += origin.share;
  for (auto& origin : origins) origin.error = origin.known ? mean / share - origin.load : 0;
}

/// Moves share from origins above the mean to those below it.
void follow_load(Origins& origins, const Pace& pace) {
  double drive = 0, gives = 0, takes = 0, fastest = 0;
  std::vector<double> pull(origins.size());  // how strongly each gives (< 0) or takes (> 0)
  for (size_t i = 0; i < origins.size(); ++i) {
    const double rate = pace.rate(origins[i].share, origins[i].load);
    pull[i] = rate * origins[i].error;
    drive += rate * pace.beyond_deadband(std::abs(origins[i].error)) * pace.dt / 2;
    (pull[i] < 0 ? gives : takes) += std::abs(pull[i]);
  }
  if (drive <= 0 || gives <= 0 || takes <= 0) return;
  for (const double p : pull) fastest = std::max(fastest, std::abs(p) / (p < 0 ? gives : takes));
  const double moved = std::min(drive, pace.step_max() / fastest);
  double given = 0;
  for (size_t i = 0; i < origins.size(); ++i) {
    if (pull[i] >= 0) continue;
    const double part =
        std::min(moved * -pull[i] / gives, std::max(0.0, origins[i].share - origins[i].floor()));
    origins[i].share -= part;
    given += part;
  }
  for (size_t i = 0; i < origins.size(); ++i)
    if (pull[i] > 0) origins[i].share += given * pull[i] / takes;
}

/// Drifts back to the weights, the more the smaller the errors are.
void follow_weights(Origins& origins, const Pace& pace) {
  double error_max = 0, farthest = 0;
  for (const auto& origin : origins) {
    error_max = std::max(error_max, std::abs(origin.error));
    farthest = std::max(farthest, std::abs(origin.weight - origin.share));
  }
  const double calm = error_max > 0 ? 1 - 2 * error_max / pace.controller.deadband : 1;
  if (calm <= 0 || farthest <= 0) return;
  const double part =
      std::min({1.0, calm * pace.dt / (idle_pull_dead_times * pace.dead_time), pace.step_max() / farthest});
  for (auto& origin : origins) origin.share += part * (origin.weight - origin.share);
}

void step_pool(const model::Site& site, const Pool& pool, const Origins& all, const Pace& pace,
               const Previous& previous, std::vector<model::Shares::Target>& result) {
  Origins origins = start(site, pool, all, previous);
  if (std::any_of(origins.begin(), origins.end(), [](const Origin& origin) { return origin.alive; })) {
    Origins living = take_living(origins, pace);
    find_errors(living);
    follow_load(living, pace);
    follow_weights(living, pace);
    put_back(origins, living);
  }
  for (size_t i = 0; i < origins.size(); ++i) result.push_back({name_in(site, pool, i), origins[i].share});
}

void step_site(const model::Site& site, const std::vector<model::ServiceMetrics>* metrics,
               const Previous& previous, double dt, std::vector<model::Shares::Target>& result) {
  const Pace pace{site.controller, site_dead_time(site), dt};
  const Origins all = measured(site, metrics);
  for (const Pool& pool : pools_of(site)) step_pool(site, pool, all, pace, previous, result);
}

// ---- POPs ---------------------------------------------------------------------------------------

/// `room`: some other POP can take what this one gives away.
double step_accept(double accept, const Load& load, bool room, double target, const Pace& pace) {
  const double over = load.value - target;
  double change = 0;
  if (!load.known)
    change = (1 - accept) * pace.dt / (idle_pull_dead_times * pace.dead_time);
  else if (over > 0)
    change = room ? -pace.rate(accept, load.value) * over * pace.dt : 0;
  else
    change = pace.rate(accept, load.value) * pace.beyond_deadband(-over) * pace.dt;
  return accept + std::clamp(change, -pace.step_max(), pace.step_max());
}

void step_pops(const model::Config& config, const model::MetricsSnapshot& metrics, const Previous& previous,
               double dt, std::vector<model::Shares::Target>& result) {
  const size_t count = config.pops.size();
  const auto measured =
      metrics.pops.size() == count ? metrics.pops : std::vector<model::ServiceMetrics>(count);
  const auto loads = pop_loads(config.network.pop_load, measured);
  const double target = config.network.pop_load_target;
  const Pace pace{config.network.pop_controller, pop_dead_time(config), dt};
  const auto is_down = [](const model::ServiceMetrics& pop) { return pop.health == model::Health::down; };
  const bool all_down = std::all_of(measured.begin(), measured.end(), is_down);
  bool room = false;
  for (size_t i = 0; i < count; ++i)
    room |= !is_down(measured[i]) && (!loads[i].known || loads[i].value < target);
  for (size_t i = 0; i < count; ++i) {
    const auto before = previous.find(config.pops[i].name);
    double accept = before == previous.end() ? 1 : before->second;
    if (is_down(measured[i]) && !all_down)
      accept -= pace.step_max();
    else if (!all_down)
      accept = step_accept(accept, loads[i], room, target, pace);
    result.push_back({config.pops[i].name, std::clamp(accept, accept_min, 1.0)});
  }
}

bool may_lead(const model::Shares& shares, const model::Config& config, const model::MetricsSnapshot& metrics,
              TimePoint now) {
  if (shares.generation == 0 || now - shares.at > heard_max) return false;
  for (size_t i = 0; i < config.pops.size(); ++i)
    if (config.pops[i].name == shares.author.pop)
      return i >= metrics.pops.size() || metrics.pops[i].health != model::Health::down;
  return false;
}

}  // namespace

std::string pool_suffix(const model::Site& site, const std::vector<uint16_t>& members) {
  if (members.size() == site.origins.size()) return {};
  uint64_t hash = hash_seed(members.size());
  std::vector<std::string_view> names;
  for (const uint16_t member : members) names.push_back(site.origins[member].name);
  std::sort(names.begin(), names.end());
  for (const std::string_view name : names) hash = hash_step(hash, hash_bytes(name));
  return fmt::format("@{:016x}", mix64(hash));
}

std::vector<Pool> pools_of(const model::Site& site) {
  std::vector<Pool> pools(1);
  for (uint16_t i = 0; i < site.origins.size(); ++i) pools[0].members.push_back(i);
  std::vector<uint32_t> seen;  // chains
  for (const auto& host : site.hostnames) {
    if (host.chain.empty() || host.resolve != model::Resolve::origin ||
        (!seen.empty() && host.chain_index <= seen.back()))
      continue;
    seen.push_back(host.chain_index);
    for (const auto& rule : host.chain) {
      if (rule.select.value_or(host.select) != model::Select::least_load) continue;
      Pool pool;
      for (const auto& target : rule.targets) pool.members.push_back(target.index);
      std::sort(pool.members.begin(), pool.members.end());
      pool.suffix = pool_suffix(site, pool.members);
      const auto same = [&](const Pool& other) { return other.suffix == pool.suffix; };
      if (std::none_of(pools.begin(), pools.end(), same)) pools.push_back(std::move(pool));
    }
  }
  return pools;
}

model::Shares step(const model::Shares& previous, const model::Config& config,
                   const model::MetricsSnapshot& metrics, TimePoint now, const model::NodeId& author) {
  const Duration passed = std::clamp<Duration>(now - previous.at, Duration::zero(), step_time_max);
  const double dt = previous.generation == 0 ? 0 : to_seconds(passed);
  model::Shares next;
  next.author = author;
  next.generation = previous.generation + 1;
  next.at = now;
  const auto origins_before = index_previous(previous.origins);
  for (size_t i = 0; i < config.sites.size(); ++i)
    step_site(config.sites[i], i < metrics.origins.size() ? &metrics.origins[i] : nullptr, origins_before, dt,
              next.origins);
  step_pops(config, metrics, index_previous(previous.pops), dt, next.pops);
  return next;
}

const model::Shares& adopt(const model::Shares& own, std::span<const model::Shares> heard,
                           const model::Config& config, const model::MetricsSnapshot& metrics,
                           TimePoint now) {
  const model::Shares* leader = may_lead(own, config, metrics, now) ? &own : nullptr;
  for (const auto& other : heard) {
    if (!may_lead(other, config, metrics, now)) continue;
    if (!leader || other.author < leader->author ||
        (other.author == leader->author && other.generation > leader->generation))
      leader = &other;
  }
  return leader ? *leader : own;
}

}  // namespace popnet::routing
