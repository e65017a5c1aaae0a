#include "routing/decide.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace popnet::routing {

namespace {

using model::Decision;
using model::Reason;
using model::Select;

// Latencies this close are equal: measurements of one way differ by more from one minute to the next.
constexpr double near_ms = 0.5;
constexpr double near_share = 0.05;
// A second answer may be this much farther than the first ...
constexpr double second_pop_ms = 10;
constexpr double second_pop_share = 0.25;
// ... or have this much more load and this part of the first one's share.
constexpr double second_load_more = 0.25;
constexpr double second_share_of_first = 0.5;
// One request more in flight on an idle origin weighs as much as this load, ten as much as half of full.
constexpr double in_flight_half = 10;
// A first byte that this node waited so long for weighs as much as half of full; of an origin at rest differences below
// the second one are noise.
constexpr double first_byte_reference_ms = 500;
constexpr double first_byte_least_ms = 0.1;
// How much higher a load may be of one that takes part in the draw: two dead bands, and more for each request a second
// of all nodes.
constexpr double band_each_request = 0.02;
constexpr double band_max = 0.8;

constexpr uint64_t accept_seed = 0x61636365707473ULL;
constexpr uint64_t favour_seed = 0x6661766f7572ULL;

constexpr const char* no_target = "not a target of the rule that decides";
constexpr const char* no_address = "has no address of the family asked for";

constexpr double infinite = std::numeric_limits<double>::infinity();

/// Weighted rendezvous: the lowest score wins with a probability of share / Σ shares. REQUIRES: share > 0
double rendezvous_score(uint64_t client, uint64_t key, double share) {
  const double u = 1 - unit_interval(mix64(client ^ key));  // (0, 1]
  return -std::log(u) / share;
}

/// Whether a POP that takes only a part of its clients takes this one: more `accept` adds clients, less
/// removes some.
bool accepts(const PopState& pop, uint64_t client) {
  return pop.accept >= 1 || unit_interval(mix64(client ^ pop.key ^ accept_seed)) < pop.accept;
}

/// The lowest scores seen, in order.
class Best {
 public:
  explicit Best(size_t wanted) : wanted_(std::clamp<size_t>(wanted, 1, model::targets_max)) {}

  void offer(size_t index, double score) {
    size_t at = count_;
    while (at > 0 && score < scores_[at - 1]) --at;
    if (at == wanted_) return;
    count_ = std::min(count_ + 1, wanted_);
    for (size_t i = count_ - 1; i > at; --i) {
      scores_[i] = scores_[i - 1];
      indexes_[i] = indexes_[i - 1];
    }
    scores_[at] = score;
    indexes_[at] = static_cast<uint16_t>(index);
  }
  [[nodiscard]] std::span<const uint16_t> in_order() const { return {indexes_.data(), count_}; }

 private:
  size_t wanted_;
  size_t count_ = 0;
  std::array<double, model::targets_max> scores_{};
  std::array<uint16_t, model::targets_max> indexes_{};
};

// ---- rules --------------------------------------------------------------------------------------

/// Who may be chosen, and how: as a rule of the hostname's chain says, or the hostname itself.
struct Choice {
  Terms terms;
  const Rule* rule = nullptr;             // null: all targets
  const RuleState* rule_state = nullptr;  // of that rule
  Families alive = 0;                     // families of those that are alive
  bool degraded = false;
  uint16_t number = model::no_rule;
  uint8_t scope = 0;  // for all clients in such a network

