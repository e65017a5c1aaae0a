#include "cluster/fold/fold.h"

#include <algorithm>

namespace popnet::cluster {

namespace {

using model::Health;
using model::ProbeSample;
using model::TargetId;

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

bool same_health(const std::vector<model::ServiceMetrics>& a, const std::vector<model::ServiceMetrics>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return is_down(x) == is_down(y); });
}

}  // namespace

bool Fold::add(const ProbeSample& sample) {
  if (sample.target.kind == TargetId::Kind::client) return add_client(sample);
  Targets& targets = sample.target.kind == TargetId::Kind::origin ? origins_ : pops_;
  const auto [entry, is_new] = targets[sample.target.name].try_emplace({sample.prober, sample.probe});
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
  if (clients_.size() >= client_networks_max_ && !clients_.contains(*network)) return false;
  const uint32_t prober = client_prober(sample.prober);
  auto& rtts = clients_[*network];
  auto rtt = std::find_if(rtts.begin(), rtts.end(), [&](const Rtt& held) { return held.prober == prober; });
  if (rtt == rtts.end()) rtt = rtts.insert(rtts.end(), {prober, {}});
  if (sample.at >= rtt->ms.at) rtt->ms = {reading->value, sample.at, sample.max_age};
  return false;
}

uint32_t Fold::client_prober(const std::string& name) {
  const auto found = std::find(client_probers_.begin(), client_probers_.end(), name);
  if (found == client_probers_.end()) client_probers_.push_back(name);
  return static_cast<uint32_t>(std::find(client_probers_.begin(), client_probers_.end(), name) -
                               client_probers_.begin());
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
  for (auto& [network, rtts] : clients_)
    std::erase_if(rtts, [now](const Rtt& rtt) { return !is_fresh(rtt.ms.at, rtt.ms.max_age, now); });
  std::erase_if(clients_, [](const auto& entry) { return entry.second.empty(); });
}

void Fold::conclude_health(const Target& target, const Voters& silenced, TimePoint now,
                           model::ServiceMetrics& result) {
  TimePoint error_at{};
  for (auto entry = target.begin(); entry != target.end();) {
    const std::string& prober = entry->first.first;
    const bool counts = std::find(silenced.begin(), silenced.end(), prober) == silenced.end();
    bool has_verdict = false, down = false;
    for (; entry != target.end() && entry->first.first == prober; ++entry) {
      const ProbeSample& verdict = entry->second.verdict;
      if (!counts || !is_fresh(verdict.at, verdict.max_age, now)) continue;
      if (!verdict.ok && verdict.at >= error_at) {
        error_at = verdict.at;
        result.error = verdict.probe + ": " + verdict.error;
      }
      if (!verdict.affects_health) continue;
      has_verdict = true;
      down |= !verdict.healthy;
      result.health_at = std::max(result.health_at, verdict.at);
    }
    if (has_verdict) ++(down ? result.probers_down : result.probers_up);
  }
  if (result.probers_up + result.probers_down > 0)
    result.health = result.probers_down > result.probers_up ? Health::down : Health::up;
}

std::optional<model::Value> Fold::conclude_value(const Target& target, size_t metric, TimePoint now) {
  std::vector<double> values;
  TimePoint newest{};
  for (auto entry = target.begin(); entry != target.end();) {
    const std::string& prober = entry->first.first;
    const Held* of_prober = nullptr;
    for (; entry != target.end() && entry->first.first == prober; ++entry) {
      const auto& held = entry->second.values[metric];
      if (held && is_fresh(held->at, held->max_age, now) && (!of_prober || held->at > of_prober->at))
        of_prober = &*held;
    }
    if (!of_prober) continue;
    values.push_back(of_prober->value);
    newest = std::max(newest, of_prober->at);
  }
  if (values.empty()) return std::nullopt;
  const auto count = static_cast<uint16_t>(values.size());
  return model::Value{median(values), newest, count};
}

model::ServiceMetrics Fold::conclude(const Targets& targets, const std::string& name, const Voters& silenced,
                                     TimePoint now) {
  const auto found = targets.find(name);
  if (found == targets.end()) return {};
  model::ServiceMetrics result;
  conclude_health(found->second, silenced, now, result);
  for (size_t metric = 0; metric < model::metric_count; ++metric)
    result.values[metric] = conclude_value(found->second, metric, now);
  return result;
}

/// The POPs of this config by index into client_probers_.
std::vector<std::optional<uint32_t>> Fold::client_pops(const model::Config& config) const {
  std::vector<std::optional<uint32_t>> pops(client_probers_.size());
  for (size_t i = 0; i < client_probers_.size(); ++i)
    for (uint32_t pop = 0; pop < config.pops.size(); ++pop)
      if (config.pops[pop].name == client_probers_[i]) pops[i] = pop;
  return pops;
}

void Fold::conclude_clients(const model::Config& config, TimePoint now,
                            model::MetricsSnapshot& result) const {
  const auto pops = client_pops(config);
  result.clients.reserve(clients_.size());
  for (const auto& [network, rtts] : clients_) {
    model::ClientMetrics client;
    for (const auto& rtt : rtts)
      if (pops[rtt.prober] && is_fresh(rtt.ms.at, rtt.ms.max_age, now))
        client.rtts.push_back({*pops[rtt.prober], rtt.ms.value, rtt.ms.at});
    if (!client.rtts.empty()) result.clients.emplace(network, std::move(client));
  }
}

model::MetricsSnapshot Fold::snapshot(const model::Config& config, uint64_t generation, TimePoint now) const {
  model::MetricsSnapshot result;
  result.generation = generation;
  result.at = now;
  Voters down_pops;
  for (const auto& pop : config.pops) {
    result.pops.push_back(conclude(pops_, pop.name, {pop.name}, now));
    if (is_down(result.pops.back())) down_pops.push_back(pop.name);
  }
  if (down_pops.size() == config.pops.size()) down_pops.clear();
  for (const auto& site : config.sites) {
    auto& origins = result.origins.emplace_back();
    for (const auto& origin : site.origins) {
      const std::string name = TargetId::origin(site.name, origin.name).name;
      origins.push_back(conclude(origins_, name, down_pops, now));
      if (origins.back().health == Health::unknown) origins.back() = conclude(origins_, name, {}, now);
    }
  }
  conclude_clients(config, now, result);
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
  for (const auto& [network, rtts] : clients_)
    for (const auto& rtt : rtts) {
      if (!is_fresh(rtt.ms.at, rtt.ms.max_age, now)) continue;
      ProbeSample sample;
      sample.prober = client_probers_[rtt.prober];
      sample.target = TargetId::client(network);
      sample.ok = true;
      sample.affects_health = false;
      sample.readings = {{model::Metric::rtt_ms, rtt.ms.value}};
      sample.at = rtt.ms.at;
      sample.max_age = rtt.ms.max_age;
      result.push_back(std::move(sample));
    }
  std::stable_sort(result.begin(), result.end(),
                   [](const ProbeSample& a, const ProbeSample& b) { return a.at < b.at; });
  return result;
}

bool differs_urgently(const model::MetricsSnapshot& before, const model::MetricsSnapshot& after) {
  return !same_health(before.pops, after.pops) ||
         !std::equal(before.origins.begin(), before.origins.end(), after.origins.begin(), after.origins.end(),
                     same_health);
}

}  // namespace popnet::cluster
