// What is known of the latency between one POP and one client network, and how different kinds of knowledge
// compare:
//
//   measured     the round trip that this POP has measured, if fresh
//   configured   the latency that the operator has written for the network
//   distance     estimated from the POP's coordinates and the network's (estimate_rtt_ms): as the operator has
//                written them, else as the GeoIP database says, if the whole network is at one place
//   none         ranked behind all others: what is not known is not hoped to be good
//
// Better kinds win for one POP; between POPs the milliseconds compare whatever their kind. A network inherits
// what is known of the networks around it, so that one unmeasured POP of a measured /24 still has the
// estimate of the /16 around it; the more specific value wins within one kind.
//
// Distances are wrong in a way that POPs share: a network behind a long detour is farther from everybody.
// Where a network has both measured POPs and estimated ones, the estimates are scaled by the median of
// measured / estimated over the measured POPs, within detour_min .. detour_max. Without that the unmeasured
// POP would win by the optimism of its estimate.
#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>

#include "model/geo.h"
#include "routing/map.h"
#include "routing/place_rankings.h"

namespace popnet::routing {

namespace {

constexpr double detour_min = 0.5;
constexpr double detour_max = 2;

bool contains(const Prefix& outer, const Prefix& inner) {
  return outer.length() <= inner.length() && outer.contains(inner.address());
}

/// All that is known of one network, by POP index.
struct Knowledge {
  std::vector<RankedPop> pops;
  std::optional<model::GeoPoint> location;

