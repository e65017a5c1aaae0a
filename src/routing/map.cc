#include "routing/map.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "routing/load.h"

namespace popnet::routing {

namespace {

constexpr double share_min = 1e-6;  // a share of nothing would have no place among the scores

using ShareIndex = std::unordered_map<std::string_view, double>;

/// Shares come from other nodes too: what is not a share counts as absent.
ShareIndex index_shares(const std::vector<model::Shares::Target>& targets) {
  ShareIndex index;
  for (const auto& target : targets)
    if (target.share >= 0 && target.share <= 1) index.emplace(target.name, target.share);
  return index;
}

/// The metrics of `count` targets; nothing is known when they were folded for another config.
std::vector<model::ServiceMetrics> fitted(const std::vector<model::ServiceMetrics>& metrics, size_t count) {
  return metrics.size() == count ? metrics : std::vector<model::ServiceMetrics>(count);
}

void scale_to_one(std::vector<OriginState>& origins, double OriginState::*field) {
  double sum = 0;
  for (const auto& origin : origins) sum += origin.*field;
  for (auto& origin : origins)
    origin.*field = std::max(share_min, sum > 0 ? origin.*field / sum : origin.weight);
}

SiteState make_site(const model::Site& site, const std::vector<model::ServiceMetrics>& measured,
                    const ShareIndex& shares) {
  const auto metrics = fitted(measured, site.origins.size());
  SiteState state;
  state.any_alive = false;
  state.alive_families = 0;
  state.origins.resize(site.origins.size());
  for (size_t i = 0; i < site.origins.size(); ++i) state.origins[i].weight = site.origins[i].weight;
  scale_to_one(state.origins, &OriginState::weight);
  const auto origin_loads = loads(site.load, metrics);
  for (size_t i = 0; i < site.origins.size(); ++i) {
    auto& origin = state.origins[i];
    const std::string name = model::TargetId::origin(site.name, site.origins[i].name).name;
    origin.load = origin_loads[i].value;
    origin.load_known = origin_loads[i].known;
    origin.alive = metrics[i].health != model::Health::down;
    const auto share = shares.find(name);
    origin.share = share != shares.end() ? share->second : origin.weight;
    origin.key = hash_bytes(name);
    origin.families = site.origins[i].endpoint.address.is_v4() ? family_v4 : family_v6;
    state.any_alive |= origin.alive;
    if (origin.alive) state.alive_families |= origin.families;
    state.degraded |= !origin.alive;
  }
  scale_to_one(state.origins, &OriginState::share);
  return state;
}

std::vector<PopState> make_pops(const model::Config& config,
                                const std::vector<model::ServiceMetrics>& measured,
                                const ShareIndex& accepts) {
  const auto metrics = fitted(measured, config.pops.size());
  std::vector<PopState> pops(config.pops.size());
  const auto loads = pop_loads(config.network.pop_load, metrics);
  for (size_t i = 0; i < pops.size(); ++i) {
    const std::string& name = config.pops[i].name;
    const auto accept = accepts.find(name);
    pops[i] = {.load = loads[i].value,
               .load_known = loads[i].known,
               .alive = metrics[i].health != model::Health::down,
               .accept = accept != accepts.end() ? accept->second : 1,
               .weight = config.pops[i].weight,
               .key = hash_bytes(name),
               .families = 0};
    for (const IpAddress& address : config.pops[i].addresses)
      pops[i].families |= address.is_v4() ? family_v4 : family_v6;
  }
  return pops;
}

/// What load has made of a rule's pool.
std::vector<double> pool_shares(const model::Site& site, const SiteState& state, const Rule& rule,
                                const ShareIndex& shares) {
  std::vector<double> result(site.origins.size(), share_min);
  for (const uint16_t i : rule.targets) {
    const auto share = shares.find(model::TargetId::origin(site.name, site.origins[i].name).name + rule.pool);
    result[i] = std::max(share_min, share != shares.end() ? share->second : state.origins[i].weight);
  }
  return result;
}

void add_chain_states(const model::Config& config, const ShareIndex& shares, const Map* before, Map& map) {
  const bool lends = before != nullptr && before->chains == map.chains;
  const auto as_targets = [](const auto& states) {
    std::vector<ChainState::Target> targets;
    for (const auto& state : states) targets.push_back({state.families, state.alive});
    return targets;
  };
  const auto pops = as_targets(map.pops);
  std::vector<ChainState::Target> origins;
  const SiteState* site = nullptr;  // that they are of
  TableCache tables;
  for (const Chain& chain : *map.chains) {
    const bool of_origins = chain.resolve == model::Resolve::origin;
    if (of_origins && site != &map.sites[chain.site]) {
      site = &map.sites[chain.site];
      origins = as_targets(site->origins);
    }
    map.chain_states.emplace_back(chain, of_origins ? origins : pops,
                                  lends ? &before->chain_states[map.chain_states.size()] : nullptr, tables);
    for (size_t i = 0; i < chain.rules.size(); ++i)
      if (!chain.rules[i].pool.empty())
        map.chain_states.back().set_shares(
            i, pool_shares(config.sites[chain.site], map.sites[chain.site], chain.rules[i], shares));
  }
}

}  // namespace

Map make_map(const model::Config& config, const model::MetricsSnapshot& metrics, const model::Shares& shares,
             uint64_t generation, TimePoint now) {
  return make_map(config, metrics, shares, generation, make_client_table(config, {}, now), now);
}

Map make_map(const model::Config& config, const model::MetricsSnapshot& metrics, const model::Shares& shares,
             uint64_t generation, ClientTable clients, TimePoint now, std::shared_ptr<const Chains> chains,
             const Map* before) {
  Map map;
  map.generation = generation;
  map.at = now;
  const std::vector<model::ServiceMetrics> nothing;
  const auto origin_shares = index_shares(shares.origins);
  map.sites.reserve(config.sites.size());
  for (size_t i = 0; i < config.sites.size(); ++i)
    map.sites.push_back(
        make_site(config.sites[i], i < metrics.origins.size() ? metrics.origins[i] : nothing, origin_shares));
  map.pops = make_pops(config, metrics.pops, index_shares(shares.pops));
  map.any_pop_alive =
      std::any_of(map.pops.begin(), map.pops.end(), [](const PopState& pop) { return pop.alive; });
  map.alive_pop_families = 0;
  for (const PopState& pop : map.pops)
    if (pop.alive) map.alive_pop_families |= pop.families;
  map.pops_degraded =
      !std::all_of(map.pops.begin(), map.pops.end(), [](const PopState& pop) { return pop.alive; });
  map.clients = std::move(clients);
  map.chains = chains ? std::move(chains) : make_chains(config);
  add_chain_states(config, origin_shares, before, map);
  return map;
}

}  // namespace popnet::routing
