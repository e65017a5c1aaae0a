#include "routing/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "common/random.h"
#include "routing/testing.h"

namespace popnet::routing {
namespace {

using namespace testing;
using model::Decision;
using model::Health;
using model::Reason;
using model::Select;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr uint32_t many = 30000;

class DecideTest : public ::testing::Test {
 protected:
  Map make() const {
    return make_map(config_, metrics_, shares_, 1, make_client_table(config_, measured_, at_second(0)),
                    at_second(0));
  }
  model::Hostname& page() { return config_.sites[0].hostnames[0]; }
  model::Hostname& content() { return config_.sites[0].hostnames[1]; }
  Decision origin(const Map& map, const Client& client) {
    return decide_origin(config_, map, 0, page(), client);
  }
  Decision pop(const Map& map, const Client& client) { return decide_pop(config_, map, content(), client); }
  Decision pop(std::string_view client) {
    return pop(make(), make_client(config_.network.client_latency, ip(client)));
  }
  std::vector<uint16_t> first_origins(const Map& map) {
    std::vector<uint16_t> first;
    for (uint32_t i = 0; i < many; ++i) first.push_back(origin(map, nth_client(i)).targets[0]);
    return first;
  }
  void latency(std::string_view network, std::vector<int> ms) {
    model::ClientPrior prior{net(network), {}, {}};
    for (size_t i = 0; i < ms.size(); ++i)
      prior.latency.push_back({static_cast<uint32_t>(i), milliseconds(ms[i])});
    config_.clients.push_back(prior);
  }

