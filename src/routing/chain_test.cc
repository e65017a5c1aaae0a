#include "routing/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "common/random.h"
#include "model/geo.h"
#include "routing/testing.h"

namespace popnet::routing {
namespace {

using namespace testing;
using model::AddressType;
using model::ChainRule;
using model::Decision;
using model::Health;
using model::Persistence;
using model::Reason;
using model::Select;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr uint32_t many = 30000;

/// Four origins and three POPs; the page's chain is what a test makes it.
class ChainTest : public ::testing::Test {
 protected:
  model::Hostname& page() { return config_.sites[0].hostnames[0]; }
  model::Hostname& content() { return config_.sites[0].hostnames[1]; }
  void down(size_t origin) { metrics_.origins[0][origin].health = Health::down; }
  Map make(const Map* before = nullptr) {
    model::link_chains(config_);
    if (before == nullptr) chains_ = make_chains(config_);
    return make_map(config_, metrics_, shares_, 1, make_client_table(config_, {}, at_second(0)), at_second(0),
                    chains_, before);
  }
  Client client(std::string_view address, Families family = family_v4) const {
    Client client = make_client(config_.network.client_latency, ip(address));
    client.family = family;
    return client;
  }
  Decision origin(const Map& map, const Client& client) {
    return decide_origin(config_, map, 0, page(), client);
  }
  Decision origin(std::string_view address, Families family = family_v4) {
    return origin(make(), client(address, family));
  }
  /// Where the places are: "10.0.0.0/8" EU NL, "172.16.0.0/12" NA US US-CA, "192.0.2.0/24" NA CA.
  void know_places() {
    auto geo = std::make_shared<model::GeoNetworks>();
    geo->places = {{"EU", "NL", "", {}}, {"NA", "US", "US-CA", {}}, {"NA", "CA", "", {}}};
    geo->networks = {{net("10.0.0.0/8"), 0}, {net("172.16.0.0/12"), 1}, {net("192.0.2.0/24"), 2}};
    config_.geo = geo;
  }

