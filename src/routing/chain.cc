#include "routing/chain.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "model/decision.h"
#include "model/geo.h"
#include "routing/shares.h"

namespace popnet::routing {

namespace {

using model::AddressType;
using model::ChainRule;
using model::Config;
using model::Hostname;

uint32_t whole_seconds(Duration ttl) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(seconds, 0, std::numeric_limits<int32_t>::max()));
}

uint8_t answers_of(int answers) {
  return static_cast<uint8_t>(std::clamp(answers, 1, static_cast<int>(model::targets_max)));
}

Terms terms_of(const Hostname& host, const ChainRule& rule) {
  Hostname own;
  own.select = rule.select.value_or(host.select);
  own.ttl = rule.ttl.value_or(host.ttl);
  own.failing_ttl = rule.failing_ttl ? rule.failing_ttl : host.failing_ttl;
  own.answers_max = rule.answers_max.value_or(host.answers_max);
  own.persistence = rule.persistence.value_or(host.persistence);
  own.ipv4_prefix = host.ipv4_prefix;
  own.ipv6_prefix = host.ipv6_prefix;
  return routing::terms_of(own);
}

Families families_of(const Config& config, const Chain& chain, size_t target) {
  const auto of = [](const IpAddress& address) { return address.is_v4() ? family_v4 : family_v6; };
  if (chain.resolve == model::Resolve::origin)
    return of(config.sites[chain.site].origins[target].endpoint.address);
  Families families = 0;
  for (const IpAddress& address : config.pops[target].addresses) families |= of(address);
  return families;
}

size_t targets_of(const Config& config, const Chain& chain) {
  return chain.resolve == model::Resolve::origin ? config.sites[chain.site].origins.size()
                                                 : config.pops.size();
}

Rule make_rule(const Config& config, const Chain& chain, const Hostname& host, const ChainRule& written) {
  Rule rule;
  rule.terms = terms_of(host, written);
  rule.weights.resize(targets_of(config, chain));
  for (const auto& target : written.targets) {
    rule.targets.push_back(target.index);
    rule.weights[target.index] = target.weight;
    rule.families |= families_of(config, chain, target.index);
  }
  if (!written.types.empty()) rule.questions = 0;
  for (const AddressType type : written.types)
    rule.questions |= type == AddressType::a ? family_v4 : family_v6;
  rule.healthy_min = static_cast<uint16_t>(
      std::clamp<int>(written.healthy_min, 1, static_cast<int>(std::max<size_t>(1, rule.targets.size()))));
  rule.fall_through = written.fall_through;
  if (chain.resolve == model::Resolve::origin && rule.terms.select == model::Select::least_load)
    rule.pool = pool_suffix(config.sites[chain.site], rule.targets);
  return rule;
}

Rule rule_for_the_rest(const Config& config, const Chain& chain, const Hostname& host) {
  Rule rule;
  rule.terms = routing::terms_of(host);
  for (size_t i = 0; i < targets_of(config, chain); ++i) rule.families |= families_of(config, chain, i);
  return rule;
}

// ---- whom a rule is for --------------------------------------------------------------------------

bool asks_place(const ChainRule& rule) {
  return !rule.continents.empty() || !rule.countries.empty() || !rule.subdivisions.empty();
}

bool fits(const ChainRule& rule, const model::GeoPlace& place) {
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return !name.empty() && std::find(names.begin(), names.end(), name) != names.end();
  };
  return has(rule.continents, place.continent) || has(rule.countries, place.country) ||
         has(rule.subdivisions, place.subdivision);
}

/// What a rule asks of clients: two rules that ask the same are for the same.
auto asked_of(const ChainRule& rule) {
  return std::tie(rule.clients, rule.continents, rule.countries, rule.subdivisions);
}

/// From `at` on clients are (or are not) in what the rule's condition names.
template <class Key>
struct Border {
  Key at;
  uint8_t rule;
  bool by_place;  // else by prefix
  bool inside;
};

template <class Key>
constexpr bool is_of(const IpAddress& address) {
  return address.is_v4() == (sizeof(Key) == sizeof(uint32_t));
}

template <class Key>
class Borders {
 public:
  void add_prefixes(uint8_t rule, const std::vector<Prefix>& prefixes) {
    std::vector<typename Ranges<Key>::Network> networks;
    for (const Prefix& prefix : prefixes)
      if (is_of<Key>(prefix.address()))
        networks.push_back({key_of<Key>(prefix.first()), key_of<Key>(prefix.last()), 1});
    const Ranges<Key> ranges(std::move(networks), 0);
    for (const auto& range : ranges.all()) borders_.push_back({range.first, rule, false, range.value != 0});
  }

