#include "control/api/status.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace popnet::control {

namespace {

using Json = nlohmann::ordered_json;

double rounded_ms(Duration d) {
  return std::round(to_ms(d));
}

Json metrics_of(const model::ServiceMetrics& measured, TimePoint now) {
  Json metrics = Json::object();
  for (size_t i = 0; i < model::metric_count; ++i) {
    const auto metric = static_cast<model::Metric>(i);
    if (const auto& value = measured.get(metric))
      metrics[model::to_string(metric)] = {
          {"value", value->value}, {"age_ms", rounded_ms(now - value->at)}, {"probers", value->samples}};
  }
  return metrics;
}

struct Answers {
  uint64_t led = 0;
  uint64_t of = 0;
};

Answers answers_of(const std::vector<uint64_t>& counts, size_t target) {
  return {target < counts.size() ? counts[target] : 0,
          std::accumulate(counts.begin(), counts.end(), uint64_t{0})};
}

/// State: routing::OriginState or PopState.
template <class State>
void add_target(Json& json, const State& state, const model::ServiceMetrics& measured, const Answers& answers,
                TimePoint now) {
  json["alive"] = state.alive;
  json["health"] = model::to_string(measured.health);
  json["health_age_ms"] =
      measured.health == model::Health::unknown ? Json() : Json(rounded_ms(now - measured.health_at));
  json["probers_up"] = measured.probers_up;
  json["probers_down"] = measured.probers_down;
  if (!measured.error.empty()) json["error"] = measured.error;
  json["load"] = state.load_known ? Json(state.load) : Json();
  json["answers"] = answers.led;
  json["answer_share"] =
      answers.of > 0 ? Json(static_cast<double>(answers.led) / static_cast<double>(answers.of)) : Json();
  json["metrics"] = metrics_of(measured, now);
}

Json pops_of(const StatusInput& input, TimePoint now) {
  const routing::Snapshot& snapshot = input.snapshot;
  Json pops = Json::array();
  for (size_t i = 0; i < snapshot.config->pops.size(); ++i) {
    const model::Pop& pop = snapshot.config->pops[i];
    Json json = {{"name", pop.name}, {"here", pop.name == snapshot.config->node.pop}};
    for (const IpAddress& address : pop.addresses) json["addresses"].push_back(address.to_string());
    json["nodes"] =
        i < snapshot.metrics->pop_nodes.size() ? Json(snapshot.metrics->pop_nodes[i]) : Json::array();
    add_target(json, snapshot.map.pops[i], snapshot.metrics->pops[i], answers_of(input.answers.pops, i), now);
    json["accept"] = snapshot.map.pops[i].accept;
    pops.push_back(std::move(json));
  }
  return pops;
}

Json origins_of(const StatusInput& input, size_t site, TimePoint now) {
  static const std::vector<uint64_t> none;
  const auto& counts = site < input.answers.origins.size() ? input.answers.origins[site] : none;
  Json origins = Json::array();
  const auto& configured = input.snapshot.config->sites[site].origins;
  for (size_t i = 0; i < configured.size(); ++i) {
    const routing::OriginState& state = input.snapshot.map.sites[site].origins[i];
    Json json = {{"name", configured[i].name}, {"address", configured[i].endpoint.to_string()}};
    add_target(json, state, input.snapshot.metrics->origins[site][i], answers_of(counts, i), now);
    json["share"] = state.share;
    origins.push_back(std::move(json));
  }
  return origins;
}

Json sites_of(const StatusInput& input, TimePoint now) {
  Json sites = Json::array();
  for (size_t s = 0; s < input.snapshot.config->sites.size(); ++s) {
    const model::Site& site = input.snapshot.config->sites[s];
    Json json = {{"name", site.name}, {"hostnames", Json::array()}};
    for (const model::Hostname& host : site.hostnames) json["hostnames"].push_back(host.name);
    json["origins"] = origins_of(input, s, now);
    sites.push_back(std::move(json));
  }
  return sites;
}

Json counters_of(const std::vector<CounterValue>& counters) {
  Json list = Json::array();
  for (const CounterValue& counter : counters) {
    Json labels = Json::object();
    for (const auto& [name, value] : counter.labels) labels[name] = value;
    list.push_back({{"name", counter.name}, {"labels", std::move(labels)}, {"value", counter.value}});
  }
  return list;
}

}  // namespace

std::string format_status(const StatusInput& input, TimePoint now) {
  const routing::Snapshot& snapshot = input.snapshot;
  Json json = {{"version", POPNET_VERSION},
               {"pop", snapshot.config->node.pop},
               {"node", snapshot.config->node.name},
               {"uptime_s", rounded_ms(input.uptime) / 1000},
               {"ready", input.ready.ok()}};
  if (!input.ready.ok()) json["not_ready"] = input.ready.error().message;
  json["generations"] = {{"config", snapshot.config->generation},
                         {"metrics", snapshot.metrics->generation},
                         {"map", snapshot.map.generation}};
  json["snapshot_age_ms"] = rounded_ms(now - snapshot.map.at);
  json["shares_author"] = snapshot.shares.author.name;
  json["client_networks"] = snapshot.map.clients.entries();
  json["bus"] = {{"kind", input.bus.kind}, {"connected", input.bus.connected}};
  json["pops"] = pops_of(input, now);
  json["sites"] = sites_of(input, now);
  json["counters"] = counters_of(input.counters);
  // Words of failures may quote a server's garbage: what is not UTF-8 is replaced.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace popnet::control