  model::Config config_ = make_config(4, 3);
  model::MetricsSnapshot metrics_ = make_metrics(config_);
  model::Shares shares_;
  std::shared_ptr<const Chains> chains_;
};

ChainRule rule(std::vector<uint16_t> targets, Select select = Select::failover) {
  ChainRule rule;
  for (const uint16_t target : targets) rule.targets.push_back({target, 1});
  rule.select = select;
  return rule;
}
ChainRule rule_for(std::string_view network, std::vector<uint16_t> targets) {
  ChainRule r = rule(std::move(targets));
  r.clients = {net(network)};
  return r;
}

TEST_F(ChainTest, TheFirstRuleThatIsForTheClientDecides) {
  page().chain = {rule_for("10.0.0.0/8", {3, 0}), rule({1, 2})};
  EXPECT_THAT(origin("10.1.2.3").chosen(), ElementsAre(3));
  EXPECT_EQ(origin("10.1.2.3").rule, 0);
  EXPECT_EQ(origin("10.1.2.3").reason, Reason::failover);
  EXPECT_THAT(origin("192.0.2.1").chosen(), ElementsAre(1));
  EXPECT_EQ(origin("192.0.2.1").rule, 1);
}

TEST_F(ChainTest, WithoutARuleTheHostnameItselfDecides) {
  page().chain = {rule_for("10.0.0.0/8", {3})};
  const auto decision = origin("192.0.2.1");
  EXPECT_EQ(decision.rule, 1);
  EXPECT_EQ(decision.reason, Reason::least_load);
  EXPECT_EQ(decision.count, 2);
}

TEST_F(ChainTest, ARuleWithoutAHealthyTargetPassesOnAndTheTtlIsShort) {
  page().chain = {rule_for("10.0.0.0/8", {3, 0}), rule({1, 2})};
  page().chain[0].ttl = seconds(300);
  page().chain[1].ttl = seconds(60);
  page().chain[1].failing_ttl = seconds(7);
  EXPECT_EQ(origin("10.1.2.3").ttl, 300U);
  down(3);
  EXPECT_THAT(origin("10.1.2.3").chosen(), ElementsAre(0));
  EXPECT_EQ(origin("10.1.2.3").ttl, degraded_ttl_max) << "a target of it is down";
  down(0);
  EXPECT_THAT(origin("10.1.2.3").chosen(), ElementsAre(1));
  EXPECT_EQ(origin("10.1.2.3").rule, 1);
  EXPECT_EQ(origin("10.1.2.3").ttl, 7U) << "the rule that should decide cannot";
  EXPECT_EQ(origin("192.0.2.1").ttl, 60U) << "nothing fails that is for this client";
}

TEST_F(ChainTest, WithTooFewHealthyTargetsItPassesOn) {
  page().chain = {rule({0, 1, 2}), rule({3})};
  page().chain[0].healthy_min = 2;
  down(0);
  EXPECT_EQ(origin("10.1.2.3").rule, 0);
  down(1);
  EXPECT_EQ(origin("10.1.2.3").rule, 1);
}

TEST_F(ChainTest, ARuleThatDoesNotFallThroughKeepsItsClients) {
  page().chain = {rule_for("10.0.0.0/8", {3}), rule({1, 2})};
  page().chain[0].fall_through = false;
  down(3);
  const auto decision = origin("10.1.2.3");
  EXPECT_THAT(decision.chosen(), ElementsAre(3));
  EXPECT_EQ(decision.rule, 0);
  EXPECT_TRUE(decision.degraded);
}

TEST_F(ChainTest, WhenAllIsDeadTheFirstRuleAnswersAsIfItsTargetsWereAlive) {
  page().chain = {rule_for("10.0.0.0/8", {3, 2}), rule({1, 2})};
  for (size_t i = 0; i < 4; ++i) down(i);
  auto decision = origin("10.1.2.3");
  EXPECT_THAT(decision.chosen(), ElementsAre(3));
  EXPECT_EQ(decision.reason, Reason::fail_open);
  EXPECT_EQ(origin("192.0.2.1").targets[0], 1);
}

TEST_F(ChainTest, EachTypeOfQuestionMayHaveItsRule) {
  config_.sites[0].origins[2].endpoint.address = ip("2001:db8::2");
  config_.sites[0].origins[3].endpoint.address = ip("2001:db8::3");
  page().chain = {rule({0, 2, 3}), rule({1, 3})};
  page().chain[0].types = {AddressType::a};
  EXPECT_THAT(origin("10.1.2.3", family_v4).chosen(), ElementsAre(0));
  EXPECT_THAT(origin("10.1.2.3", family_v6).chosen(), ElementsAre(3));
  EXPECT_EQ(origin("10.1.2.3", family_v6).rule, 1);
}

TEST_F(ChainTest, ARuleOfOneFamilyAnswersTheOtherWithNothing) {
  config_.sites[0].origins[3].endpoint.address = ip("2001:db8::3");
  page().chain = {rule({0, 1}), rule({3})};
  EXPECT_EQ(origin("10.1.2.3", family_v6).count, 0) << "users of both families would go elsewhere";
  down(0);
  down(1);
  EXPECT_THAT(origin("10.1.2.3", family_v6).chosen(), ElementsAre(3));
}

TEST_F(ChainTest, PlacesAreMatchedByContinentCountryOrSubdivision) {
  know_places();
  page().chain = {rule({0}), rule({1}), rule({2})};
  page().chain[0].countries = {"CA", "NL"};
  page().chain[1].subdivisions = {"US-CA"};
  page().chain[2].continents = {"NA"};
  EXPECT_EQ(origin("10.1.2.3").rule, 0);
  EXPECT_EQ(origin("172.16.1.1").rule, 1);
  EXPECT_EQ(origin("192.0.2.1").rule, 0);
  EXPECT_EQ(origin("203.0.113.1").rule, 3) << "nobody knows where that is";
  EXPECT_EQ(origin("172.16.1.1").scope, 12);
}

TEST_F(ChainTest, NetworksAndPlacesMustBothFit) {
  know_places();
  page().chain = {rule_for("10.1.0.0/16", {0}), rule({1})};
  page().chain[0].continents = {"EU"};
  EXPECT_EQ(origin("10.1.2.3").rule, 0);
  EXPECT_EQ(origin("10.2.2.3").rule, 1);
  page().chain[0].continents = {"NA"};
  EXPECT_EQ(origin("10.1.2.3").rule, 1);
}

TEST_F(ChainTest, OfAClientWhoMayNotBeKnownOnlyRulesForEverybodyAre) {
  page().chain = {rule_for("0.0.0.0/0", {3}), rule({1})};
  const auto nobody = make_client(config_.network.client_latency, ip("0.0.0.0"), 0);
  const auto decision = origin(make(), nobody);
  EXPECT_EQ(decision.rule, 1);
  EXPECT_EQ(decision.scope, 0);
}

TEST_F(ChainTest, TheScopeIsAsWideAsTheSameRuleDecides) {
  page().chain = {rule_for("10.0.0.0/8", {3}), rule_for("10.1.0.0/16", {3, 2}), rule({1})};
  EXPECT_EQ(origin("10.1.2.3").scope, 8) << "the second rule never decides while the first can";
  EXPECT_EQ(origin("192.0.2.1").scope, 1);
  down(3);
  EXPECT_THAT(origin("10.1.2.3").chosen(), ElementsAre(2));
  EXPECT_EQ(origin("10.1.2.3").scope, 16);
  EXPECT_THAT(origin("10.2.2.3").chosen(), ElementsAre(1));
  down(2);
  EXPECT_EQ(origin("10.1.2.3").rule, 2);
  EXPECT_EQ(origin("10.1.2.3").scope, 8) << "answered alike, but with a short TTL";
  EXPECT_EQ(origin("192.0.2.1").scope, 1);
}

TEST_F(ChainTest, DenialsOfSeveralRulesAreOneAnswer) {
  config_.sites[0].origins[3].endpoint.address = ip("2001:db8::3");
  page().chain = {rule_for("10.0.0.0/16", {0}), rule_for("10.1.0.0/16", {1}), rule_for("10.0.0.0/8", {3}),
                  rule({2})};
  EXPECT_EQ(origin("10.0.2.3", family_v6).scope, 15) << "two rules that have no IPv6";
  EXPECT_EQ(origin("10.1.2.3", family_v6).scope, 15);
  EXPECT_EQ(origin("10.2.2.3", family_v6).scope, 15);
  EXPECT_EQ(origin("10.4.2.3", family_v6).scope, 14);
  EXPECT_EQ(origin("192.0.2.1", family_v6).scope, 1);
  EXPECT_EQ(origin("10.0.2.3").scope, 16);
  const Map map = make();
  const auto& state = map.chain_states[0];
  for (const uint16_t number : {0, 1}) {
    const auto from = IpAddress::v4(10, static_cast<uint8_t>(number), 2, 3);
    EXPECT_EQ(state.find_rule((*chains_)[0], from, false, family_v6).rule, number) << "explain tells which";
  }
}

TEST_F(ChainTest, RulesThatAreForEverybodyNeedNoScope) {
  page().chain = {rule({3}), rule_for("10.0.0.0/8", {2})};
  EXPECT_EQ(origin("10.1.2.3").scope, 0);
  EXPECT_EQ(origin("2001:db8::1").scope, 0);
}

TEST_F(ChainTest, WeightsOfARuleAreExact) {
  page().chain = {rule({0, 1, 3}, Select::weighted)};
  page().chain[0].targets = {{0, 5}, {1, 3}, {3, 2}};
  const Map map = make();
  std::vector<double> seen(4);
  for (uint32_t i = 0; i < many; ++i) ++seen[origin(map, nth_client(i)).targets[0]];
  EXPECT_EQ(seen[2], 0);
  double chi_square = 0;
  for (const auto& [target, part] : std::map<size_t, double>{{0, 0.5}, {1, 0.3}, {3, 0.2}})
    chi_square += (seen[target] - part * many) * (seen[target] - part * many) / (part * many);
  EXPECT_LT(chi_square, 13.82) << "2 degrees of freedom, 99.9 %";
}

TEST_F(ChainTest, AnswersDrawnAnewAreExactToo) {
  page().chain = {rule_for("10.0.0.0/8", {0, 1, 2, 3})};
  page().chain[0].select = Select::weighted;
  page().chain[0].persistence = Persistence::none;
  page().chain[0].targets = {{0, 4}, {1, 3}, {2, 2}, {3, 1}};
  page().chain[0].answers_max = 1;
  const Map map = make();
  std::vector<double> seen(4);
  Client one = client("10.1.2.3");
  for (uint32_t i = 0; i < many; ++i) {
    one.draw = i;
    const auto decision = origin(map, one);
    ASSERT_EQ(decision.count, 1);
    ASSERT_EQ(decision.scope, 8) << "the rule's, since the client had no say";
    ++seen[decision.targets[0]];
  }
  double chi_square = 0;
  for (size_t i = 0; i < 4; ++i) {
    const double expected = many * (4 - static_cast<double>(i)) / 10;
    chi_square += (seen[i] - expected) * (seen[i] - expected) / expected;
  }
  EXPECT_LT(chi_square, 16.27) << "3 degrees of freedom, 99.9 %";
}

TEST_F(ChainTest, WhenATargetOfARuleLeavesOnlyItsClientsMove) {
  page().chain = {rule({0, 1, 2, 3}, Select::weighted)};
  const Map before = make();
  down(2);
  const Map after = make();
  uint32_t moved = 0;
  for (uint32_t i = 0; i < many; ++i) {
    const auto was = origin(before, nth_client(i)).targets[0];
    const auto is = origin(after, nth_client(i)).targets[0];
    ASSERT_TRUE(was == is || was == 2);
    moved += was != is;
  }
  EXPECT_NEAR(moved, many / 4, many / 100);
}

TEST_F(ChainTest, ALargerNetworkMayStandInOnePlace) {
  page().select = Select::weighted;
  page().ipv4_prefix = 16;
  page().ipv6_prefix = 32;
  const Map map = make();
  EXPECT_EQ(origin(map, client("10.1.2.3")).scope, 16);
  for (int i = 0; i < 256; ++i)
    ASSERT_EQ(origin(map, client("10.1." + std::to_string(i) + ".3")).targets,
              origin(map, client("10.1.0.1")).targets);
  EXPECT_EQ(origin(map, client("2001:db8:1::1", family_any)).scope, 32);
  page().ipv4_prefix = 30;
  EXPECT_EQ(origin(map, client("10.1.2.3")).scope, 24) << "not narrower than clients are told apart";
}

TEST_F(ChainTest, SeveralAnswersAndWaysToSelectGoByRule) {
  page().answers_max = 1;
  page().chain = {rule_for("10.0.0.0/8", {0, 1, 2}), rule({2, 3})};
  page().chain[0].select = Select::weighted;
  page().chain[0].answers_max = 3;
  EXPECT_EQ(origin("10.1.2.3").count, 3);
  EXPECT_THAT(origin("192.0.2.1").chosen(), ElementsAre(2));
}

// ---- POPs ---------------------------------------------------------------------------------------

class PopChainTest : public ChainTest {
 protected:
  PopChainTest() {
    model::ClientPrior prior{net("10.0.0.0/8"), {}, {}};
    for (uint32_t i = 0; i < 3; ++i) prior.latency.push_back({i, milliseconds(5 + 30 * i)});
    config_.clients.push_back(prior);
  }
  Decision pop(std::string_view address) { return decide_pop(config_, make(), content(), client(address)); }
};

TEST_F(PopChainTest, TheNearestOfTheRulesTargetsIsAnswered) {
  content().chain = {rule({2, 1}, Select::least_load)};
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(1));
  EXPECT_EQ(pop("10.1.2.3").reason, Reason::configured);
  EXPECT_EQ(pop("10.1.2.3").scope, 8);
}

TEST_F(PopChainTest, AllWaysToSelectStayAmongTheTargets) {
  for (const Select select : {Select::least_load, Select::latency, Select::weighted, Select::failover}) {
    content().chain = {rule({2, 1}, select)};
    const Map map = make();
    for (uint32_t i = 0; i < 300; ++i) {
      const Decision decision = decide_pop(config_, map, content(), nth_client(i));
      for (const uint16_t target : decision.chosen()) ASSERT_NE(target, 0);
    }
  }
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(2)) << "failover in the rule's order";
}

