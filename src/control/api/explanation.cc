#include "control/api/explanation.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace popnet::control {

namespace {

using Json = nlohmann::ordered_json;
using model::Reason;
using routing::Candidate;
using routing::LatencySource;

const char* to_string(LatencySource source) {
  switch (source) {
    case LatencySource::measured:
      return "measured";
    case LatencySource::configured:
      return "configured";
    case LatencySource::distance:
      return "distance";
    case LatencySource::none:
      return "none";
  }
  return "?";
}

const char* to_string(model::Select select) {
  switch (select) {
    case model::Select::least_load:
      return "least_load";
    case model::Select::latency:
      return "latency";
    case model::Select::weighted:
      return "weighted";
    case model::Select::failover:
      return "failover";
  }
  return "?";
}

double rounded_ms(Duration d) {
  return std::round(to_ms(d));
}

std::string in_ms(double ms) {
  return fmt::format("{:.{}f} ms", ms, ms < 10 ? 1 : 0);
}

std::string latency_in_words(const Candidate& pop) {
  switch (pop.latency_source) {
    case LatencySource::measured:
      return fmt::format("measured latency, {}", in_ms(pop.latency_ms));
    case LatencySource::configured:
      return fmt::format("configured latency, {}", in_ms(pop.latency_ms));
    case LatencySource::distance:
      return fmt::format("estimated latency by distance, {}", in_ms(pop.latency_ms));
    case LatencySource::none:
      break;
  }
  return "latency not known";
}

std::string reason_in_words(const routing::Explanation& e, const Candidate& chosen) {
  switch (e.decision.reason) {
    case Reason::least_load:
      return fmt::format("drawn by the shares that follow load; {:.0f} % of users go there{}",
                         chosen.share * 100,
                         chosen.load_known ? fmt::format(", its load is {:.2f}", chosen.load) : "");
    case Reason::measured:
    case Reason::configured:
    case Reason::distance:
      return "lowest " + latency_in_words(chosen);
    case Reason::unplaced:
      return "nothing is known of this client network, so a hash chooses";
    case Reason::spilled:
      return "a nearer POP is too loaded to take this client; " + latency_in_words(chosen);
    case Reason::weighted:
      return fmt::format("drawn by weight ({:g})", chosen.weight);
    case Reason::failover:
      return "first in order that is alive";
    case Reason::only_one:
      return e.host.kind == routing::NamedHost::Kind::pop ? "the name is this POP's own"
                                                          : "there is no other";
    case Reason::fail_open:
      return "all look dead, so the answer is as if all were alive";
  }
  return model::to_string(e.decision.reason);
}

Json metrics_of(const Candidate& candidate) {
  Json metrics = Json::array();
  for (const auto& m : candidate.metrics)
    metrics.push_back({{"metric", model::to_string(m.metric)},
                       {"value", m.value},
                       {"age_ms", rounded_ms(m.age)},
                       {"probers", m.probers},
                       {"weighed", m.counts ? Json(m.weighed) : Json()}});
  return metrics;
}

Json latency_of(const Candidate& c) {
  if (c.latency_source == LatencySource::none) return {};
  Json latency = {{"source", to_string(c.latency_source)}, {"ms", c.latency_ms}};
  if (c.latency_source == LatencySource::measured) latency["age_ms"] = rounded_ms(c.latency_age);
  return latency;
}

Json candidate_of(const Candidate& c, bool pop) {
  Json json = {{"name", c.name}, {"addresses", c.addresses}, {"why", c.why}, {"alive", c.alive}};
  json["health"] = model::to_string(c.health);
  json["health_age_ms"] = c.health == model::Health::unknown ? Json() : Json(rounded_ms(c.health_age));
  json["probers_up"] = c.probers_up;
  json["probers_down"] = c.probers_down;
  if (!c.error.empty()) json["error"] = c.error;
  json["load"] = c.load_known ? Json(c.load) : Json();
  json["share"] = c.share;
  json["weight"] = c.weight;
  if (pop) json["latency"] = latency_of(c);
  json["metrics"] = metrics_of(c);
  return json;
}

}  // namespace

std::string sentence(const routing::Explanation& e) {
  const std::string question = fmt::format("{} for {}", e.host.host.name, e.client.network.to_string());
  const std::string by =
      e.decision.rule < e.rules.size() ? fmt::format("by rule '{}', ", e.rules[e.decision.rule].name) : "";
  if (e.decision.count == 0 || e.candidates.empty()) return question + ": " + by + "no candidates";
  const Candidate& chosen = e.candidates.front();
  return fmt::format("{} → {} ({}): {}{}", question, chosen.name, fmt::join(chosen.addresses, ", "), by,
                     reason_in_words(e, chosen));
}

std::string format_explanation(const routing::Explanation& e) {
  const bool pop = e.resolve == model::Resolve::pop;
  Json json = {{"name", e.host.host.name},          {"client", e.client.network.to_string()},
               {"sentence", sentence(e)},           {"site", e.site},
               {"resolve", pop ? "pop" : "origin"}, {"select", to_string(e.select)}};
  if (!e.place.empty()) json["place"] = e.place;
  if (!e.rules.empty()) json["rules"] = Json::array();
  for (const auto& rule : e.rules) json["rules"].push_back({{"name", rule.name}, {"why", rule.why}});
  Json targets = Json::array();
  for (size_t i = 0; i < e.decision.count && i < e.candidates.size(); ++i)
    targets.push_back(e.candidates[i].name);
  json["decision"] = {{"targets", std::move(targets)},
                      {"reason", model::to_string(e.decision.reason)},
                      {"ttl_s", e.decision.ttl},
                      {"scope", e.decision.scope},
                      {"degraded", e.decision.degraded}};
  json["generations"] = {
      {"config", e.config_generation}, {"metrics", e.metrics_generation}, {"map", e.decision.map_generation}};
  json["map_age_ms"] = rounded_ms(e.map_age);
  json["shares_author"] = e.shares_author;
  json["candidates"] = Json::array();
  for (const Candidate& candidate : e.candidates) json["candidates"].push_back(candidate_of(candidate, pop));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace popnet::control