  [[nodiscard]] bool has(size_t target) const { return rule == nullptr || rule->has(target); }
  [[nodiscard]] bool none_alive(Families wanted) const { return (alive & wanted) == 0; }
  /// All count as alive where none of the wanted family is: fail open.
  template <class State>
  [[nodiscard]] bool usable(const State& state, size_t target, Families wanted) const {
    return has(target) && (state.families & wanted) != 0 && (state.alive || none_alive(wanted));
  }
  template <class State>
  [[nodiscard]] double weight(const State& state, size_t target) const {
    return rule == nullptr || rule->weights.empty() ? state.weight : rule->weights[target];
  }
  /// `count`: of all targets. In the rule's order.
  template <class Visit>
  void each(size_t count, Visit visit) const {
    if (rule == nullptr || rule->targets.empty()) {
      for (size_t i = 0; i < count; ++i) visit(i);
    } else {
      for (const uint16_t i : rule->targets) visit(i);
    }
  }
  [[nodiscard]] size_t size(size_t count) const {
    return rule == nullptr || rule->targets.empty() ? count : rule->targets.size();
  }
};

/// `explained`: which rule it is matters, also where that makes no difference to the answer.
Choice find_choice(const Map& map, const model::Hostname& host, const Client& client, Families alive,
                   bool degraded, bool explained) {
  Choice choice;
  if (host.chain_index >= map.chain_states.size()) {
    choice.terms = terms_of(host);
    choice.alive = alive;
    choice.degraded = degraded;
    return choice;
  }
  const ChainState& state = map.chain_states[host.chain_index];
  const Chain& chain = (*map.chains)[host.chain_index];
  const bool unknown = client.network.length() == 0;
  const Deciding deciding = explained ? state.find_rule(chain, client.address, unknown, client.family)
                                      : state.find(client.address, unknown, client.family);
  choice.rule = &chain.rules[deciding.rule];
  choice.rule_state = &state.rule(deciding.rule);
  choice.terms = choice.rule->terms;
  choice.alive = choice.rule_state->alive;
  choice.degraded = deciding.skipped || choice.rule_state->degraded;
  choice.number = deciding.rule;
  choice.scope = deciding.scope;
  return choice;
}

/// Where a client stands among the targets.
struct Place {
  uint64_t hash = 0;
  uint8_t length = 0;  // of the network that stands there
};

Place place_of(const Terms& terms, const Client& client) {
  if (terms.drawn) return {mix64(client.draw), 0};
  const Prefix& network = client.network;
  const int length =
      std::min<int>(network.length(), network.address().is_v4() ? terms.ipv4_prefix : terms.ipv6_prefix);
  const uint64_t hash =
      length == network.length() ? network.hash() : Prefix(network.address(), length).hash();
  return {hash, static_cast<uint8_t>(length)};
}

Decision begin(const Map& map, const Choice& choice) {
  Decision decision;
  decision.map_generation = map.generation;
  decision.degraded = choice.degraded;
  decision.ttl = choice.degraded ? choice.terms.failing_ttl : choice.terms.ttl;
  decision.rule = choice.number;
  decision.scope = choice.scope;
  return decision;
}

void append(Decision& decision, size_t target) {
  decision.targets[decision.count++] = static_cast<uint16_t>(target);
}

bool is_chosen(const Decision& decision, size_t target) {
  const auto chosen = decision.chosen();
  return std::find(chosen.begin(), chosen.end(), target) != chosen.end();
}

/// The client's place had a say in the answer.
void narrow(Decision& decision, uint8_t length) {
  decision.scope = std::max(decision.scope, length);
}

// ---- origins ------------------------------------------------------------------------------------

double share_of(const Choice& choice, const OriginState& origin, size_t index) {
  if (choice.terms.select == Select::weighted) return choice.weight(origin, index);
  return choice.rule_state == nullptr || choice.rule_state->shares.empty() ? origin.share
                                                                           : choice.rule_state->shares[index];
}

/// Whether users may as well be sent to `other` where `first` is the answer.
bool good_origin(const SiteState& site, const Choice& choice, size_t first_index, size_t other_index) {
  const OriginState& first = site.origins[first_index];
  const OriginState& other = site.origins[other_index];
  if (share_of(choice, other, other_index) < share_of(choice, first, first_index) * second_share_of_first)
    return false;
  return choice.terms.select == Select::weighted || !first.load_known || !other.load_known ||
         other.load <= first.load + second_load_more;
}

Reason origin_reason(size_t candidates, bool none_alive, Select select) {
  if (candidates == 1) return Reason::only_one;
  if (none_alive) return Reason::fail_open;
  if (select == Select::failover) return Reason::failover;
  return select == Select::weighted ? Reason::weighted : Reason::least_load;
}

void choose_first_in_order(const SiteState& site, const Choice& choice, Families wanted, Decision& decision) {
  choice.each(site.origins.size(), [&](size_t i) {
    if (decision.count == 0 && choice.usable(site.origins[i], i, wanted)) append(decision, i);
  });
}

void choose_by_share(const SiteState& site, const Choice& choice, const Client& client, Decision& decision) {
  const Place place = place_of(choice.terms, client);
  Best best(choice.terms.answers);
  size_t candidates = 0;
  choice.each(site.origins.size(), [&](size_t i) {
    const OriginState& origin = site.origins[i];
    if (!choice.usable(origin, i, client.family)) return;
    best.offer(i, rendezvous_score(place.hash, origin.key, share_of(choice, origin, i)));
    ++candidates;
  });
  for (const uint16_t i : best.in_order())
    if (decision.count == 0 || good_origin(site, choice, decision.targets[0], i)) append(decision, i);
  if (candidates > 1) narrow(decision, place.length);
}

void trace_origins(const SiteState& site, const Choice& choice, Families wanted, const Decision& decision,
                   Trace& trace) {
  for (size_t i = 0; i < site.origins.size(); ++i) {
    const auto index = static_cast<uint16_t>(i);
    if (is_chosen(decision, i))
      trace.candidate(index, i == decision.targets[0] ? "chosen" : "second answer");
    else if (!choice.has(i))
      trace.candidate(index, no_target);
    else if ((site.origins[i].families & wanted) == 0)
      trace.candidate(index, no_address);
    else if (!choice.usable(site.origins[i], i, wanted))
      trace.candidate(index, "down");
    else if (choice.terms.select == Select::failover)
      trace.candidate(index, "later in order than one that is alive");
    else if (choice.terms.select == Select::weighted)
      trace.candidate(index, "the client's place in the weights is another's");
    else
      trace.candidate(index, "this client's place in the shares falls to another");
  }
}

// ---- POPs ---------------------------------------------------------------------------------------

/// The POPs of one ranking that may be used, best first: near ones before far ones, near ties by rendezvous.
class PopWalk {
 public:
  PopWalk(const Map& map, const Choice& choice, std::span<const RankedPop> ranking, uint64_t client,
          Families wanted, bool ties)
      : map_(map), choice_(choice), ranking_(ranking), client_(client), wanted_(wanted), ties_(ties) {}