  model::Config config_ = make_config(4, 3);
  model::MetricsSnapshot metrics_ = make_metrics(config_);
  model::ClientsMetrics measured_;
  model::Shares shares_;
};

/// Pearson's statistic; the bounds in use are the 99.9 % quantiles.
double chi_square(const std::vector<uint16_t>& outcomes, const std::vector<double>& expected) {
  std::vector<double> seen(expected.size());
  for (const uint16_t outcome : outcomes) ++seen[outcome];
  double sum = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double wanted = expected[i] * static_cast<double>(outcomes.size());
    sum += (seen[i] - wanted) * (seen[i] - wanted) / wanted;
  }
  return sum;
}

double moved_part(const std::vector<uint16_t>& before, const std::vector<uint16_t>& after) {
  double moved = 0;
  for (size_t i = 0; i < before.size(); ++i) moved += before[i] != after[i];
  return moved / static_cast<double>(before.size());
}

// ---- origins ------------------------------------------------------------------------------------

TEST_F(DecideTest, ClientsAreSpreadExactlyByShares) {
  const std::vector<double> expected = {0.5, 0.3, 0.15, 0.05};
  shares_ = make_shares(expected);
  EXPECT_LT(chi_square(first_origins(make()), expected), 16.27) << "3 degrees of freedom";
}

TEST_F(DecideTest, WeightedIgnoresSharesAndLoad) {
  shares_ = make_shares({0.97, 0.01, 0.01, 0.01});
  set(metrics_.origins[0][3], model::Metric::cpu, 1);
  config_.sites[0].origins[3].weight = 5;
  page().select = Select::weighted;
  EXPECT_LT(chi_square(first_origins(make()), {0.125, 0.125, 0.125, 0.625}), 16.27);
  EXPECT_EQ(origin(make(), nth_client(1)).reason, Reason::weighted);
}

TEST_F(DecideTest, AClientKeepsItsOriginWhileNothingChanges) {
  shares_ = make_shares({0.4, 0.3, 0.2, 0.1});
  EXPECT_EQ(first_origins(make()), first_origins(make()));
}

TEST_F(DecideTest, OnlyTheClientsOfADeadOriginMoveAndByTheShares) {
  shares_ = make_shares({0.4, 0.3, 0.2, 0.1});
  const auto before = first_origins(make());
  metrics_.origins[0][1].health = Health::down;
  const auto after = first_origins(make());
  std::vector<uint16_t> heirs;
  for (uint32_t i = 0; i < many; ++i) {
    if (before[i] == 1)
      heirs.push_back(after[i]);
    else
      ASSERT_EQ(before[i], after[i]);
  }
  for (uint16_t& heir : heirs) heir = heir > 1 ? static_cast<uint16_t>(heir - 1) : heir;
  EXPECT_LT(chi_square(heirs, {4.0 / 7, 2.0 / 7, 1.0 / 7}), 13.82) << "2 degrees of freedom";
}

TEST_F(DecideTest, OnlyTheShareThatOneOriginLosesMoves) {
  shares_ = make_shares({0.25, 0.25, 0.25, 0.25});
  const auto before = first_origins(make());
  shares_ = make_shares({0.16, 0.28, 0.28, 0.28});
  const auto after = first_origins(make());
  EXPECT_NEAR(moved_part(before, after), 0.09, 0.01);
  for (uint32_t i = 0; i < many; ++i) ASSERT_TRUE(before[i] == after[i] || before[i] == 0) << "client " << i;
}

TEST_F(DecideTest, AnyChangeOfSharesMovesLessThanTwiceTheMovedShare) {
  Random random(5);
  const auto draw = [&] {
    std::vector<double> shares(4);
    double sum = 0;
    for (double& share : shares) sum += share = 0.02 + random.uniform();
    for (double& share : shares) share /= sum;
    return shares;
  };
  for (int round = 0; round < 10; ++round) {
    const auto from = draw(), to = draw();
    double moved_share = 0;
    for (size_t i = 0; i < 4; ++i) moved_share += std::max(0.0, to[i] - from[i]);
    shares_ = make_shares(from);
    const auto before = first_origins(make());
    shares_ = make_shares(to);
    EXPECT_LT(moved_part(before, first_origins(make())), 2 * moved_share / (1 + moved_share) + 0.01);
  }
}

TEST_F(DecideTest, PlacesAreTheSameOnEveryMachineAndInEveryVersion) {
  shares_ = make_shares({0.4, 0.3, 0.2, 0.1});
  auto first = first_origins(make());
  first.resize(24);
  EXPECT_THAT(first, ElementsAre(0, 1, 1, 0, 1, 0, 3, 1, 0, 2, 2, 0, 0, 0, 0, 0, 2, 0, 1, 1, 2, 1, 2, 0))
      << "while nodes are replaced one by one, old and new must agree";
}

TEST_F(DecideTest, PlacesGoByNameNotByOrderInTheConfig) {
  const auto before = first_origins(make());
  std::swap(config_.sites[0].origins[0], config_.sites[0].origins[3]);
  auto after = first_origins(make());
  for (uint16_t& i : after) i = i == 0 ? 3 : i == 3 ? 0 : i;
  EXPECT_EQ(before, after);
}

TEST_F(DecideTest, TwoSitesPlaceTheirClientsIndependently) {
  config_.sites.push_back(config_.sites[0]);
  config_.sites[1].name = "other";
  metrics_ = make_metrics(config_);
  const Map map = make();
  int same = 0;
  for (uint32_t i = 0; i < 4000; ++i)
    same += decide_origin(config_, map, 0, page(), nth_client(i)).targets[0] ==
            decide_origin(config_, map, 1, page(), nth_client(i)).targets[0];
  EXPECT_NEAR(same, 1000, 150);
}

TEST_F(DecideTest, TheSecondAnswerIsWhereTheClientGoesWhenTheFirstDies) {
  const auto before = origin(make(), nth_client(5));
  ASSERT_EQ(before.count, 2);
  EXPECT_NE(before.targets[0], before.targets[1]);
  metrics_.origins[0][before.targets[0]].health = Health::down;
  EXPECT_EQ(origin(make(), nth_client(5)).targets[0], before.targets[1]);
}

TEST_F(DecideTest, AnOriginThatLoadHasEmptiedIsNoSecondAnswer) {
  shares_ = make_shares({0.33, 0.33, 0.33, 0.01});
  const Map map = make();
  for (uint32_t i = 0; i < 2000; ++i) {
    const auto decision = origin(map, nth_client(i));
    if (decision.targets[0] != 3) {
      ASSERT_TRUE(decision.count == 1 || decision.targets[1] != 3);
    }
  }
}

TEST_F(DecideTest, AnOriginThatJustBecameBusyIsNoSecondAnswer) {
  for (auto& target : metrics_.origins[0]) set(target, model::Metric::cpu, 0.2);
  set(metrics_.origins[0][2], model::Metric::cpu, 0.9);
  const Map map = make();
  for (uint32_t i = 0; i < 500; ++i) {
    const auto decision = origin(map, nth_client(i));
    ASSERT_TRUE(decision.targets[0] == 2 || decision.targets[1] != 2);
  }
}

TEST_F(DecideTest, NeverMoreAnswersThanAskedFor) {
  const Map map = make();
  for (const int wanted : {0, 1, 2, 3, 4, 100}) {
    page().answers_max = wanted;
    const auto decision = origin(map, nth_client(1));
    EXPECT_EQ(decision.count, std::clamp(wanted, 1, 4));
  }
}

TEST_F(DecideTest, FailoverTakesTheFirstThatIsAliveAlone) {
  page().select = Select::failover;
  auto decision = origin(make(), nth_client(1));
  EXPECT_THAT(decision.chosen(), ElementsAre(0));
  EXPECT_EQ(decision.reason, Reason::failover);
  EXPECT_EQ(decision.scope, 0) << "everybody gets the same";
  metrics_.origins[0][0].health = metrics_.origins[0][1].health = Health::down;
  decision = origin(make(), nth_client(1));
  EXPECT_THAT(decision.chosen(), ElementsAre(2));
  EXPECT_EQ(decision.ttl, 10U);
}

TEST_F(DecideTest, AllDeadIsAsIfAllWereAlive) {
  shares_ = make_shares({0.4, 0.3, 0.2, 0.1});
  const auto alive = first_origins(make());
  for (auto& target : metrics_.origins[0]) target.health = Health::down;
  EXPECT_EQ(first_origins(make()), alive);
  const auto decision = origin(make(), nth_client(1));
  EXPECT_EQ(decision.reason, Reason::fail_open);
  EXPECT_TRUE(decision.degraded);
  page().select = Select::failover;
  EXPECT_EQ(origin(make(), nth_client(1)).targets[0], 0);
}

TEST_F(DecideTest, AQuestionForOneFamilyNeverLandsOnTheOther) {
  config_.sites[0].origins[3].endpoint.address = ip("2001:db8::1");
  config_.pops[2].addresses = {ip("2001:db8::2")};
  const Map map = make();
  for (uint32_t i = 0; i < 1000; ++i) {
    Client client = nth_client(i);
    client.family = family_v4;
    EXPECT_THAT(origin(map, client).chosen(), Not(Contains(3)));
    EXPECT_THAT(pop(map, client).chosen(), Not(Contains(2)));
    client.family = family_v6;
    EXPECT_THAT(origin(map, client).chosen(), ElementsAre(3));
    EXPECT_THAT(pop(map, client).chosen(), ElementsAre(2));
  }
}

TEST_F(DecideTest, EachFamilyFailsOpenAlone) {
  config_.sites[0].origins[3].endpoint.address = ip("2001:db8::1");
  metrics_.origins[0][3].health = Health::down;
  Client client = nth_client(1);
  client.family = family_v6;
  const auto decision = origin(make(), client);
  EXPECT_THAT(decision.chosen(), ElementsAre(3)) << "the only one that can be answered, dead or not";
  EXPECT_EQ(decision.reason, Reason::fail_open);
  config_.pops[0].addresses = config_.pops[1].addresses = config_.pops[2].addresses = {ip("2001:db8::2")};
  client.family = family_v4;
  EXPECT_EQ(pop(make(), client).count, 0) << "nobody has such an address";
}

TEST_F(DecideTest, TtlIsTheHostnamesAndShortWhileSomethingIsDown) {
  EXPECT_EQ(origin(make(), nth_client(1)).ttl, 20U);
  EXPECT_FALSE(origin(make(), nth_client(1)).degraded);
  metrics_.origins[0][0].health = Health::down;
  EXPECT_EQ(origin(make(), nth_client(1)).ttl, degraded_ttl_max);
  page().ttl = seconds(3);
  EXPECT_EQ(origin(make(), nth_client(1)).ttl, 3U);
  page().failing_ttl = seconds(5);
  EXPECT_EQ(origin(make(), nth_client(1)).ttl, 5U) << "as written";
}

TEST_F(DecideTest, TheScopeIsTheNetworkThatTheDecisionWasMadeFor) {
  EXPECT_EQ(origin(make(), nth_client(1)).scope, 24);
  const auto short_subnet = make_client(config_.network.client_latency, ip("10.0.0.0"), 16);
  EXPECT_EQ(origin(make(), short_subnet).scope, 16);
  const auto v6 = make_client(config_.network.client_latency, ip("2001:db8::1"));
  EXPECT_EQ(v6.network, net("2001:db8::/48"));
  EXPECT_EQ(origin(make(), v6).scope, 48);
}

TEST_F(DecideTest, NeighboursInOneNetworkGetOneAnswer) {
  const Map map = make();
  const auto& lengths = config_.network.client_latency;
  EXPECT_EQ(origin(map, make_client(lengths, ip("203.0.113.1"))).targets,
            origin(map, make_client(lengths, ip("203.0.113.254"))).targets);
}

TEST_F(DecideTest, TheOnlyOriginIsForEverybody) {
  config_ = make_config(1, 1);
  metrics_ = make_metrics(config_);
  const auto decision = origin(make(), nth_client(1));
  EXPECT_THAT(decision.chosen(), ElementsAre(0));
  EXPECT_EQ(decision.reason, Reason::only_one);
  EXPECT_EQ(decision.scope, 0);
  EXPECT_EQ(pop(make(), nth_client(1)).reason, Reason::only_one);
}

// ---- POPs ---------------------------------------------------------------------------------------

TEST_F(DecideTest, TheNearestPopIsAnswered) {
  latency("10.0.0.0/8", {5, 40, 60});
  latency("172.16.0.0/12", {60, 40, 5});
  auto decision = pop("10.1.2.3");
  EXPECT_THAT(decision.chosen(), ElementsAre(0)) << "the others are too far for a second answer";
  EXPECT_EQ(decision.reason, Reason::configured);
  EXPECT_EQ(decision.scope, 8);
  EXPECT_EQ(decision.ttl, 30U);
  EXPECT_THAT(pop("172.16.0.1").chosen(), ElementsAre(2));
}

TEST_F(DecideTest, APopNearlyAsNearIsASecondAnswer) {
  latency("10.0.0.0/8", {20, 32, 80});
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(0, 1));
}