  void learn(size_t pop, LatencySource source, double ms) {
    if (pop >= pops.size() || source > pops[pop].source) return;
    pops[pop].source = source;
    pops[pop].latency_ms = static_cast<float>(ms);
  }
};

Knowledge nothing_known(size_t pops) {
  Knowledge knowledge;
  knowledge.pops.resize(pops);
  for (size_t i = 0; i < pops; ++i) knowledge.pops[i].pop = static_cast<uint16_t>(i);
  return knowledge;
}

/// What the operator has written, in order of network.
std::vector<const model::ClientPrior*> sorted_priors(const model::Config& config) {
  std::vector<const model::ClientPrior*> priors;
  for (const auto& prior : config.clients) priors.push_back(&prior);
  std::stable_sort(priors.begin(), priors.end(),
                   [](const auto* a, const auto* b) { return a->network < b->network; });
  return priors;
}

void learn_location(const model::Config& config, const model::GeoPoint& location, Knowledge& knowledge) {
  knowledge.location = location;
  for (size_t i = 0; i < config.pops.size(); ++i)
    if (config.pops[i].location)
      knowledge.learn(i, LatencySource::distance, estimate_rtt_ms(location, *config.pops[i].location));
}

void learn_prior(const model::Config& config, const model::ClientPrior& prior, Knowledge& knowledge) {
  for (const auto& known : prior.latency)
    knowledge.learn(known.pop, LatencySource::configured, to_ms(known.latency));
  if (prior.location) learn_location(config, *prior.location, knowledge);
}

void learn_measured(std::span<const model::ClientRtt> measured, TimePoint oldest, Knowledge& knowledge) {
  for (const auto& rtt : measured)
    if (rtt.at >= oldest) knowledge.learn(rtt.pop, LatencySource::measured, rtt.ms);
}

/// How much longer the measured ways to this network are than their estimates.
double detour(const model::Config& config, const Knowledge& knowledge) {
  std::vector<double> ratios;
  for (const auto& pop : knowledge.pops)
    if (pop.source == LatencySource::measured && config.pops[pop.pop].location)
      ratios.push_back(pop.latency_ms / estimate_rtt_ms(*knowledge.location, *config.pops[pop.pop].location));
  if (ratios.empty()) return 1;
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  return std::clamp(*middle, detour_min, detour_max);
}

/// Best first, into `ranking`; of equal ones the first of the config.
void rank(const model::Config& config, const Knowledge& knowledge, std::vector<RankedPop>& ranking) {
  ranking = knowledge.pops;
  if (knowledge.location) {
    const double scale = detour(config, knowledge);
    for (auto& pop : ranking)
      if (pop.source == LatencySource::distance) pop.latency_ms *= static_cast<float>(scale);
  }
  std::sort(ranking.begin(), ranking.end(), [](const RankedPop& a, const RankedPop& b) {
    const bool a_unknown = a.source == LatencySource::none, b_unknown = b.source == LatencySource::none;
    if (a_unknown != b_unknown) return b_unknown;
    return a.latency_ms != b.latency_ms ? a.latency_ms < b.latency_ms : a.pop < b.pop;
  });
}

}  // namespace

/// Great-circle distance d (haversine, mean earth radius), then 2 d / (200 km/ms) for there and back in
/// glass, × 1.8 because cables do not follow great circles, + 8 ms for access and detours near the ends.
/// Fitted to the WonderNetwork city to city pings of 2018 (57,000 pairs): their medians at 140, 750, 2800,
/// 9300 and 14300 km are 9, 27, 71, 187 and 261 ms; this gives 11, 22, 58, 175 and 265.
double estimate_rtt_ms(const model::GeoPoint& a, const model::GeoPoint& b) {
  constexpr double radius_km = 6371, glass_km_per_ms = 200, stretch = 1.8, ends_ms = 8;
  constexpr double radians = std::numbers::pi / 180;
  const double north = std::sin((b.latitude - a.latitude) * radians / 2);
  const double east = std::sin((b.longitude - a.longitude) * radians / 2);
  const double h =
      north * north + std::cos(a.latitude * radians) * std::cos(b.latitude * radians) * east * east;
  const double distance_km = 2 * radius_km * std::asin(std::sqrt(std::clamp(h, 0.0, 1.0)));
  return 2 * distance_km / glass_km_per_ms * stretch + ends_ms;
}

std::shared_ptr<const PlaceRankings> rank_places(const model::Config& config) {
  const bool pops_located = std::any_of(config.pops.begin(), config.pops.end(),
                                        [](const model::Pop& pop) { return pop.location.has_value(); });
  if (!config.geo || !pops_located) return nullptr;
  const Knowledge nothing = nothing_known(config.pops.size());
  std::vector<RankedPop> rankings = nothing.pops;
  std::vector<std::optional<model::GeoPoint>> locations = {std::nullopt};
  std::map<model::GeoPoint, uint32_t> numbers;
  std::vector<uint32_t> number_of_place;
  std::vector<RankedPop> ranking;
  for (const model::GeoPlace& place : config.geo->places) {
    number_of_place.push_back(0);
    if (!place.location) continue;
    const auto [known, fresh] = numbers.try_emplace(*place.location, static_cast<uint32_t>(locations.size()));
    number_of_place.back() = known->second;
    if (!fresh) continue;
    locations.push_back(place.location);
    Knowledge knowledge = nothing;
    learn_location(config, *place.location, knowledge);
    rank(config, knowledge, ranking);
    rankings.insert(rankings.end(), ranking.begin(), ranking.end());
  }
  if (numbers.empty()) return nullptr;
  std::vector<std::pair<Prefix, uint32_t>> networks;
  networks.reserve(config.geo->networks.size());
  for (const auto& [network, place] : config.geo->networks)
    networks.emplace_back(network, number_of_place[place]);
  return std::make_shared<const PlaceRankings>(NetworkTable::of(networks), std::move(rankings),
                                               config.pops.size(), std::move(locations));
}

ClientTable make_client_table(const model::Config& config, const model::ClientsMetrics& measured,
                              TimePoint now) {
  return make_client_table(config, measured, now, rank_places(config));
}

ClientTable make_client_table(const model::Config& config, const model::ClientsMetrics& measured,
                              TimePoint now, std::shared_ptr<const PlaceRankings> places) {
  struct Open {
    Prefix network;
    Knowledge knowledge;
  };
  const TimePoint oldest = now - config.network.client_latency.max_age;
  const Knowledge nothing = nothing_known(config.pops.size());
  const auto priors = sorted_priors(config);
  ClientTable::Builder table(nothing.pops, places);
  std::vector<Open> around;  // up to `depth` the networks that contain the present one, outermost first
  size_t depth = 0;          // what is behind keeps its memory
  std::vector<RankedPop> ranking;
  for (size_t i = 0, p = 0; i < measured.size() || p < priors.size();) {
    const bool by_prior =
        i == measured.size() || (p < priors.size() && priors[p]->network <= measured[i].network);
    const Prefix network = by_prior ? priors[p]->network : measured[i].network;
    while (depth > 0 && !contains(around[depth - 1].network, network)) --depth;
    if (around.size() == depth) around.emplace_back();
    Knowledge& knowledge = around[depth].knowledge;
    knowledge = depth > 0 ? around[depth - 1].knowledge : nothing;
    around[depth++].network = network;
    if (const auto location = places ? places->location(network) : std::nullopt)
      learn_location(config, *location, knowledge);
    for (; p < priors.size() && priors[p]->network == network; ++p)
      learn_prior(config, *priors[p], knowledge);
    if (i < measured.size() && measured[i].network == network)
      learn_measured(measured[i++].values, oldest, knowledge);
    rank(config, knowledge, ranking);
    table.add(network, ranking);
  }
  return std::move(table).finish();
}

}  // namespace popnet::routing
