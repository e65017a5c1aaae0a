// The chains of hostnames: what the names in them mean, and what cannot be meant.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/load/draft.h"

namespace popnet::config {

namespace {

using model::ChainRule;
using model::Hostname;
using model::Resolve;
using model::Select;

struct Named {
  std::string name;
  double weight;
  bool v4 = false, v6 = false;
  const std::vector<std::string>& groups;
};

/// What the rules of a hostname may name: the site's origins or the POPs, and their groups.
class Targets {
 public:
  explicit Targets(const model::Site& site) {
    for (const model::Origin& origin : site.origins) {
      const bool v4 = origin.endpoint.address.is_v4();
      add({origin.name, origin.weight, v4, !v4, origin.groups});
    }
  }
  explicit Targets(const std::vector<model::Pop>& pops) {
    for (const model::Pop& pop : pops) {
      Named named{pop.name, pop.weight, false, false, pop.groups};
      for (const IpAddress& address : pop.addresses) (address.is_v4() ? named.v4 : named.v6) = true;
      add(named);
    }
  }

  [[nodiscard]] const std::vector<Named>& all() const { return all_; }
  /// Null when there is no such target or group.
  [[nodiscard]] const std::vector<uint16_t>* find(const std::string& name) const {
    const auto found = members_.find(name);
    return found == members_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::string names() const {
    constexpr size_t names_max = 20;
    std::vector<std::string> names;
    for (const auto& [name, members] : members_) names.push_back(name);
    if (names.size() > names_max) names.resize(names_max), names.emplace_back("...");
    return fmt::format("{}", fmt::join(names, ", "));
  }

 private:
  void add(const Named& named) {
    const auto index = static_cast<uint16_t>(all_.size());
    members_[named.name] = {index};
    for (const std::string& group : named.groups) members_[group].push_back(index);
    all_.push_back(named);
  }

  std::vector<Named> all_;
  std::map<std::string, std::vector<uint16_t>> members_;  // of a target: itself
};

class Completer {
 public:
  Completer(const Draft& draft, const Targets& targets, const Hostname& host)
      : draft_(draft), targets_(targets), host_(host) {}

  void complete(const std::string& path, ChainRule& rule) {
    find_targets(path, rule);
    find_weights(path, rule);
    if (draft_.problems.touches(path)) return;
    const Select select = rule.select.value_or(host_.select);
    if (!rule.weights.empty() && select != Select::weighted)
      draft_.error(join(path, "weights"), "mean something with 'select: weighted' only, write that too");
    if (host_.resolve == Resolve::origin && select == Select::latency)
      draft_.error(join(path, "select"),
                   "'latency' is known for POPs only, write least_load, weighted or failover");
    if (static_cast<size_t>(rule.healthy_min) > rule.targets.size())
      draft_.error(join(path, "healthy_min"),
                   fmt::format("the rule has {} targets, write at most that", rule.targets.size()));
    check_places(path, rule);
    check_types(path, rule);
  }

 private:
  void find_targets(const std::string& path, ChainRule& rule) {
    std::vector<bool> taken(targets_.all().size());
    const auto take = [&](uint16_t index) {
      if (!taken[index]) rule.targets.push_back({index, targets_.all()[index].weight});
      taken[index] = true;
    };
    if (rule.target_names.empty())
      for (uint16_t i = 0; i < targets_.all().size(); ++i) take(i);
    for (size_t i = 0; i < rule.target_names.size(); ++i) {
      const auto* members = targets_.find(rule.target_names[i]);
      if (members != nullptr)
        for (const uint16_t index : *members) take(index);
      else
        unknown(join(join(path, "targets"), i), rule.target_names[i]);
    }
  }