  void add_places(uint8_t rule, const model::GeoNetworks& geo, const std::vector<bool>& fitting) {
    bool open = false;  // a network that fits ended right before `behind`
    Key behind = 0;
    for (const auto& [network, place] : geo.networks) {
      if (!is_of<Key>(network.address()) || !fitting[place]) continue;
      const Key first = key_of<Key>(network.first()), last = key_of<Key>(network.last());
      if (open && behind != first) borders_.push_back({behind, rule, true, false});
      if (!open || behind != first) borders_.push_back({first, rule, true, true});
      behind = last + 1;
      open = behind != 0;
    }
    if (open) borders_.push_back({behind, rule, true, false});
  }

  /// Sweeps over all borders; `class_of` numbers the sets of rules met. `of`: with what a rule begins.
  template <class ClassOf>
  std::vector<typename Ranges<Key>::Range> sweep(RuleSet by_prefix, RuleSet by_place, ClassOf class_of) {
    std::stable_sort(borders_.begin(), borders_.end(),
                     [](const Border<Key>& a, const Border<Key>& b) { return a.at < b.at; });
    std::vector<typename Ranges<Key>::Range> ranges;
    for (size_t i = 0; i < borders_.size() || ranges.empty();) {
      const Key at = ranges.empty() ? 0 : borders_[i].at;
      for (; i < borders_.size() && borders_[i].at == at; ++i) {
        RuleSet& set = borders_[i].by_place ? by_place : by_prefix;
        const RuleSet bit = RuleSet{1} << borders_[i].rule;
        set = borders_[i].inside ? set | bit : set & ~bit;
      }
      const uint32_t value = class_of(by_prefix & by_place);
      if (ranges.empty() || ranges.back().value != value) ranges.push_back({at, value});
    }
    return ranges;
  }

 private:
  std::vector<Border<Key>> borders_;
};

/// Tells the clients of chains apart; keeps what it has made for chains that tell apart the same.
class Classifier {
 public:
  explicit Classifier(const model::GeoNetworks* geo) : geo_(geo) {}

  void classify(const std::vector<ChainRule>& rules, Chain& chain) {
    const RuleSet rest = RuleSet{1} << rules.size();
    chain.for_unknown = rest;
    for (size_t i = 0; i < rules.size(); ++i)
      if (rules[i].clients.empty() && !asks_place(rules[i])) chain.for_unknown |= RuleSet{1} << i;
    if (chain.for_unknown == (rest << 1) - 1) {
      chain.classes = {chain.for_unknown};
      return;
    }
    const auto twin = std::find_if(made_.begin(), made_.end(), [&](const Made& made) {
      return std::equal(made.rules->begin(), made.rules->end(), rules.begin(), rules.end(),
                        [](const ChainRule& a, const ChainRule& b) { return asked_of(a) == asked_of(b); });
    });
    const Made& made = twin != made_.end() ? *twin : made_.emplace_back(make(rules));
    chain.classes = made.classes;
    chain.clients = made.clients;
  }

 private:
  struct Made {
    const std::vector<ChainRule>* rules;
    std::vector<RuleSet> classes;
    std::shared_ptr<const NetworkTable> clients;
  };

  Made make(const std::vector<ChainRule>& rules) {
    Borders<uint32_t> v4;
    Borders<Uint128> v6;
    RuleSet by_prefix = ~RuleSet{0}, by_place = ~RuleSet{0};  // rules that ask nothing are for all
    for (uint8_t i = 0; i < rules.size(); ++i) {
      if (!rules[i].clients.empty()) {
        by_prefix &= ~(RuleSet{1} << i);
        v4.add_prefixes(i, rules[i].clients);
        v6.add_prefixes(i, rules[i].clients);
      }
      if (!asks_place(rules[i])) continue;
      by_place &= ~(RuleSet{1} << i);
      if (geo_ == nullptr) continue;
      std::vector<bool> fitting(geo_->places.size());
      for (size_t p = 0; p < fitting.size(); ++p) fitting[p] = fits(rules[i], geo_->places[p]);
      v4.add_places(i, *geo_, fitting);
      v6.add_places(i, *geo_, fitting);
    }
    const RuleSet all = (RuleSet{2} << rules.size()) - 1;
    Made made{&rules, {}, nullptr};
    std::map<RuleSet, uint32_t> numbers;
    const auto class_of = [&](RuleSet set) {
      const auto [entry, fresh] = numbers.try_emplace(set & all, static_cast<uint32_t>(numbers.size()));
      if (fresh) made.classes.push_back(set & all);
      return entry->second;
    };
    auto v4_ranges = v4.sweep(by_prefix, by_place, class_of);
    made.clients =
        std::make_shared<const NetworkTable>(std::move(v4_ranges), v6.sweep(by_prefix, by_place, class_of));
    return made;
  }

  const model::GeoNetworks* geo_;
  std::vector<Made> made_;
};

// ---- which rule decides --------------------------------------------------------------------------

