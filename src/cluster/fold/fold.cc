#include "cluster/fold/fold.h"

#include <algorithm>
#include <numeric>

namespace popnet::cluster {

namespace {

using model::Health;
using model::ProbeSample;
using model::TargetId;

constexpr size_t new_clients_min = 4096;  // networks that may wait to join the others
constexpr size_t new_clients_share = 8;   // and more where there are many others: this part of them

bool is_fresh(TimePoint at, Duration max_age, TimePoint now) {
  return at + max_age >= now;
}

bool is_down(const model::ServiceMetrics& target) {
  return target.health == Health::down;
}

double median(std::vector<double>& values) {
  const size_t middle = values.size() / 2;
  std::sort(values.begin(), values.end());
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// What the nodes of a POP say of it, each of its own part.
double whole_of(model::Metric metric, const std::vector<double>& parts) {
  if (metric == model::Metric::traffic) return std::accumulate(parts.begin(), parts.end(), 0.0);
  return *std::max_element(parts.begin(), parts.end());
}

}  // namespace

bool Fold::add(const ProbeSample& sample) {
  if (sample.target.kind == TargetId::Kind::client) return add_client(sample);
  Targets& targets = sample.target.kind == TargetId::Kind::origin ? origins_ : pops_;
  const auto [entry, is_new] =
      targets[sample.target.name].try_emplace(ProbeKey{sample.prober.pop, sample.prober.name, sample.probe});
  Probe& probe = entry->second;
  if (!is_new && sample.at < probe.verdict.at) return false;
  const bool was_healthy = is_new || probe.verdict.healthy;
  probe.verdict = sample;
  probe.verdict.readings.clear();
  if (sample.ok)
    for (const auto& reading : sample.readings)
      probe.values[static_cast<size_t>(reading.metric)] = Held{reading.value, sample.at, sample.max_age};
  return sample.affects_health && (is_new || was_healthy != sample.healthy);
}

bool Fold::add_client(const ProbeSample& sample) {
  const auto network = Prefix::parse(sample.target.name);
  const auto reading =
      std::find_if(sample.readings.begin(), sample.readings.end(),
                   [](const model::Reading& r) { return r.metric == model::Metric::rtt_ms; });
  if (!network || !sample.ok || reading == sample.readings.end()) return false;
  const Rtt rtt{sample.at, static_cast<float>(reading->value),
                client_source({sample.prober, sample.max_age})};
  if (Rtt* held = client_rtt(*network, sample.prober)) {
    if (rtt.at < held->at) return false;
    *held = rtt;
  } else {
    const bool known = !clients_.find(*network).empty() || new_clients_.contains(*network);
    if (!known && client_networks() >= client_networks_max_) return false;
    new_networks_ += known ? 0 : 1;
    new_clients_[*network].push_back(rtt);
    if (new_clients_.size() > std::max(new_clients_min, clients_.size() / new_clients_share))
      join_clients(TimePoint::min());
  }
  ++client_changes_;
  return false;
}

/// Null if this node has not measured the network.
Fold::Rtt* Fold::client_rtt(const Prefix& network, const model::NodeId& prober) {
  const auto by_prober = [&](std::span<Rtt> rtts) -> Rtt* {
    for (Rtt& rtt : rtts)
      if (client_sources_[rtt.source].prober == prober) return &rtt;
    return nullptr;
  };
  if (Rtt* held = by_prober(clients_.find(network))) return held;
  const auto found = new_clients_.find(network);
  return found != new_clients_.end() ? by_prober(found->second) : nullptr;
}

uint32_t Fold::client_source(ClientSource source) {
  const auto found = std::find(client_sources_.begin(), client_sources_.end(), source);
  const auto index = static_cast<uint32_t>(found - client_sources_.begin());
  if (found == client_sources_.end()) client_sources_.push_back(std::move(source));
  return index;
}

bool Fold::counts(const Rtt& rtt, TimePoint now) const {
  return is_fresh(rtt.at, client_sources_[rtt.source].max_age, now);
}

/// Calls visit(network, rtts) for all networks in order: twice in a row for one that is in both places.
template <class Visit>
void Fold::each_client(Visit visit) const {
  size_t i = 0;
  const auto held_before = [&](const Prefix* network) {
    for (; i < clients_.size() && (network == nullptr || clients_[i].network <= *network); ++i)
      visit(clients_[i].network, clients_[i].values);
  };
  for (const auto& [network, rtts] : new_clients_) {
    held_before(&network);
    visit(network, std::span<const Rtt>(rtts));
  }
  held_before(nullptr);
}

/// Puts all that is fresh at `now` into clients_, and forgets the sources of what is not.
void Fold::join_clients(TimePoint now) {
  NetworkLists<Rtt> joined;
  joined.reserve(client_networks(), clients_.value_count() + new_clients_.size());
  std::vector<ClientSource> sources;
  std::vector<uint32_t> new_index(client_sources_.size(), UINT32_MAX);
  each_client([&](const Prefix& network, std::span<const Rtt> rtts) {
    for (Rtt rtt : rtts) {
      if (!counts(rtt, now)) continue;
      uint32_t& index = new_index[rtt.source];
      if (index == UINT32_MAX) {
        index = static_cast<uint32_t>(sources.size());
        sources.push_back(client_sources_[rtt.source]);
      }
      rtt.source = index;
      joined.add(network, rtt);
    }
  });
  clients_ = std::move(joined);
  client_sources_ = std::move(sources);
  new_clients_.clear();
  new_networks_ = 0;
}

bool Fold::holds_fresh(const Probe& probe, TimePoint now) {
  return is_fresh(probe.verdict.at, probe.verdict.max_age, now) ||
         std::any_of(probe.values.begin(), probe.values.end(),
                     [now](const auto& held) { return held && is_fresh(held->at, held->max_age, now); });
}

void Fold::forget(TimePoint now) {
  for (Targets* targets : {&origins_, &pops_}) {
    for (auto& [name, target] : *targets)
      std::erase_if(target, [now](const auto& entry) { return !holds_fresh(entry.second, now); });
    std::erase_if(*targets, [](const auto& entry) { return entry.second.empty(); });
  }
}

void Fold::forget_clients(TimePoint now) {
  size_t old = 0;
  each_client([&](const Prefix&, std::span<const Rtt> rtts) {
    for (const Rtt& rtt : rtts) old += counts(rtt, now) ? 0 : 1;
  });
  if (old > 0 || !new_clients_.empty()) join_clients(now);
  client_changes_ += old;
}

void Fold::conclude_health(const Target& target, const Voters& silenced, TimePoint now,
                           model::ServiceMetrics& result) {
  TimePoint error_at{};
  const auto hear = [&](const ProbeSample& verdict) {
    if (!verdict.ok && verdict.at >= error_at) {
      error_at = verdict.at;
      result.error = verdict.probe + ": " + verdict.error;
    }
    if (verdict.affects_health) result.health_at = std::max(result.health_at, verdict.at);
    return verdict.affects_health;
  };
  for (auto at = target.begin(); at != target.end();) {
    const std::string& pop = at->first.pop;
    const bool counts = std::find(silenced.begin(), silenced.end(), pop) == silenced.end();
    int nodes_up = 0, nodes_down = 0;
    while (at != target.end() && at->first.pop == pop) {
      const std::string& node = at->first.node;
      bool has_verdict = false, down = false;
      for (; at != target.end() && at->first.pop == pop && at->first.node == node; ++at) {
        const ProbeSample& verdict = at->second.verdict;
        if (!counts || !is_fresh(verdict.at, verdict.max_age, now) || !hear(verdict)) continue;
        has_verdict = true;
        down |= !verdict.healthy;
      }
      if (has_verdict) ++(down ? nodes_down : nodes_up);
    }
    if (nodes_up + nodes_down > 0) ++(nodes_down > nodes_up ? result.probers_down : result.probers_up);
  }
  if (result.probers_up + result.probers_down > 0)
    result.health = result.probers_down > result.probers_up ? Health::down : Health::up;
}

/// Goes on behind the probes of one node.
std::optional<Fold::Held> Fold::newest_of_node(Place& at, Place end, size_t metric, TimePoint now) {
  const ProbeKey& first = at->first;
  std::optional<Held> newest;
  for (; at != end && at->first.pop == first.pop && at->first.node == first.node; ++at) {
    const auto& held = at->second.values[metric];
    if (held && is_fresh(held->at, held->max_age, now) && (!newest || held->at > newest->at)) newest = held;
  }
  return newest;
}

std::optional<model::Value> Fold::conclude_value(const Target& target, const std::string& own_pop,
                                                 size_t metric, TimePoint now) {
  std::vector<double> of_pops;
  TimePoint newest{};
  for (auto at = target.begin(); at != target.end();) {
    const std::string& pop = at->first.pop;
    std::vector<double> of_nodes;
    while (at != target.end() && at->first.pop == pop) {
      const auto held = newest_of_node(at, target.end(), metric, now);
      if (!held) continue;
      of_nodes.push_back(held->value);
      newest = std::max(newest, held->at);
    }
    if (of_nodes.empty()) continue;
    of_pops.push_back(pop == own_pop ? whole_of(static_cast<model::Metric>(metric), of_nodes)
                                     : median(of_nodes));
  }
  if (of_pops.empty()) return std::nullopt;
  const auto count = static_cast<uint16_t>(of_pops.size());
  return model::Value{median(of_pops), newest, count};
}

model::ServiceMetrics Fold::conclude(const Targets& targets, const TargetId& target, const Voters& silenced,
                                     TimePoint now) {
  const std::string own_pop = target.kind == TargetId::Kind::pop ? target.name : std::string();
  const auto found = targets.find(target.name);
  if (found == targets.end()) return {};
  model::ServiceMetrics result;
  conclude_health(found->second, silenced, now, result);
  for (size_t metric = 0; metric < model::metric_count; ++metric)
    result.values[metric] = conclude_value(found->second, own_pop, metric, now);
  return result;
}

/// The POPs of this config by index into client_sources_.
std::vector<std::optional<uint32_t>> Fold::client_pops(const model::Config& config) const {
  std::vector<std::optional<uint32_t>> pops(client_sources_.size());
  for (size_t i = 0; i < client_sources_.size(); ++i)
    for (uint32_t pop = 0; pop < config.pops.size(); ++pop)
      if (config.pops[pop].name == client_sources_[i].prober.pop) pops[i] = pop;
  return pops;
}

model::ClientsMetrics Fold::clients(const model::Config& config, TimePoint now) const {
  const auto pops = client_pops(config);
  model::ClientsMetrics result;
  result.reserve(client_networks(), clients_.value_count());
  Prefix current;
  std::vector<model::ClientRtt> of_current;
  std::vector<float> nodes(config.pops.size());  // of each POP, that have measured it
  const auto finish = [&] {
    if (!of_current.empty()) result.append(current, of_current);
    of_current.clear();
  };
  each_client([&](const Prefix& network, std::span<const Rtt> rtts) {
    if (network != current) finish();
    current = network;
    for (const Rtt& rtt : rtts) {
      const auto& pop = pops[rtt.source];
      if (!pop || !counts(rtt, now)) continue;
      const auto of_pop = std::ranges::find(of_current, *pop, &model::ClientRtt::pop);
      if (of_pop == of_current.end()) {
        of_current.push_back({*pop, rtt.ms, rtt.at});
        nodes[*pop] = 1;
      } else {
        of_pop->ms += (rtt.ms - of_pop->ms) / ++nodes[*pop];  // the mean
        of_pop->at = std::max(of_pop->at, rtt.at);
      }
    }
  });
  finish();
  return result;
}

/// Each node measures its own machine.
std::vector<std::string> Fold::nodes_heard(const std::string& pop, TimePoint now) const {
  std::vector<std::string> nodes;
  const auto target = pops_.find(pop);
  if (target == pops_.end()) return nodes;
  for (const auto& [key, probe] : target->second)
    if (key.pop == pop && holds_fresh(probe, now) && (nodes.empty() || nodes.back() != key.node))
      nodes.push_back(key.node);
  return nodes;
}

model::MetricsSnapshot Fold::snapshot(const model::Config& config, uint64_t generation, TimePoint now) const {
  model::MetricsSnapshot result;
  result.generation = generation;
  result.at = now;
  Voters down_pops;
  for (const auto& pop : config.pops) {
    result.pops.push_back(conclude(pops_, TargetId::pop(pop.name), {pop.name}, now));
    result.pop_nodes.push_back(nodes_heard(pop.name, now));
    if (is_down(result.pops.back())) down_pops.push_back(pop.name);
  }
  if (down_pops.size() == config.pops.size()) down_pops.clear();
  for (const auto& site : config.sites) {
    auto& origins = result.origins.emplace_back();
    for (const auto& origin : site.origins) {
      const TargetId target = TargetId::origin(site.name, origin.name);
      origins.push_back(conclude(origins_, target, down_pops, now));
      if (origins.back().health == Health::unknown) origins.back() = conclude(origins_, target, {}, now);
    }
  }
  return result;
}

/// One sample for the verdict, with the values of that attempt, and one for each older value.
void Fold::add_samples(const Probe& probe, TimePoint now, std::vector<ProbeSample>& result) {
  ProbeSample newest = probe.verdict;
  for (size_t metric = 0; metric < model::metric_count; ++metric) {
    const auto& held = probe.values[metric];
    if (!held || !is_fresh(held->at, held->max_age, now)) continue;
    const model::Reading reading{static_cast<model::Metric>(metric), held->value};
    if (held->at == newest.at && newest.ok) {
      newest.readings.push_back(reading);
      continue;
    }
    ProbeSample older = probe.verdict;
    older.ok = true;
    older.error.clear();
    older.readings = {reading};
    older.at = held->at;
    older.max_age = held->max_age;
    result.push_back(std::move(older));
  }
  if (is_fresh(newest.at, newest.max_age, now)) result.push_back(std::move(newest));
}

std::vector<ProbeSample> Fold::samples(TimePoint now) const {
  std::vector<ProbeSample> result;
  for (const Targets* targets : {&origins_, &pops_})
    for (const auto& [name, target] : *targets)
      for (const auto& [key, probe] : target) add_samples(probe, now, result);
  each_client([&](const Prefix& network, std::span<const Rtt> rtts) {
    for (const Rtt& rtt : rtts) {
      if (!counts(rtt, now)) continue;
      ProbeSample sample;
      sample.prober = client_sources_[rtt.source].prober;
      sample.target = TargetId::client(network);
      sample.ok = true;
      sample.affects_health = false;
      sample.readings = {{model::Metric::rtt_ms, rtt.ms}};
      sample.at = rtt.at;
      sample.max_age = client_sources_[rtt.source].max_age;
      result.push_back(std::move(sample));
    }
  });
  std::stable_sort(result.begin(), result.end(),
                   [](const ProbeSample& a, const ProbeSample& b) { return a.at < b.at; });
  return result;
}

}  // namespace popnet::cluster