  const RankedPop* next() {
    if (left_ == 0 && !open_group()) return nullptr;
    --left_;
    return tied_ ? draw() : &ranking_[leader_];
  }
  /// The client's hash has had a say in what next() gave so far.
  [[nodiscard]] bool drawn() const { return drawn_; }

 private:
  [[nodiscard]] bool usable(const RankedPop& pop) const {
    return choice_.usable(map_.pops[pop.pop], pop.pop, wanted_);
  }
  /// A group: the best POP that is left, and those that are as near.
  bool open_group() {
    leader_ = end_;
    while (leader_ < ranking_.size() && !usable(ranking_[leader_])) ++leader_;
    if (leader_ == ranking_.size()) return false;
    const RankedPop& leader = ranking_[leader_];
    const bool unknown = leader.source == LatencySource::none;
    const double limit = leader.latency_ms * (ties_ ? 1 + near_share : 1) + (ties_ ? near_ms : 0);
    for (end_ = leader_; end_ < ranking_.size(); ++end_) {
      const RankedPop& pop = ranking_[end_];
      if ((pop.source == LatencySource::none) != unknown || pop.latency_ms > limit) break;
      if (usable(pop)) ++left_;
    }
    score_ = -infinite;
    tied_ = left_ > 1;
    drawn_ |= tied_;
    return true;
  }

  /// The lowest score of the group above the last one given.
  const RankedPop* draw() {
    const RankedPop* best = &ranking_[leader_];
    double best_score = infinite;
    for (size_t i = leader_; i < end_; ++i) {
      const PopState& pop = map_.pops[ranking_[i].pop];
      if (!usable(ranking_[i])) continue;
      const double score = rendezvous_score(client_, pop.key, pop.weight);
      if (score <= score_ || score >= best_score) continue;
      best_score = score;
      best = &ranking_[i];
    }
    score_ = best_score;
    return best;
  }