constexpr uint32_t pack(size_t rule, bool skipped) {
  return static_cast<uint32_t>(rule << 1 | (skipped ? 1 : 0));
}

/// `alive[rule][families]`: how many targets that are alive have an address of these.
uint32_t decides(const Chain& chain, std::span<const std::array<uint16_t, 4>> alive, RuleSet for_client,
                 Families asked) {
  bool skipped = false;
  size_t first = chain.rules.size();  // that could decide, were its targets alive
  for (size_t i = 0; i < chain.rules.size(); ++i) {
    const Rule& rule = chain.rules[i];
    if ((for_client >> i & 1) == 0 || (rule.questions & asked) == 0) continue;
    const bool reachable = (rule.families & asked) != 0;
    if (reachable && first == chain.rules.size()) first = i;
    const uint16_t living = alive[i][reachable ? asked : family_any];
    if (living >= rule.healthy_min || !rule.fall_through) return pack(i, skipped);
    skipped = true;
  }
  return pack(std::min(first, chain.rules.size() - 1), true);
}

}  // namespace

Terms terms_of(const Hostname& host) {
  Terms terms;
  terms.select = host.select;
  terms.answers = answers_of(host.answers_max);
  terms.drawn = host.persistence == model::Persistence::none;
  terms.ipv4_prefix = static_cast<uint8_t>(host.ipv4_prefix);
  terms.ipv6_prefix = static_cast<uint8_t>(host.ipv6_prefix);
  terms.ttl = whole_seconds(host.ttl);
  terms.failing_ttl =
      host.failing_ttl ? whole_seconds(*host.failing_ttl) : std::min(terms.ttl, degraded_ttl_max);
  return terms;
}

std::shared_ptr<const Chains> make_chains(const Config& config) {
  auto chains = std::make_shared<Chains>();
  Classifier classifier(config.geo.get());
  for (uint32_t site = 0; site < config.sites.size(); ++site)
    for (const Hostname& host : config.sites[site].hostnames) {
      if (host.chain_index != chains->size()) continue;  // none, or made already
      Chain& chain = chains->emplace_back();
      chain.resolve = host.resolve;
      chain.site = site;
      for (const ChainRule& rule : host.chain) chain.rules.push_back(make_rule(config, chain, host, rule));
      chain.rules.push_back(rule_for_the_rest(config, chain, host));
      classifier.classify(host.chain, chain);
    }
  return chains;
}

ChainState::ChainState(const Chain& chain, std::span<const Target> targets, const ChainState* before,
                       TableCache& tables) {
  std::vector<std::array<uint16_t, 4>> alive(chain.rules.size());
  rules_.resize(chain.rules.size());
  for (size_t i = 0; i < chain.rules.size(); ++i)
    for (size_t t = 0; t < targets.size(); ++t) {
      if (!chain.rules[i].has(t)) continue;
      if (!targets[t].alive) {
        rules_[i].degraded = true;
        continue;
      }
      rules_[i].alive |= targets[t].families;
      for (Families asked = 1; asked <= family_any; ++asked)
        if ((targets[t].families & asked) != 0) ++alive[i][asked];
    }
  for (const Families asked : {family_v4, family_v6, family_any}) ask(chain, alive, asked, before, tables);
}

/// The first rule that has no address to give stands for all of them, and being degraded once is enough.
std::vector<uint32_t> ChainState::answers_of(const Chain& chain, std::vector<uint32_t> deciding,
                                             Families asked) const {
  std::optional<uint32_t> nothing;
  for (uint32_t& value : deciding) {
    const Deciding found = unpack(value, 0);
    if ((chain.rules[found.rule].families & asked) == 0) {
      if (!nothing) nothing = value;
      value = *nothing;
    } else if (rules_[found.rule].degraded) {
      value = pack(found.rule, true);
    }
  }
  return deciding;
}

void ChainState::ask(const Chain& chain, std::span<const std::array<uint16_t, 4>> alive, Families asked,
                     const ChainState* before, TableCache& tables) {
  Question& question = questions_[asked];
  question.for_unknown = decides(chain, alive, chain.for_unknown, asked);
  for (const RuleSet set : chain.classes) question.of_class.push_back(decides(chain, alive, set, asked));
  question.answers = answers_of(chain, question.of_class, asked);
  question.for_all = question.answers.front();
  const bool alike = std::all_of(question.answers.begin(), question.answers.end(),
                                 [&](uint32_t value) { return value == question.for_all; });
  if (alike) return;
  auto& table = tables[{chain.clients.get(), question.answers}];
  if (!table && before != nullptr && before->questions_[asked].answers == question.answers)
    table = before->questions_[asked].by_client;
  if (!table) table = std::make_shared<const NetworkTable>(chain.clients->with_values(question.answers));
  question.by_client = table;
}

}  // namespace popnet::routing