TEST_F(DecideTest, MeasuredLatencyWinsOverConfigured) {
  latency("10.0.0.0/8", {5, 40, 60});
  measured_.add(net("10.1.2.0/24"), {1, 11, at_second(0)});
  measured_.add(net("10.1.2.0/24"), {0, 90, at_second(0)});
  const auto decision = pop("10.1.2.3");
  EXPECT_THAT(decision.chosen(), ElementsAre(1));
  EXPECT_EQ(decision.reason, Reason::measured);
  EXPECT_EQ(decision.scope, 24);
  EXPECT_THAT(pop("10.1.3.3").chosen(), ElementsAre(0));
}

TEST_F(DecideTest, ADeadPopsClientsGoToTheNext) {
  latency("10.0.0.0/8", {5, 40, 60});
  metrics_.pops[0].health = Health::down;
  const auto decision = pop("10.1.2.3");
  EXPECT_EQ(decision.targets[0], 1);
  EXPECT_EQ(decision.ttl, degraded_ttl_max);
  EXPECT_EQ(decision.reason, Reason::configured);
}

TEST_F(DecideTest, AllPopsDeadIsAsIfAllWereAlive) {
  latency("10.0.0.0/8", {40, 5, 60});
  for (auto& metrics : metrics_.pops) metrics.health = Health::down;
  const auto decision = pop("10.1.2.3");
  EXPECT_EQ(decision.targets[0], 1);
  EXPECT_EQ(decision.reason, Reason::fail_open);
}

