// Chains: the rules of a hostname as the hot path reads them, and which of them decides for a client now.
//
//   for each rule in order:
//     is it for this client, and for this type of question?     no ──> next
//     has some target an address of the family asked for?       no ──> if its targets live: NODATA; else next
//     are healthy_min of these alive?                           no ──> next, if it falls through
//     it decides: by its select, among its targets
//   none decided: all that could is dead. The first rule that is for the client answers as if its targets were
//   alive (fail open).
//
// Behind the rules written stands one for everybody, with the hostname's own options and all targets. When a
// rule decides because others before it could not, the answer is degraded: its TTL is the failing one.
//
// What depends on the config alone is made once (make_chains): for every client network the set of rules that
// are for it, its class, flattened into one table. What depends on health is made with every map
// (decide_rules): for each class the rule that decides. Where that differs between classes the table is kept
// with these numbers instead, so that a query needs one search, and the scope found with it is the largest
// network for which the same rule decides. All rules that have no address to give count as one there: their
// denials are the same. Tables are shared by chains that tell the same clients apart, and taken over from the
// map before while the same rules decide.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/ip.h"
#include "model/config.h"
#include "routing/network_table.h"

namespace popnet::routing {

/// Address families, as a set: what a target can be reached by, or what a question asks for.
using Families = uint8_t;
inline constexpr Families family_v4 = 1, family_v6 = 2, family_any = 3;

inline constexpr size_t chain_rules_max = 32;
inline constexpr uint32_t degraded_ttl_max = 10;  // seconds, where no failing_ttl says other

/// How a rule, or a hostname without rules, chooses.
struct Terms {
  model::Select select = model::Select::least_load;
  uint8_t answers = 1;  // 1 .. targets_max
  bool drawn = false;   // each answer anew
  uint8_t ipv4_prefix = 32, ipv6_prefix = 128;
  uint32_t ttl = 0, failing_ttl = 0;  // seconds
};
Terms terms_of(const model::Hostname& host);

struct Rule {
  Terms terms;
  std::vector<uint16_t> targets;    // indexes, in order; of the last rule, which has all: empty
  std::vector<double> weights;      // by index; 0: is not one of them; of the last rule: empty
  Families questions = family_any;  // that it is for
  Families families = 0;            // that its targets have
  uint16_t healthy_min = 1;
  bool fall_through = true;
  std::string pool;  // of its own shares (shares.h); empty: those of all

  [[nodiscard]] bool has(size_t target) const { return weights.empty() || weights[target] > 0; }
};

using RuleSet = uint64_t;  // bit i: rule i

struct Chain {
  model::Resolve resolve = model::Resolve::origin;
  uint32_t site = 0;
  std::vector<Rule> rules;                      // the last one: everybody else
  std::vector<RuleSet> classes;                 // class → rules that are for its clients
  std::shared_ptr<const NetworkTable> clients;  // client → class; null: all are of class 0
  RuleSet for_unknown = 0;                      // rules that are for clients of whom nothing may be known
};
/// By model::Hostname::chain_index.
using Chains = std::vector<Chain>;

/// Pure; with a large GeoIP database it takes a while. REQUIRES: model::link_chains(config) was called
std::shared_ptr<const Chains> make_chains(const model::Config& config);

/// A rule among the targets as they are now.
struct RuleState {
  Families alive = 0;               // that targets of it which are alive have
  bool degraded = false;            // some target of it is down
  std::vector<double> shares = {};  // of its pool, by index; > 0. Empty: those of all
};

/// Which rule decides.
struct Deciding {
  uint16_t rule = 0;     // of those that have no address to give, any
  bool skipped = false;  // some rule before it could not
  uint8_t scope = 0;     // for all clients in a network of this length
};

/// The tables of one map: chains that tell the same clients apart, and by the same rules, share one.
using TableCache =
    std::map<std::pair<const NetworkTable*, std::vector<uint32_t>>, std::shared_ptr<const NetworkTable>>;

class ChainState {
 public:
  /// What decides needs to know of a target.
  struct Target {
    Families families = 0;
    bool alive = true;
  };
  /// `before`: the state in the last map, of the same chain; null = none.
  ChainState(const Chain& chain, std::span<const Target> targets, const ChainState* before,
             TableCache& tables);

  /// No allocation. `unknown`: nothing may be known of the client.
  [[nodiscard]] Deciding find(const IpAddress& client, bool unknown, Families asked) const {
    const Question& question = questions_[asked];
    if (unknown) return unpack(question.for_unknown, 0);
    if (!question.by_client) return unpack(question.for_all, 0);
    const auto found = question.by_client->find(client);
    return unpack(found.value, found.scope);
  }
  /// The same, and which of the rules that have no address to give. `chain`: that of the constructor.
  [[nodiscard]] Deciding find_rule(const Chain& chain, const IpAddress& client, bool unknown,
                                   Families asked) const {
    const Deciding found = find(client, unknown, asked);
    if (unknown) return found;
    const uint32_t client_class = chain.clients ? chain.clients->find(client).value : 0;
    return unpack(questions_[asked].of_class[client_class], found.scope);
  }
  [[nodiscard]] const RuleState& rule(size_t index) const { return rules_[index]; }
  void set_shares(size_t rule, std::vector<double> shares) { rules_[rule].shares = std::move(shares); }

 private:
  struct Question {
    uint32_t for_unknown = 0, for_all = 0;
    std::vector<uint32_t> of_class;                 // which rule
    std::vector<uint32_t> answers;                  // the same, one for all that answer alike
    std::shared_ptr<const NetworkTable> by_client;  // null: for_all
  };
  static Deciding unpack(uint32_t value, uint8_t scope) {
    return {static_cast<uint16_t>(value >> 1), (value & 1) != 0, scope};
  }
  [[nodiscard]] std::vector<uint32_t> answers_of(const Chain& chain, std::vector<uint32_t> deciding,
                                                 Families asked) const;
  void ask(const Chain& chain, std::span<const std::array<uint16_t, 4>> alive, Families asked,
           const ChainState* before, TableCache& tables);

  std::vector<RuleState> rules_;
  std::array<Question, 4> questions_;  // by Families asked for
};

}  // namespace popnet::routing