  const Map& map_;
  const Choice& choice_;
  std::span<const RankedPop> ranking_;
  uint64_t client_;
  Families wanted_;
  bool ties_;
  size_t leader_ = 0, end_ = 0, left_ = 0;
  double score_ = 0;
  bool tied_ = false;   // the present group has several
  bool drawn_ = false;  // some group had
};

/// `pop` comes behind `first` in the walk: whether users may as well be sent there.
bool good_pop(const RankedPop& first, const RankedPop& pop) {
  return first.source == LatencySource::none ||
         (pop.source != LatencySource::none &&
          pop.latency_ms <= first.latency_ms * (1 + second_pop_share) + second_pop_ms);
}

Reason latency_reason(LatencySource source) {
  switch (source) {
    case LatencySource::measured:
      return Reason::measured;
    case LatencySource::configured:
      return Reason::configured;
    case LatencySource::distance:
      return Reason::distance;
    case LatencySource::none:
      return Reason::unplaced;
  }
  return Reason::unplaced;
}

/// Adds the second answers that stand behind `first` in the walk. Returns whether the client's hash had a
/// say.
bool choose_second_pops(const Map& map, const RankedPop& first, size_t wanted, bool load_counts,
                        uint64_t place, PopWalk& walk, Decision& decision) {
  bool hashed = false;
  while (decision.count < wanted) {
    const RankedPop* next = walk.next();
    if (!next || !good_pop(first, *next)) break;
    const PopState& pop = map.pops[next->pop];
    hashed |= walk.drawn() || (load_counts && pop.accept < 1);
    if (!load_counts || accepts(pop, place)) append(decision, next->pop);
  }
  return hashed;
}

/// Otherwise everybody gets the same, wherever he is.
bool has_choice(const Map& map, const Choice& choice, std::span<const RankedPop> ranking, Families wanted) {
  size_t candidates = 0;
  for (const RankedPop& pop : ranking)
    if (choice.usable(map.pops[pop.pop], pop.pop, wanted) && ++candidates == 2) return true;
  return false;
}

void choose_by_latency(const Map& map, const Choice& choice, const Client& client, Decision& decision) {
  const Place place = place_of(choice.terms, client);
  const auto [ranking, scope] = find_ranking(map, client);
  const bool load_counts = choice.terms.select == Select::least_load;
  PopWalk walk(map, choice, ranking, place.hash, client.family, load_counts);
  const RankedPop *best = nullptr, *first = nullptr;
  bool hashed = false;
  while (!first) {
    const RankedPop* next = walk.next();
    if (!next) break;
    const PopState& pop = map.pops[next->pop];
    hashed |= walk.drawn() || (load_counts && pop.accept < 1);
    if (!best) best = next;
    if (!load_counts || accepts(pop, place.hash)) first = next;
  }
  if (!best) return;
  if (!first) first = best;
  append(decision, first->pop);
  decision.reason = first == best ? latency_reason(first->source) : Reason::spilled;
  hashed |= choose_second_pops(map, *first, choice.terms.answers, load_counts, place.hash, walk, decision);
  if (has_choice(map, choice, ranking, client.family))
    narrow(decision, hashed ? std::max(scope, place.length) : scope);
}

void choose_by_weight(const Map& map, const Choice& choice, const Client& client, Decision& decision) {
  const Place place = place_of(choice.terms, client);
  Best best(choice.terms.answers);
  size_t candidates = 0;
  choice.each(map.pops.size(), [&](size_t i) {
    const PopState& pop = map.pops[i];
    if (!choice.usable(pop, i, client.family)) return;
    best.offer(i, rendezvous_score(place.hash, pop.key, choice.weight(pop, i)));
    ++candidates;
  });
  const auto weight = [&](size_t i) { return choice.weight(map.pops[i], i); };
  for (const uint16_t i : best.in_order())
    if (decision.count == 0 || weight(i) >= weight(decision.targets[0]) * second_share_of_first)
      append(decision, i);
  decision.reason = choice.terms.select == Select::weighted ? Reason::weighted : Reason::unplaced;
  if (candidates > 1) narrow(decision, place.length);
}

void choose_first_in_order(const Map& map, const Choice& choice, Families wanted, Decision& decision) {
  choice.each(map.pops.size(), [&](size_t i) {
    if (decision.count == 0 && choice.usable(map.pops[i], i, wanted)) append(decision, i);
  });
  decision.reason = Reason::failover;
}

const char* why_not_pop(const Map& map, const Choice& choice, const RankedPop& first, const RankedPop& pop,
                        const Client& client) {
  const PopState& state = map.pops[pop.pop];
  const Select select = choice.terms.select;
  if (!choice.has(pop.pop)) return no_target;
  if ((state.families & client.family) == 0) return no_address;
  if (!choice.usable(state, pop.pop, client.family)) return "down";
  if (select == Select::failover) return "later in order than one that is alive";
  if (select == Select::weighted) return "the client's place in the weights is another's";
  if (select == Select::least_load && !accepts(state, place_of(choice.terms, client).hash))
    return "too loaded: it accepts only a part of its clients, and not this one";
  if (pop.source == LatencySource::none && first.source != LatencySource::none)
    return "its latency to the client is not known";
  if (pop.latency_ms > first.latency_ms * (1 + near_share) + near_ms) return "farther";
  return "as near: the client's hash chose another";
}

void trace_pops(const Map& map, const Choice& choice, const Client& client, const Decision& decision,
                Trace& trace) {
  const auto ranking = find_ranking(map, client).ranking;
  const auto of_first = std::find_if(ranking.begin(), ranking.end(), [&](const RankedPop& pop) {
    return decision.count > 0 && pop.pop == decision.targets[0];
  });
  for (const RankedPop& pop : ranking) {
    if (is_chosen(decision, pop.pop))
      trace.candidate(pop.pop, pop.pop == decision.targets[0] ? "chosen" : "second answer");
    else
      trace.candidate(pop.pop,
                      why_not_pop(map, choice, of_first == ranking.end() ? pop : *of_first, pop, client));
  }
}

// ---- fills --------------------------------------------------------------------------------------

/// All of 0 (idle) to 1: load as measured, and what this node knows better than any probe: the requests it is
/// waiting for, and how long it waited of late.
double fill_score(const model::Site& site, const OriginState& origin, const FillTarget& own, double waiting) {
  const double reference =
      site.load.http_reference > Duration::zero() ? to_ms(site.load.http_reference) : first_byte_reference_ms;
  return origin.load + waiting / (waiting + in_flight_half) +
         own.first_byte_ms / (own.first_byte_ms + reference);
}

/// How long a request sent there now may wait, against others.
double fill_cost(const FillTarget& own, double waiting, bool by_latency) {
  return (waiting + 1) * (by_latency ? std::max(own.first_byte_ms, first_byte_least_ms) : 1);
}

enum FillTier : uint8_t { in_turn, full, out_of_favour, down };

/// The origins of one site as one fill sees them.
class FillChoice {
 public:
  FillChoice(const model::Config& config, const Map& map, uint32_t site, std::span<const FillTarget> own,
             double rate, uint64_t salt)
      : config_(config.sites[site]),
        site_(map.sites[site]),
        own_(own),
        // The other nodes send as much, as far as one can know.
        band_(std::min(2 * config_.controller.deadband +
                           band_each_request * rate * static_cast<double>(config.pops.size()),
                       band_max)),
        salt_(salt) {}

