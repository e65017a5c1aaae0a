#include "routing/explain.h"

#include <algorithm>

#include "routing/explain_rules.h"
#include "routing/load.h"

namespace popnet::routing {

namespace {

using model::Metric;

/// Keeps what decide_* says of each candidate.
class Recorder final : public Trace {
 public:
  explicit Recorder(size_t candidates) : why_(candidates) {}
  void candidate(uint16_t target, const char* why) override { why_.at(target) = why; }
  [[nodiscard]] const std::string& why(size_t target) const { return why_[target]; }

 private:
  std::vector<std::string> why_;
};

void explain_metrics(const model::LoadModel& model, const model::ServiceMetrics& measured, TimePoint now,
                     Candidate& candidate) {
  candidate.health = measured.health;
  if (measured.health != model::Health::unknown) candidate.health_age = now - measured.health_at;
  candidate.probers_up = measured.probers_up;
  candidate.probers_down = measured.probers_down;
  candidate.error = measured.error;
  for (size_t i = 0; i < model::metric_count; ++i) {
    const auto metric = static_cast<Metric>(i);
    const auto& value = measured.get(metric);
    if (!value) continue;
    const auto component = load_component(model, measured, metric);
    candidate.metrics.push_back({.metric = metric,
                                 .value = value->value,
                                 .age = now - value->at,
                                 .probers = value->samples,
                                 .weighed = component.value_or(0),
                                 .counts = component.has_value()});
  }
}

Candidate explain_origin(const Snapshot& snapshot, uint32_t site_index, size_t index, TimePoint now) {
  const model::Site& site = snapshot.config->sites[site_index];
  const model::Origin& origin = site.origins[index];
  const OriginState& state = snapshot.map.sites[site_index].origins[index];
  Candidate candidate;
  candidate.index = static_cast<uint16_t>(index);
  candidate.name = origin.name;
  candidate.addresses = {origin.endpoint.to_string()};
  candidate.alive = state.alive;
  candidate.load = state.load;
  candidate.load_known = state.load_known;
  candidate.share = state.share;
  candidate.weight = origin.weight;
  explain_metrics(site.load, snapshot.metrics->origins[site_index][index], now, candidate);
  return candidate;
}

Candidate explain_pop(const Snapshot& snapshot, size_t index, TimePoint now) {
  const model::Pop& pop = snapshot.config->pops[index];
  const PopState& state = snapshot.map.pops[index];
  Candidate candidate;
  candidate.index = static_cast<uint16_t>(index);
  candidate.name = pop.name;
  for (const auto& address : pop.addresses) candidate.addresses.push_back(address.to_string());
  candidate.alive = state.alive;
  candidate.load = state.load;
  candidate.load_known = state.load_known;
  candidate.share = state.accept;
  candidate.weight = pop.weight;
  explain_metrics(snapshot.config->network.pop_load, snapshot.metrics->pops[index], now, candidate);
  return candidate;
}

/// When this POP measured the client: in the most specific network around it that it has measured.
TimePoint measured_at(const Snapshot& snapshot, const Client& client, uint32_t pop) {
  if (!snapshot.clients) return {};
  for (int length = client.network.length(); length >= 0; --length) {
    for (const auto& rtt : snapshot.clients->find(Prefix(client.network.address(), length)))
      if (rtt.pop == pop) return rtt.at;
  }
  return {};
}

void add_latencies(const Snapshot& snapshot, const Client& client, TimePoint now,
                   std::vector<Candidate>& candidates) {
  for (const RankedPop& ranked : find_ranking(snapshot.map, client).ranking)
    for (Candidate& candidate : candidates)
      if (candidate.index == ranked.pop) {
        candidate.latency_source = ranked.source;
        candidate.latency_ms = ranked.latency_ms;
        if (ranked.source == LatencySource::measured)
          candidate.latency_age = now - measured_at(snapshot, client, ranked.pop);
      }
}

void explain_site_origins(const Snapshot& snapshot, TimePoint now, Explanation& result) {
  const size_t count = snapshot.config->sites[result.host.site].origins.size();
  Recorder recorder(count);
  result.decision = decide_origin(*snapshot.config, snapshot.map, result.host.site, result.host.host,
                                  result.client, &recorder);
  for (size_t i = 0; i < count; ++i) {
    result.candidates.push_back(explain_origin(snapshot, result.host.site, i, now));
    result.candidates.back().why = recorder.why(i);
  }
  if (result.host.host.chain_index >= snapshot.map.chain_states.size()) return;
  const auto& shares =
      snapshot.map.chain_states[result.host.host.chain_index].rule(result.decision.rule).shares;
  for (size_t i = 0; i < shares.size(); ++i) result.candidates[i].share = shares[i];
}

void explain_pops(const Snapshot& snapshot, TimePoint now, Explanation& result) {
  const size_t count = snapshot.config->pops.size();
  Recorder recorder(count);
  result.decision = decide_pop(*snapshot.config, snapshot.map, result.host.host, result.client, &recorder);
  for (size_t i = 0; i < count; ++i) {
    result.candidates.push_back(explain_pop(snapshot, i, now));
    result.candidates.back().why = recorder.why(i);
  }
  add_latencies(snapshot, result.client, now, result.candidates);
}

/// <pop>.<zone> is that POP, dead or alive: it is how operators and probes reach it.
void explain_one_pop(const Snapshot& snapshot, TimePoint now, Explanation& result) {
  result.decision.targets[0] = static_cast<uint16_t>(result.host.pop);
  result.decision.count = 1;
  result.decision.ttl = static_cast<uint32_t>(to_seconds(result.host.host.ttl));
  result.decision.map_generation = snapshot.map.generation;
  result.candidates.push_back(explain_pop(snapshot, result.host.pop, now));
  result.candidates.back().why = "chosen";
  add_latencies(snapshot, result.client, now, result.candidates);
}

void put_chosen_first(Explanation& result) {
  const auto chosen = result.decision.chosen();
  std::stable_sort(result.candidates.begin(), result.candidates.end(),
                   [&](const Candidate& a, const Candidate& b) {
                     return std::find(chosen.begin(), chosen.end(), a.index) <
                            std::find(chosen.begin(), chosen.end(), b.index);
                   });
}

}  // namespace

Result<Explanation> explain(const Snapshot& snapshot, const NameIndex& names, std::string_view name,
                            const Prefix& client, TimePoint now, Families asked) {
  const NamedHost* host = names.find(name);
  if (!host)
    return Error{ErrorCode::not_found, "'" + std::string(name) +
                                           "' is not decided here: expected a hostname of a site, "
                                           "network.content_hostname or <pop>.<network.zone>"};
  Explanation result;
  result.host = *host;
  result.resolve = host->host.resolve;
  result.client = make_client(snapshot.config->network.client_latency, client.address(), client.length());
  result.client.family = asked;
  result.config_generation = snapshot.config->generation;
  result.metrics_generation = snapshot.metrics->generation;
  result.map_age = now - snapshot.map.at;
  result.shares_author = snapshot.shares.author.name;
  if (host->kind == NamedHost::Kind::site) result.site = snapshot.config->sites[host->site].name;
  if (host->kind == NamedHost::Kind::pop)
    explain_one_pop(snapshot, now, result);
  else if (host->host.resolve == model::Resolve::origin)
    explain_site_origins(snapshot, now, result);
  else
    explain_pops(snapshot, now, result);
  put_chosen_first(result);
  result.select = host->host.select;
  result.place = place_in_words(snapshot, result.client);
  result.rules = explain_rules(snapshot, result);
  if (!result.rules.empty())
    result.select = (*snapshot.map.chains)[host->host.chain_index].rules[result.decision.rule].terms.select;
  return result;
}

}  // namespace popnet::routing
