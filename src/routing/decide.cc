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

size_t answers_wanted(const model::Hostname& host) {
  return static_cast<size_t>(std::clamp(host.answers_max, 1, static_cast<int>(model::targets_max)));
}

uint32_t ttl_seconds(Duration ttl) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(seconds, 0, std::numeric_limits<int32_t>::max()));
}

Decision begin(const Map& map, const model::Hostname& host, bool degraded) {
  Decision decision;
  decision.map_generation = map.generation;
  decision.degraded = degraded;
  decision.ttl = ttl_seconds(host.ttl);
  if (degraded)
    decision.ttl =
        host.failing_ttl ? ttl_seconds(*host.failing_ttl) : std::min(decision.ttl, degraded_ttl_max);
  return decision;
}

void append(Decision& decision, size_t target) {
  decision.targets[decision.count++] = static_cast<uint16_t>(target);
}

bool is_chosen(const Decision& decision, size_t target) {
  const auto chosen = decision.chosen();
  return std::find(chosen.begin(), chosen.end(), target) != chosen.end();
}

uint8_t length_of(const Client& client) {
  return static_cast<uint8_t>(client.network.length());
}

// ---- origins ------------------------------------------------------------------------------------

/// All count as alive where none of the wanted family is: fail open.
bool usable(const SiteState& site, size_t origin, Families wanted) {
  const OriginState& o = site.origins[origin];
  return (o.families & wanted) != 0 && (o.alive || (site.alive_families & wanted) == 0);
}

double share_of(const OriginState& origin, Select select) {
  return select == Select::weighted ? origin.weight : origin.share;
}

/// Whether users may as well be sent to `other` where `first` is the answer.
bool good_origin(const OriginState& first, const OriginState& other, Select select) {
  if (share_of(other, select) < share_of(first, select) * second_share_of_first) return false;
  return select == Select::weighted || !first.load_known || !other.load_known ||
         other.load <= first.load + second_load_more;
}

Reason origin_reason(const SiteState& site, Select select, Families wanted) {
  if (site.origins.size() == 1) return Reason::only_one;
  if ((site.alive_families & wanted) == 0) return Reason::fail_open;
  if (select == Select::failover) return Reason::failover;
  return select == Select::weighted ? Reason::weighted : Reason::least_load;
}

void choose_first_in_order(const SiteState& site, Families wanted, Decision& decision) {
  for (size_t i = 0; i < site.origins.size() && decision.count == 0; ++i)
    if (usable(site, i, wanted)) append(decision, i);
}

void choose_by_share(const SiteState& site, const model::Hostname& host, const Client& client,
                     Decision& decision) {
  const uint64_t place = client.network.hash();
  Best best(answers_wanted(host));
  size_t candidates = 0;
  for (size_t i = 0; i < site.origins.size(); ++i) {
    if (!usable(site, i, client.family)) continue;
    const OriginState& origin = site.origins[i];
    best.offer(i, rendezvous_score(place, origin.key, share_of(origin, host.select)));
    ++candidates;
  }
  for (const uint16_t i : best.in_order())
    if (decision.count == 0 || good_origin(site.origins[decision.targets[0]], site.origins[i], host.select))
      append(decision, i);
  if (candidates > 1) decision.scope = length_of(client);
}

void trace_origins(const SiteState& site, Select select, Families wanted, const Decision& decision,
                   Trace& trace) {
  for (size_t i = 0; i < site.origins.size(); ++i) {
    const auto index = static_cast<uint16_t>(i);
    if (is_chosen(decision, i))
      trace.candidate(index, i == decision.targets[0] ? "chosen" : "second answer");
    else if ((site.origins[i].families & wanted) == 0)
      trace.candidate(index, no_address);
    else if (!usable(site, i, wanted))
      trace.candidate(index, "down");
    else if (select == Select::failover)
      trace.candidate(index, "later in order than one that is alive");
    else if (select == Select::weighted)
      trace.candidate(index, "the client's place in the weights is another's");
    else
      trace.candidate(index, "this client's place in the shares falls to another");
  }
}

// ---- POPs ---------------------------------------------------------------------------------------

bool usable(const Map& map, size_t pop, Families wanted) {
  const PopState& p = map.pops[pop];
  return (p.families & wanted) != 0 && (p.alive || (map.alive_pop_families & wanted) == 0);
}

/// The POPs of one ranking that may be used, best first: near ones before far ones, near ties by rendezvous.
class PopWalk {
 public:
  PopWalk(const Map& map, std::span<const RankedPop> ranking, uint64_t client, Families wanted, bool ties)
      : map_(map), ranking_(ranking), client_(client), wanted_(wanted), ties_(ties) {}

  const RankedPop* next() {
    if (left_ == 0 && !open_group()) return nullptr;
    --left_;
    return tied_ ? draw() : &ranking_[leader_];
  }
  /// The client's hash has had a say in what next() gave so far.
  [[nodiscard]] bool drawn() const { return drawn_; }

 private:
  /// A group: the best POP that is left, and those that are as near.
  bool open_group() {
    leader_ = end_;
    while (leader_ < ranking_.size() && !usable(map_, ranking_[leader_].pop, wanted_)) ++leader_;
    if (leader_ == ranking_.size()) return false;
    const RankedPop& leader = ranking_[leader_];
    const bool unknown = leader.source == LatencySource::none;
    const double limit = leader.latency_ms * (ties_ ? 1 + near_share : 1) + (ties_ ? near_ms : 0);
    for (end_ = leader_; end_ < ranking_.size(); ++end_) {
      const RankedPop& pop = ranking_[end_];
      if ((pop.source == LatencySource::none) != unknown || pop.latency_ms > limit) break;
      if (usable(map_, pop.pop, wanted_)) ++left_;
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
      if (!usable(map_, ranking_[i].pop, wanted_)) continue;
      const double score = rendezvous_score(client_, pop.key, pop.weight);
      if (score <= score_ || score >= best_score) continue;
      best_score = score;
      best = &ranking_[i];
    }
    score_ = best_score;
    return best;
  }