  [[nodiscard]] Best order() const {
    Best order(model::targets_max);
    const auto [first, second] = draw();
    for (size_t i = 0; i < site_.origins.size(); ++i) {
      const FillTier t = tier(i);
      double score = static_cast<double>(t) * 1e6 + this->score(i);
      if (i == first) score = -2;
      if (i == second) score = -1;
      order.offer(i, score);
    }
    return order;
  }

 private:
  static constexpr size_t none = SIZE_MAX;

  [[nodiscard]] FillTarget own(size_t i) const { return i < own_.size() ? own_[i] : FillTarget{}; }
  [[nodiscard]] double waiting(size_t i) const {
    return own(i).in_flight / static_cast<double>(site_.origins.size()) / site_.origins[i].weight;
  }
  [[nodiscard]] double score(size_t i) const {
    return fill_score(config_, site_.origins[i], own(i), waiting(i));
  }
  [[nodiscard]] FillTier tier(size_t i) const {
    const double favour = own(i).favour;
    if (!site_.origins[i].alive && site_.alive_families != 0) return FillTier::down;
    if (favour < 1 && unit_interval(mix64(salt_ ^ site_.origins[i].key ^ favour_seed)) >= favour)
      return FillTier::out_of_favour;
    return own(i).full ? FillTier::full : FillTier::in_turn;
  }