TEST_F(PopChainTest, DeadPopsPassOn) {
  content().chain = {rule({2}, Select::latency), rule({0, 1}, Select::latency)};
  metrics_.pops[2].health = Health::down;
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(0));
  for (auto& metrics : metrics_.pops) metrics.health = Health::down;
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(2));
}

// ---- tables -------------------------------------------------------------------------------------

TEST_F(ChainTest, HostnamesWithTheSameChainShareIt) {
  page().chain = {rule_for("10.0.0.0/8", {3}), rule({1})};
  for (int i = 0; i < 3; ++i) {
    config_.sites[0].hostnames.push_back(page());
    config_.sites[0].hostnames.back().name = "www" + std::to_string(i);
  }
  config_.sites[0].hostnames.back().ttl = seconds(1);
  make();
  EXPECT_EQ(chains_->size(), 2U);
  EXPECT_EQ((*chains_)[0].clients, (*chains_)[1].clients) << "they tell the same clients apart";
}

TEST_F(ChainTest, AMapTakesOverWhatHasStayedTheSame) {
  page().chain = {rule_for("10.0.0.0/8", {3}), rule({1})};
  const Map first = make();
  down(0);
  const Map second = make(&first);
  EXPECT_EQ(origin(second, client("10.1.2.3")).rule, 0);
  down(3);
  const Map third = make(&second);
  EXPECT_EQ(origin(third, client("10.1.2.3")).rule, 1);
  metrics_.origins[0][3].health = Health::up;
  EXPECT_EQ(origin(make(&third), client("10.1.2.3")).rule, 0);
}