TEST_F(DecideTest, AnOverloadedPopGivesAwayExactlyWhatItDoesNotAccept) {
  latency("10.0.0.0/8", {5, 40, 60});
  shares_ = make_shares({}, {0.7, 1, 1});
  const Map map = make();
  std::map<uint16_t, int> seen;
  for (uint32_t i = 0; i < many; ++i) {
    const auto decision = pop(map, nth_client(i));
    ++seen[decision.targets[0]];
    ASSERT_EQ(decision.reason, decision.targets[0] == 0 ? Reason::configured : Reason::spilled);
    ASSERT_EQ(decision.scope, 24) << "neighbours may be answered otherwise";
  }
  EXPECT_NEAR(seen[0], 0.7 * many, 0.01 * many);
  EXPECT_EQ(seen[0] + seen[1], static_cast<int>(many)) << "the surplus goes to the next nearest, not farther";
}

TEST_F(DecideTest, AcceptingLessMovesOnlyClientsAway) {
  latency("10.0.0.0/8", {5, 40, 60});
  const auto first = [&](double accept) {
    shares_ = make_shares({}, {accept, 1, 1});
    const Map map = make();
    std::vector<uint16_t> pops;
    for (uint32_t i = 0; i < 5000; ++i) pops.push_back(pop(map, nth_client(i)).targets[0]);
    return pops;
  };
  const auto before = first(0.8), after = first(0.6);
  for (size_t i = 0; i < before.size(); ++i) ASSERT_TRUE(after[i] == before[i] || before[i] == 0);
  EXPECT_NEAR(moved_part(before, after), 0.2, 0.02);
}