  void find_weights(const std::string& path, ChainRule& rule) {
    for (const ChainRule::Weight& weight : rule.weights) {
      const std::string at = join(join(path, "weights"), weight.name);
      const auto* members = targets_.find(weight.name);
      if (members == nullptr) {
        unknown(at, weight.name);
        continue;
      }
      bool used = false;
      for (ChainRule::Target& target : rule.targets)
        if (std::find(members->begin(), members->end(), target.index) != members->end()) {
          target.weight = weight.weight;
          used = true;
        }
      if (!used) draft_.error(at, "is not among the rule's targets, write it there or leave it out");
    }
  }

  void unknown(const std::string& path, const std::string& name) {
    draft_.error(
        path, fmt::format("'{}' is no {} and no group of these, write one of {}", name,
                          host_.resolve == Resolve::origin ? "origin of the site" : "POP", targets_.names()));
  }

  void check_places(const std::string& path, const ChainRule& rule) {
    if (!draft_.config.network.geo_file.empty()) return;
    for (const auto& [option, names] : {std::pair("continents", &rule.continents),
                                        {"countries", &rule.countries},
                                        {"subdivisions", &rule.subdivisions}})
      if (!names->empty())
        draft_.error(join(path, option), "nobody knows where clients are, write network.geo_file too");
  }

  void check_types(const std::string& path, const ChainRule& rule) {
    for (size_t i = 0; i < rule.types.size(); ++i) {
      const bool v4 = rule.types[i] == model::AddressType::a;
      if (std::none_of(rule.targets.begin(), rule.targets.end(), [&](const ChainRule::Target& target) {
            return v4 ? targets_.all()[target.index].v4 : targets_.all()[target.index].v6;
          }))
        draft_.warning(join(join(path, "types"), i),
                       fmt::format("none of the rule's targets has an IPv{} address, so the answer is empty",
                                   v4 ? 4 : 6));
    }
  }

  const Draft& draft_;
  const Targets& targets_;
  const Hostname& host_;
};

bool is_for_everybody(const ChainRule& rule) {
  return rule.clients.empty() && rule.continents.empty() && rule.countries.empty() &&
         rule.subdivisions.empty() && rule.types.empty();
}

void complete_chain(const Draft& draft, const std::string& path, const Targets& targets, Hostname& host) {
  Completer completer(draft, targets, host);
  for (size_t i = 0; i < host.chain.size(); ++i) {
    const std::string at = join(path, i);
    if (i > 0 && !host.chain[i - 1].fall_through && is_for_everybody(host.chain[i - 1]))
      draft.error(at, "never reached, the rule before it decides for everybody and does not fall through");
    completer.complete(at, host.chain[i]);
  }
}

/// A name of a group must not be that of a target: nobody could tell which is meant.
template <class Member>
void check_groups(const Draft& draft, const std::string& path, const std::vector<Member>& members) {
  std::set<std::string> names;
  for (const Member& member : members) names.insert(member.name);
  for (size_t i = 0; i < members.size(); ++i)
    for (size_t g = 0; g < members[i].groups.size(); ++g)
      if (names.count(members[i].groups[g]) > 0)
        draft.error(join(join(join(path, i), "groups"), g),
                    fmt::format("'{}' is the name of one of {}, write another", members[i].groups[g], path));
}

}  // namespace

void complete_chains(const Draft& draft) {
  model::Config& config = draft.config;
  if (draft.problems.touches("pops")) return;
  check_groups(draft, "pops", config.pops);
  const Targets pops(config.pops);
  for (size_t s = 0; s < config.sites.size(); ++s) {
    model::Site& site = config.sites[s];
    const std::string path = join("sites", s);
    check_groups(draft, join(path, "origins"), site.origins);
    const Targets origins(site);
    for (size_t h = 0; h < site.hostnames.size(); ++h)
      complete_chain(draft, join(join(join(path, "hostnames"), h), "chain"),
                     site.hostnames[h].resolve == Resolve::origin ? origins : pops, site.hostnames[h]);
  }
  model::link_chains(config);
}

}  // namespace popnet::config