/// What a rule is for, without tables.
bool is_for(const ChainRule& rule, const model::GeoNetworks& geo, const IpAddress& client, Families asked) {
  const auto* place = model::find_place(geo, client);
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return !name.empty() && std::find(names.begin(), names.end(), name) != names.end();
  };
  const bool asks_place = !rule.continents.empty() || !rule.countries.empty();
  if (asks_place &&
      (place == nullptr || (!has(rule.continents, place->continent) && !has(rule.countries, place->country))))
    return false;
  if (!rule.clients.empty() && std::none_of(rule.clients.begin(), rule.clients.end(),
                                            [&](const Prefix& prefix) { return prefix.contains(client); }))
    return false;
  return rule.types.empty() || std::any_of(rule.types.begin(), rule.types.end(), [&](AddressType type) {
           return (type == AddressType::a ? family_v4 : family_v6) == asked;
         });
}

class Explained final : public Trace {
  void candidate(uint16_t /*target*/, const char* /*why*/) override {}
};

/// RFC 7871: random chains, places, health and clients; the oracle walks the rules as the header says.
class RandomChains : public ChainTest, public ::testing::WithParamInterface<uint64_t> {
 protected:
  IpAddress address() {
    std::array<uint8_t, 16> bytes{};
    if (random_.below(2) == 0)
      return IpAddress::v4(
          static_cast<uint8_t>(8 + random_.below(4)), static_cast<uint8_t>(random_.below(4) * 64),
          static_cast<uint8_t>(random_.below(256)), static_cast<uint8_t>(random_.below(256)));
    bytes = {0x20, 0x01, 0x0d, 0xb8};
    for (size_t i = 4; i < 9; ++i) bytes[i] = static_cast<uint8_t>(random_.below(4) * 64);
    for (size_t i = 9; i < 16; ++i) bytes[i] = static_cast<uint8_t>(random_.below(256));
    return IpAddress::from_bytes(bytes);
  }
  Prefix network() {
    const IpAddress a = address();
    return {a, static_cast<int>(a.is_v4() ? 5 + random_.below(25) : 20 + random_.below(70))};
  }
  ChainRule random_rule() {
    ChainRule r;
    const Select ways[] = {Select::failover, Select::weighted, Select::least_load};
    r.select = ways[random_.below(3)];
    for (uint16_t i = 0; i < 4; ++i)
      if (random_.below(2) == 0) r.targets.push_back({i, 1 + random_.uniform()});
    if (r.targets.empty()) r.targets.push_back({0, 1});
    for (size_t n = random_.below(6); n > 0; --n) r.clients.push_back(network());
    if (random_.below(3) == 0) r.continents = {random_.below(2) == 0 ? "EU" : "NA"};
    if (random_.below(4) == 0) r.countries = {"NL", "US"};
    if (random_.below(6) == 0) r.types = {random_.below(2) == 0 ? AddressType::a : AddressType::aaaa};
    r.fall_through = random_.below(5) != 0;
    r.ttl = seconds(1 + random_.below(3));
    return r;
  }
  void make_world() {
    auto geo = std::make_shared<model::GeoNetworks>();
    geo->places = {{"EU", "NL", "", {}}, {"EU", "DE", "", {}}, {"NA", "US", "", {}}, {"NA", "CA", "", {}}};
    std::map<IpAddress, Prefix> disjoint;
    for (int i = 0; i < 40; ++i) {
      const Prefix n = network();
      const bool meets = std::any_of(disjoint.begin(), disjoint.end(), [&](const auto& other) {
        return other.second.contains(n.address()) || n.contains(other.second.address());
      });
      if (!meets) disjoint.emplace(n.address(), n);
    }
    for (const auto& [first, n] : disjoint)
      geo->networks.push_back({n, static_cast<uint32_t>(random_.below(4))});
    config_.geo = geo;
    config_.sites[0].origins[3].endpoint.address = ip("2001:db8::3");
    page().chain.clear();
    for (size_t n = 1 + random_.below(6); n > 0; --n) page().chain.push_back(random_rule());
    for (auto& target : metrics_.origins[0])
      target.health = random_.below(3) == 0 ? Health::down : Health::up;
  }
  /// The rule that decides, and whether one before it could not; by walking.
  std::pair<size_t, bool> walk(const IpAddress& client, Families asked) {
    const auto family = [&](uint16_t target) -> Families { return target == 3 ? family_v6 : family_v4; };
    size_t first = page().chain.size() + 1;
    bool skipped = false;
    for (size_t i = 0; i <= page().chain.size(); ++i) {
      ChainRule rest = rule({0, 1, 2, 3});
      const ChainRule& r = i < page().chain.size() ? page().chain[i] : rest;
      if (!is_for(r, *config_.geo, client, asked)) continue;
      bool reachable = false, living = false, living_reachable = false;
      for (const auto& target : r.targets) {
        const bool alive = metrics_.origins[0][target.index].health != Health::down;
        reachable |= family(target.index) == asked;
        living |= alive;
        living_reachable |= alive && family(target.index) == asked;
      }
      if (reachable && first > page().chain.size()) first = i;
      if ((reachable ? living_reachable : living) || !r.fall_through) return {i, skipped};
      skipped = true;
    }
    return {std::min(first, page().chain.size()), true};
  }