TEST_F(DecideTest, WhenNobodyAcceptsTheNearestServes) {
  latency("10.0.0.0/8", {40, 5, 60});
  shares_ = make_shares({}, {0, 0, 0});
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(1));
  EXPECT_EQ(pop("10.1.2.3").reason, Reason::configured);
}

TEST_F(DecideTest, SelectLatencyIgnoresLoad) {
  latency("10.0.0.0/8", {5, 40, 60});
  shares_ = make_shares({}, {0, 1, 1});
  content().select = Select::latency;
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(0));
  EXPECT_EQ(pop("10.1.2.3").scope, 8);
}

TEST_F(DecideTest, ClientsOfWhomNothingIsKnownAreSpreadByWeight) {
  config_.pops[2].weight = 2;
  const Map map = make();
  std::vector<uint16_t> first;
  for (uint32_t i = 0; i < many; ++i) {
    const auto decision = pop(map, nth_client(i));
    first.push_back(decision.targets[0]);
    ASSERT_EQ(decision.count, 2);
    ASSERT_NE(decision.targets[0], decision.targets[1]);
    ASSERT_EQ(decision.reason, Reason::unplaced);
  }
  EXPECT_LT(chi_square(first, {0.25, 0.25, 0.5}), 13.82);
}

TEST_F(DecideTest, PopsThatAreEquallyNearShareTheirClients) {
  latency("10.0.0.0/8", {20, 20, 60});
  const Map map = make();
  std::vector<uint16_t> first;
  for (uint32_t i = 0; i < many; ++i) first.push_back(pop(map, nth_client(i)).targets[0]);
  EXPECT_LT(chi_square(first, {0.5, 0.5}), 10.83) << "1 degree of freedom";
  EXPECT_EQ(pop(map, nth_client(0)).scope, 24);
}

