#include "routing/explain_rules.h"

#include <algorithm>

#include "model/geo.h"

namespace popnet::routing {

namespace {

using model::ChainRule;

std::string name_of(const std::vector<ChainRule>& chain, size_t index) {
  if (index == chain.size()) return "everybody else";
  return chain[index].name.empty() ? std::to_string(index + 1) : chain[index].name;
}

/// Empty when the rule is for the client.
std::string why_not_for(const ChainRule& rule, const Client& client, const std::string& place) {
  const bool asks_place = !rule.continents.empty() || !rule.countries.empty() || !rule.subdivisions.empty();
  if (client.network.length() == 0 && (asks_place || !rule.clients.empty()))
    return "is for some clients, and nothing may be known of this one";
  const bool in_networks = rule.clients.empty() ||
                           std::any_of(rule.clients.begin(), rule.clients.end(), [&](const Prefix& network) {
                             return network.contains(client.address);
                           });
  if (!in_networks) return "the client is in none of its networks";
  if (!asks_place) return {};
  return place.empty() ? "nobody knows where the client is" : "the client is elsewhere: " + place;
}

bool alive(const Map& map, const Chain& chain, size_t target) {
  return chain.resolve == model::Resolve::origin ? map.sites[chain.site].origins[target].alive
                                                 : map.pops[target].alive;
}

Families families(const Map& map, const Chain& chain, size_t target) {
  return chain.resolve == model::Resolve::origin ? map.sites[chain.site].origins[target].families
                                                 : map.pops[target].families;
}

/// Of a rule that is for the client and the question, and did not decide.
std::string why_passed_on(const Map& map, const Chain& chain, const Rule& rule, Families asked) {
  const size_t count =
      chain.resolve == model::Resolve::origin ? map.sites[chain.site].origins.size() : map.pops.size();
  size_t all = 0, living = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!rule.has(i) || ((rule.families & asked) != 0 && (families(map, chain, i) & asked) == 0)) continue;
    ++all;
    living += alive(map, chain, i) ? 1 : 0;
  }
  if (living == 0) return all == 1 ? "its target is down" : "all its targets are down";
  return std::to_string(living) + " of its " + std::to_string(all) + " targets alive, needs " +
         std::to_string(rule.healthy_min);
}

bool is_for(const Chain& chain, size_t rule, const Client& client) {
  if (client.network.length() == 0) return (chain.for_unknown >> rule & 1) != 0;
  const uint32_t of = chain.clients ? chain.clients->find(client.address).value : 0;
  return (chain.classes[of] >> rule & 1) != 0;
}

}  // namespace

std::string place_in_words(const Snapshot& snapshot, const Client& client) {
  if (!snapshot.config->geo || client.network.length() == 0) return {};
  const auto* place = model::find_place(*snapshot.config->geo, client.address);
  if (place == nullptr) return {};
  std::string words;
  for (const std::string* part : {&place->continent, &place->country, &place->subdivision})
    if (!part->empty()) words += (words.empty() ? "" : ", ") + *part;
  return words;
}

std::vector<ExplainedRule> explain_rules(const Snapshot& snapshot, const Explanation& result) {
  const model::Hostname& host = result.host.host;
  if (host.chain_index >= snapshot.map.chain_states.size()) return {};
  const Chain& chain = (*snapshot.map.chains)[host.chain_index];
  const std::string place = place_in_words(snapshot, result.client);
  const size_t decides = result.decision.rule;
  const bool open = snapshot.map.chain_states[host.chain_index].rule(decides).alive == 0 &&
                    chain.rules[decides].fall_through;
  std::vector<ExplainedRule> rules;
  for (size_t i = 0; i < chain.rules.size(); ++i) {
    ExplainedRule rule{name_of(host.chain, i), {}};
    if (i == decides)
      rule.why = open ? "decides, as the first of those whose targets are all down" : "decides";
    else if (i > decides && !open)
      rule.why = "not reached";
    else if (!is_for(chain, i, result.client))
      rule.why = why_not_for(host.chain[i], result.client, place);
    else if ((chain.rules[i].questions & result.client.family) == 0)
      rule.why = "is not for this type of question";
    else
      rule.why = why_passed_on(snapshot.map, chain, chain.rules[i], result.client.family);
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace popnet::routing