  /// What makes one answer another: the rule, if it has an address to give, and whether its TTL is the failing one.
  std::optional<std::pair<size_t, bool>> answered(const ChainState& state, const Deciding& deciding,
                                                  Families asked) {
    if (((*chains_)[0].rules[deciding.rule].families & asked) == 0) return std::nullopt;
    return std::pair{deciding.rule, deciding.skipped || state.rule(deciding.rule).degraded};
  }

  Random random_{GetParam()};
};

TEST_P(RandomChains, TheTableDecidesAsTheRulesAreWritten) {
  for (int world = 0; world < 40; ++world) {
    make_world();
    const Map map = make();
    for (int i = 0; i < 200; ++i) {
      const IpAddress from = address();
      const Families asked = random_.below(2) == 0 ? family_v4 : family_v6;
      const auto [number, skipped] = walk(from, asked);
      Client c{from, Prefix(from, from.width()), asked};
      const ChainState& state = map.chain_states[0];
      const auto exact = state.find_rule((*chains_)[0], from, false, asked);
      ASSERT_EQ(exact.rule, number);
      ASSERT_EQ(exact.skipped, skipped);
      const auto deciding = state.find(from, false, asked);
      ASSERT_EQ(deciding.scope, exact.scope);
      Explained explained;
      ASSERT_EQ(decide_origin(config_, map, 0, page(), c, &explained).rule, number);
      ASSERT_EQ(answered(state, deciding, asked), answered(state, exact, asked));
    }
  }
}