TEST_F(DecideTest, FailoverAndWeightsWorkForPopsToo) {
  latency("10.0.0.0/8", {60, 40, 5});
  content().select = Select::failover;
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(0));
  EXPECT_EQ(pop("10.1.2.3").reason, Reason::failover);
  EXPECT_EQ(pop("10.1.2.3").scope, 0);
  metrics_.pops[0].health = Health::down;
  EXPECT_THAT(pop("10.1.2.3").chosen(), ElementsAre(1));
  content().select = Select::weighted;
  config_.pops[1].weight = 3;
  const Map map = make();
  std::map<uint16_t, int> seen;
  for (uint32_t i = 0; i < many; ++i) ++seen[pop(map, nth_client(i)).targets[0]];
  EXPECT_EQ(seen[0], 0) << "down";
  EXPECT_NEAR(seen[1], 0.75 * many, 0.01 * many);
}

TEST_F(DecideTest, ASubnetOfLengthZeroIsAClientOfWhomNothingMayBeKnown) {
  latency("0.0.0.0/8", {60, 5, 60});
  const auto client = make_client(config_.network.client_latency, ip("0.0.0.0"), 0);
  EXPECT_EQ(pop(make(), client).reason, Reason::unplaced);
  EXPECT_EQ(pop(make(), client).scope, 0);
}

// ---- fills --------------------------------------------------------------------------------------

class FillTest : public DecideTest {
 protected:
  FillTest() { load({0.3, 0.3, 0.3, 0.3}); }
  void load(std::vector<double> cpu) {
    for (size_t i = 0; i < cpu.size(); ++i) set(metrics_.origins[0][i], model::Metric::cpu, cpu[i]);
  }
  Decision fill(std::vector<FillTarget> own = {}, uint64_t salt = 1) {
    return decide_fill(config_, make(), 0, own, rate_, salt);
  }
  /// How often of 4000 times each origin is asked first.
  std::vector<int> firsts(const std::vector<FillTarget>& own = {}) {
    std::vector<int> seen(4);
    for (uint64_t salt = 0; salt < 4000; ++salt) ++seen[fill(own, salt).targets[0]];
    return seen;
  }
  double rate_ = 0;
  static std::vector<FillTarget> in_flight(std::vector<uint32_t> counts) {
    std::vector<FillTarget> own;
    for (const uint32_t count : counts) own.push_back({.in_flight = count});
    return own;
  }
};

TEST_F(FillTest, TheLeastLoadedIsFirstWhateverTheSharesSay) {
  load({0.5, 0.1, 0.9, 0.3});
  shares_ = make_shares({0.97, 0.01, 0.01, 0.01});
  EXPECT_THAT(fill().chosen(), ElementsAre(1, 3, 0, 2));
  EXPECT_EQ(fill().reason, Reason::least_load);
}

TEST_F(FillTest, TheDeadAreLast) {
  load({0.5, 0.1, 0.9, 0.3});
  metrics_.origins[0][1].health = Health::down;
  EXPECT_THAT(fill().chosen(), ElementsAre(3, 0, 2, 1));
}

TEST_F(FillTest, WhenAllAreDeadLoadDecides) {
  load({0.5, 0.1, 0.9, 0.3});
  for (auto& target : metrics_.origins[0]) target.health = Health::down;
  EXPECT_THAT(fill().chosen(), ElementsAre(1, 3, 0, 2));
  EXPECT_EQ(fill().reason, Reason::fail_open);
}

TEST_F(FillTest, EqualOriginsShareFills) {
  for (const int count : firsts()) EXPECT_NEAR(count, 1000, 150);
}

TEST_F(FillTest, NearlyEqualOnesTakePartTheLessTheMoreTheyAreLoaded) {
  load({0.30, 0.33, 0.36, 0.45});
  const std::vector<int> seen = firsts();
  EXPECT_GT(seen[0], seen[1]);
  EXPECT_GT(seen[1], seen[2]);
  EXPECT_GT(seen[2], 100);
  EXPECT_EQ(seen[3], 0) << "two dead bands or more above the lowest";
}