  const Map& map_;
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

void choose_by_latency(const Map& map, const model::Hostname& host, const Client& client,
                       Decision& decision) {
  const uint64_t place = client.network.hash();
  const auto [ranking, scope] = find_ranking(map, client);
  const bool load_counts = host.select == Select::least_load;
  PopWalk walk(map, ranking, place, client.family, load_counts);
  const RankedPop *best = nullptr, *first = nullptr;
  bool hashed = false;
  while (!first) {
    const RankedPop* next = walk.next();
    if (!next) break;
    const PopState& pop = map.pops[next->pop];
    hashed |= walk.drawn() || (load_counts && pop.accept < 1);
    if (!best) best = next;
    if (!load_counts || accepts(pop, place)) first = next;
  }
  if (!best) return;
  if (!first) first = best;
  append(decision, first->pop);
  decision.reason = first == best ? latency_reason(first->source) : Reason::spilled;
  hashed |= choose_second_pops(map, *first, answers_wanted(host), load_counts, place, walk, decision);
  decision.scope = hashed ? std::max(scope, length_of(client)) : scope;
}

void choose_by_weight(const Map& map, const model::Hostname& host, const Client& client, Decision& decision) {
  const uint64_t place = client.network.hash();
  Best best(answers_wanted(host));
  for (size_t i = 0; i < map.pops.size(); ++i)
    if (usable(map, i, client.family))
      best.offer(i, rendezvous_score(place, map.pops[i].key, map.pops[i].weight));
  for (const uint16_t i : best.in_order())
    if (decision.count == 0 ||
        map.pops[i].weight >= map.pops[decision.targets[0]].weight * second_share_of_first)
      append(decision, i);
  decision.reason = host.select == Select::weighted ? Reason::weighted : Reason::unplaced;
  decision.scope = length_of(client);
}

void choose_first_in_order(const Map& map, Families wanted, Decision& decision) {
  for (size_t i = 0; i < map.pops.size() && decision.count == 0; ++i)
    if (usable(map, i, wanted)) append(decision, i);
  decision.reason = Reason::failover;
}

const char* why_not_pop(const Map& map, Select select, const RankedPop& first, const RankedPop& pop,
                        const Client& client) {
  const uint64_t place = client.network.hash();
  if ((map.pops[pop.pop].families & client.family) == 0) return no_address;
  if (!usable(map, pop.pop, client.family)) return "down";
  if (select == Select::failover) return "later in order than one that is alive";
  if (select == Select::weighted) return "the client's place in the weights is another's";
  if (select == Select::least_load && !accepts(map.pops[pop.pop], place))
    return "too loaded: it accepts only a part of its clients, and not this one";
  if (pop.source == LatencySource::none && first.source != LatencySource::none)
    return "its latency to the client is not known";
  if (pop.latency_ms > first.latency_ms * (1 + near_share) + near_ms) return "farther";
  return "as near: the client's hash chose another";
}

void trace_pops(const Map& map, Select select, const Client& client, const Decision& decision, Trace& trace) {
  const auto ranking = find_ranking(map, client).ranking;
  const auto of_first = std::find_if(ranking.begin(), ranking.end(), [&](const RankedPop& pop) {
    return decision.count > 0 && pop.pop == decision.targets[0];
  });
  for (const RankedPop& pop : ranking) {
    if (is_chosen(decision, pop.pop))
      trace.candidate(pop.pop, pop.pop == decision.targets[0] ? "chosen" : "second answer");
    else
      trace.candidate(pop.pop,
                      why_not_pop(map, select, of_first == ranking.end() ? pop : *of_first, pop, client));
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
    if (!usable(site_, i, family_any)) return FillTier::down;
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
  Decision decision = begin(map, host, site.degraded);
  if (host.select == Select::failover)
    choose_first_in_order(site, client.family, decision);
  else
    choose_by_share(site, host, client, decision);
  decision.reason = origin_reason(site, host.select, client.family);
  if (trace) trace_origins(site, host.select, client.family, decision, *trace);
  return decision;
}

Decision decide_pop(const model::Config&, const Map& map, const model::Hostname& host, const Client& client,
                    Trace* trace) {
  Decision decision = begin(map, host, map.pops_degraded);
  if (host.select == Select::failover)
    choose_first_in_order(map, client.family, decision);
  else if (host.select != Select::weighted)
    choose_by_latency(map, host, client, decision);
  if (decision.count == 0) choose_by_weight(map, host, client, decision);
  if ((map.alive_pop_families & client.family) == 0) decision.reason = Reason::fail_open;
  if (map.pops.size() == 1) {
    decision.reason = Reason::only_one;
    decision.scope = 0;
  }
  if (trace) trace_pops(map, host.select, client, decision, *trace);
  return decision;
}

Decision decide_fill(const model::Config& config, const Map& map, uint32_t site_index,
                     std::span<const FillTarget> own, double rate, uint64_t salt) {
  const SiteState& site = map.sites[site_index];
  Decision decision;
  decision.map_generation = map.generation;
  decision.degraded = site.degraded;
  decision.reason = origin_reason(site, Select::least_load, family_any);
  const Best order = FillChoice(config, map, site_index, own, rate, salt).order();
  for (const uint16_t i : order.in_order()) append(decision, i);
  return decision;
}

}  // namespace popnet::routing