/// An address in the prefix.
IpAddress inside(const Prefix& prefix, Random& random) {
  auto bytes = prefix.address().mapped();
  const int from = prefix.length() + (prefix.address().is_v4() ? 96 : 0);
  for (int bit = from; bit < 128; ++bit)
    if (random.below(2) == 0) bytes[static_cast<size_t>(bit) / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
  return IpAddress::from_bytes(bytes);
}

TEST_P(RandomChains, AllAddressesInTheScopeAreAnsweredAlike) {
  for (int world = 0; world < 40; ++world) {
    make_world();
    page().chain[0].persistence = Persistence::none;
    const Map map = make();
    for (int i = 0; i < 100; ++i) {
      Client c = client("10.0.0.0");
      c = make_client(config_.network.client_latency, address());
      c.family = random_.below(2) == 0 ? family_v4 : family_v6;
      c.draw = 7;
      const auto decision = origin(map, c);
      for (int k = 0; k < 20; ++k) {
        Client other =
            make_client(config_.network.client_latency, inside(Prefix(c.address, decision.scope), random_));
        other.family = c.family;
        other.draw = 7;
        const auto same = origin(map, other);
        ASSERT_EQ(same.targets, decision.targets);
        ASSERT_EQ(same.count, decision.count);
        ASSERT_EQ(same.ttl, decision.ttl);
        ASSERT_EQ(same.scope, decision.scope);
      }
    }
  }
}

/// The address before (-1) or behind (1) this one.
IpAddress beside(const IpAddress& address, int way) {
  auto bytes = address.mapped();
  for (size_t i = bytes.size(); i-- > 0;) {
    bytes[i] = static_cast<uint8_t>(bytes[i] + way);
    if (bytes[i] != (way > 0 ? 0 : 255)) break;
  }
  return IpAddress::from_bytes(bytes);
}

TEST_P(RandomChains, NoLargerPrefixIsDecidedAlike) {
  for (int world = 0; world < 40; ++world) {
    make_world();
    const Map map = make();
    for (int i = 0; i < 100; ++i) {
      const IpAddress from = address();
      const ChainState& state = map.chain_states[0];
      const Families asked = random_.below(2) == 0 ? family_v4 : family_v6;
      const auto deciding = state.find(from, false, asked);
      if (deciding.scope == 0) continue;
      // The other half of the prefix that is one bit shorter holds somebody who is decided otherwise: at the
      // border of some network that a rule names or that the database knows.
      const Prefix wider(from, deciding.scope - 1);
      std::vector<IpAddress> borders = {wider.first(), wider.last()};
      const auto add = [&](const Prefix& n) {
        for (const IpAddress& a : {n.first(), n.last(), beside(n.first(), -1), beside(n.last(), 1)})
          if (wider.contains(a)) borders.push_back(a);
      };
      for (const auto& r : page().chain)
        for (const Prefix& n : r.clients) add(n);
      for (const auto& entry : config_.geo->networks) add(entry.network);
      ASSERT_TRUE(std::any_of(borders.begin(), borders.end(),
                              [&](const IpAddress& a) {
                                const auto other = state.find_rule((*chains_)[0], a, false, asked);
                                return answered(state, other, asked) != answered(state, deciding, asked);
                              }))
          << from.to_string() << "/" << int{deciding.scope};
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomChains, ::testing::Values(1, 2, 3));

/// The same for what is decided without chains: random maps of client networks and POPs.
TEST_P(RandomChains, TheScopeOfRankingsHoldsForAllInIt) {
  for (int world = 0; world < 20; ++world) {
    config_.clients.clear();
    for (int n = 0; n < 30; ++n) {
      model::ClientPrior prior{network(), {}, {}};
      for (uint32_t p = 0; p < 3; ++p)
        if (random_.below(3) != 0) prior.latency.push_back({p, milliseconds(random_.below(5) * 20)});
      config_.clients.push_back(prior);
    }
    shares_ = make_shares({}, {random_.below(2) == 0 ? 1 : 0.5, 1, 1});
    const Map map = make();
    for (int i = 0; i < 100; ++i) {
      const Client c = make_client(config_.network.client_latency, address());
      const auto decision = decide_pop(config_, map, content(), c);
      for (int k = 0; k < 20; ++k) {
        const auto same = decide_pop(
            config_, map, content(),
            make_client(config_.network.client_latency, inside(Prefix(c.address, decision.scope), random_)));
        ASSERT_EQ(same.targets, decision.targets);
        ASSERT_EQ(same.count, decision.count);
        ASSERT_EQ(same.scope, decision.scope);
      }
    }
  }
}

}  // namespace
}  // namespace popnet::routing