TEST_F(FillTest, ManyRequestsAreSpreadFartherThanOneNowAndThen) {
  load({0.2, 0.4, 0.4, 0.99});
  EXPECT_EQ(firsts()[0], 4000);
  rate_ = 50;
  const std::vector<int> seen = firsts();
  EXPECT_GT(seen[0], seen[1]);
  EXPECT_GT(seen[1], 500);
  EXPECT_LT(seen[3], 200);
}

TEST_F(FillTest, OfTwoTheOneThatWaitsLessIsFirst) {
  EXPECT_EQ(firsts(in_flight({9, 9, 1, 9}))[2], 4000);
  std::vector<FillTarget> own(4);
  for (FillTarget& target : own) target.first_byte_ms = 5;
  own[1].first_byte_ms = 15;
  EXPECT_EQ(firsts(own)[1], 0) << "drawn, it loses against each other";
  for (FillTarget& target : own) target.in_flight = 4;
  own[1].in_flight = 0;
  EXPECT_GT(firsts(own)[1], 1500) << "three times as slow, but five times as free";
}

TEST_F(FillTest, SlowFirstBytesAreLoad) {
  std::vector<FillTarget> own(4, {.first_byte_ms = 20});
  own[0].first_byte_ms = 400;
  EXPECT_EQ(firsts(own)[0], 0);
  EXPECT_EQ(fill(own).targets[3], 0);
}

TEST_F(FillTest, RequestsInFlightCountByWeight) {
  config_.sites[0].origins[0].weight = 20;
  EXPECT_GT(firsts(in_flight({9, 9, 9, 9}))[0], 3900);
}

TEST_F(FillTest, ABurstOfFillsDoesNotHerd) {
  load({0.10, 0.20, 0.20, 0.20});
  std::vector<FillTarget> own(4);
  for (uint64_t i = 0; i < 100; ++i) ++own[fill(own, i).targets[0]].in_flight;
  for (const FillTarget& target : own) EXPECT_GT(target.in_flight, 15U);
}

TEST_F(FillTest, FullOnesThenThoseOutOfFavourThenTheDead) {
  load({0.5, 0.1, 0.9, 0.3});
  std::vector<FillTarget> own(4);
  own[1].full = true;
  own[3].favour = 0;
  metrics_.origins[0][0].health = Health::down;
  EXPECT_THAT(fill(own).chosen(), ElementsAre(2, 1, 3, 0));
}

TEST_F(FillTest, WhoComesBackIsAskedByItsShare) {
  std::vector<FillTarget> own(4);
  own[2].favour = 0.4;
  EXPECT_NEAR(firsts(own)[2], 400, 120);
}

// ---- trace --------------------------------------------------------------------------------------

struct Recorder final : Trace {
  void candidate(uint16_t target, const char* why) override { said[target] = why; }
  std::map<uint16_t, std::string> said;
};

TEST_F(DecideTest, TraceNamesEveryCandidateOnceWithTheReason) {
  latency("10.0.0.0/8", {5, 6, 60});
  shares_ = make_shares({}, {0, 1, 1});
  metrics_.pops[2].health = Health::down;
  Recorder recorder;
  decide_pop(config_, make(), content(), nth_client(1), &recorder);
  EXPECT_THAT(recorder.said[0], ::testing::HasSubstr("too loaded"));
  EXPECT_EQ(recorder.said[1], "chosen");
  EXPECT_EQ(recorder.said[2], "down");
}

TEST_F(DecideTest, TraceExplainsOrigins) {
  page().answers_max = 1;
  metrics_.origins[0][2].health = Health::down;
  Recorder recorder;
  const auto decision = decide_origin(config_, make(), 0, page(), nth_client(1), &recorder);
  ASSERT_EQ(recorder.said.size(), 4U);
  EXPECT_EQ(recorder.said[decision.targets[0]], "chosen");
  EXPECT_EQ(recorder.said[2], "down");
}

}  // namespace
}  // namespace popnet::routing