  /// The better of two first.
  [[nodiscard]] std::pair<size_t, size_t> draw() const {
    double lowest = infinite;
    for (size_t i = 0; i < site_.origins.size(); ++i)
      if (tier(i) == FillTier::in_turn) lowest = std::min(lowest, score(i));
    Best drawn(2);
    for (size_t i = 0; i < site_.origins.size(); ++i) {
      const double nearness = 1 - (score(i) - lowest) / std::max(band_, 1e-3);
      if (tier(i) != FillTier::in_turn || nearness <= 0) continue;
      drawn.offer(i, rendezvous_score(salt_, site_.origins[i].key, nearness * site_.origins[i].weight));
    }
    const auto two = drawn.in_order();
    if (two.size() < 2) return {two.empty() ? none : two[0], none};
    const size_t a = two[0], b = two[1];
    const bool by_latency = own(a).first_byte_ms > 0 && own(b).first_byte_ms > 0;
    const bool swap = fill_cost(own(b), waiting(b), by_latency) < fill_cost(own(a), waiting(a), by_latency);
    return swap ? std::pair{b, a} : std::pair{a, b};
  }

  const model::Site& config_;
  const SiteState& site_;
  const std::span<const FillTarget> own_;
  const double band_;
  const uint64_t salt_;
};

}  // namespace

Client make_client(const model::ClientLatency& lengths, const IpAddress& address, int source_length) {
  const int configured = address.is_v4() ? lengths.ipv4_prefix : lengths.ipv6_prefix;
  return {address, Prefix(address, std::clamp(std::min(configured, source_length), 0, address.width()))};
}

ClientTable::Found find_ranking(const Map& map, const Client& client) {
  return client.network.length() == 0 ? map.clients.fallback() : map.clients.find(client.address);
}

Decision decide_origin(const model::Config&, const Map& map, uint32_t site_index, const model::Hostname& host,
                       const Client& client, Trace* trace) {
  const SiteState& site = map.sites[site_index];
  const Choice choice = find_choice(map, host, client, site.alive_families, site.degraded, trace != nullptr);
  Decision decision = begin(map, choice);
  if (choice.terms.select == Select::failover)
    choose_first_in_order(site, choice, client.family, decision);
  else
    choose_by_share(site, choice, client, decision);
  decision.reason =
      origin_reason(choice.size(site.origins.size()), choice.none_alive(client.family), choice.terms.select);
  if (trace) trace_origins(site, choice, client.family, decision, *trace);
  return decision;
}

Decision decide_pop(const model::Config&, const Map& map, const model::Hostname& host, const Client& client,
                    Trace* trace) {
  const Choice choice =
      find_choice(map, host, client, map.alive_pop_families, map.pops_degraded, trace != nullptr);
  Decision decision = begin(map, choice);
  if (choice.terms.select == Select::failover)
    choose_first_in_order(map, choice, client.family, decision);
  else if (choice.terms.select != Select::weighted)
    choose_by_latency(map, choice, client, decision);
  if (decision.count == 0) choose_by_weight(map, choice, client, decision);
  if (choice.none_alive(client.family)) decision.reason = Reason::fail_open;
  if (choice.size(map.pops.size()) == 1) {
    decision.reason = Reason::only_one;
    decision.scope = choice.scope;
  }
  if (trace) trace_pops(map, choice, client, decision, *trace);
  return decision;
}

Decision decide_fill(const model::Config& config, const Map& map, uint32_t site_index,
                     std::span<const FillTarget> own, double rate, uint64_t salt) {
  const SiteState& site = map.sites[site_index];
  Decision decision;
  decision.map_generation = map.generation;
  decision.degraded = site.degraded;
  decision.reason = origin_reason(site.origins.size(), site.alive_families == 0, Select::least_load);
  const Best order = FillChoice(config, map, site_index, own, rate, salt).order();
  for (const uint16_t i : order.in_order()) append(decision, i);
  return decision;
}

}  // namespace popnet::routing
