#include "routing/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "routing/testing.h"

namespace popnet::routing {
namespace {

using namespace testing;
using model::Health;
using model::Metric;

class SharesTest : public ::testing::Test {
 protected:
  SharesTest() { config_.sites[0].hostnames[0].ttl = seconds(4); }

  void cpu(std::vector<double> loads) {
    for (size_t i = 0; i < loads.size(); ++i) set(metrics_.origins[0][i], Metric::cpu, loads[i]);
  }
  void pop_cpu(std::vector<double> loads) {
    for (size_t i = 0; i < loads.size(); ++i) set(metrics_.pops[i], Metric::cpu, loads[i]);
  }
  void step_once(double seconds = 1) {
    now_ += from_ms(seconds * 1000);
    shares_ = step(shares_, config_, metrics_, now_, "p0");
  }
  void run(int seconds) {
    for (int i = 0; i < seconds; ++i) step_once();
  }
  double share(size_t i) const { return shares_.origins[i].share; }
  double accept(size_t i) const { return shares_.pops[i].share; }
  double sum() const { return share(0) + share(1) + share(2); }

  model::Config config_ = make_config(3, 2);
  model::MetricsSnapshot metrics_ = make_metrics(config_);
  model::Shares shares_;
  TimePoint now_ = at_second(0);
};

TEST_F(SharesTest, ASiteStartsByItsWeights) {
  config_.sites[0].origins[1].weight = 2;
  cpu({0.9, 0.1, 0.1});
  step_once();
  EXPECT_EQ(shares_.author, "p0");
  EXPECT_EQ(shares_.generation, 1U);
  EXPECT_EQ(shares_.at, now_);
  EXPECT_EQ(shares_.origins[1].name, "shop/o1");
  EXPECT_DOUBLE_EQ(share(0), 0.25);
  EXPECT_DOUBLE_EQ(share(1), 0.5);
}

/// The origins of a rule are evened out among themselves, whatever others do.
TEST_F(SharesTest, ARuleWithServersOfItsOwnHasSharesOfItsOwn) {
  auto& chain = config_.sites[0].hostnames[0].chain;
  chain.resize(3);
  chain[0].targets = {{2, 1}, {0, 1}};
  chain[1].targets = {{0, 1}, {2, 1}};
  chain[2].targets = {{0, 1}, {1, 1}};
  chain[2].select = model::Select::failover;
  model::link_chains(config_);
  const auto pools = pools_of(config_.sites[0]);
  ASSERT_EQ(pools.size(), 2U) << "two rules with the same origins share a pool, and failover needs none";
  EXPECT_THAT(pools[1].members, ::testing::ElementsAre(0, 2));
  cpu({0.8, 0.1, 0.8});
  run(60);
  ASSERT_EQ(shares_.origins.size(), 5U);
  EXPECT_EQ(shares_.origins[3].name, "shop/o0" + pools[1].suffix);
  EXPECT_EQ(shares_.origins[4].name, "shop/o2" + pools[1].suffix);
  EXPECT_LT(share(0), 0.2) << "of all, the idle one gets most";
  EXPECT_DOUBLE_EQ(share(3), 0.5) << "in the rule, both are equally busy";
  cpu({0.2, 0.9, 0.8});
  run(60);
  EXPECT_GT(share(3), 0.7);
  EXPECT_NEAR(share(3) + share(4), 1, 1e-9);
}

TEST_F(SharesTest, ABusyOriginLosesShareToTheOthersAtMostStepMaxASecond) {
  step_once();
  cpu({0.9, 0.1, 0.1});
  double before = share(0);
  for (int i = 0; i < 60; ++i) {
    step_once();
    ASSERT_LE(share(0), before + 1e-12);
    ASSERT_GE(share(0), before - 0.05 - 1e-12);
    ASSERT_NEAR(sum(), 1, 1e-9);
    before = share(0);
  }
  EXPECT_LT(share(0), 0.1);
  EXPECT_DOUBLE_EQ(share(1), share(2));
}

TEST_F(SharesTest, LoadThatDoesNotFallWithItsUsersLosesThemAll) {
  step_once();
  cpu({0.9, 0.2, 0.7});
  run(300);
  EXPECT_GT(share(1), 0.9);
  EXPECT_GE(share(0), floor_of_fair / 3 - 1e-9) << "a way back remains";
}

TEST_F(SharesTest, DifferencesWithinTheDeadbandMoveNobody) {
  step_once();
  cpu({0.30, 0.34, 0.32});
  run(100);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(share(i), 1.0 / 3, 1e-9);
}

TEST_F(SharesTest, SharesReturnToTheWeightsWhenTheLoadIsGone) {
  step_once();
  cpu({0.9, 0.1, 0.1});
  run(100);
  ASSERT_LT(share(0), 0.05);
  cpu({0.1, 0.1, 0.1});
  double before = share(0);
  step_once();
  EXPECT_LT(share(0) - before, 0.05) << "slowly";
  run(100);
  EXPECT_NEAR(share(0), 1.0 / 3, 0.01);
}

TEST_F(SharesTest, ALongerTtlMovesMoreSlowly) {
  const auto left_after_10_s = [&](int ttl) {
    config_.sites[0].hostnames[0].ttl = seconds(ttl);
    shares_ = {};
    step_once();
    cpu({0.9, 0.1, 0.1});
    run(10);
    return share(0);
  };
  EXPECT_GT(left_after_10_s(60), left_after_10_s(5) + 0.05);
}

TEST_F(SharesTest, StepsOfAnySizeComeToTheSame) {
  step_once();
  cpu({0.6, 0.3, 0.3});
  const auto start = shares_;
  const auto start_time = now_;
  run(4);
  const double coarse = share(0);
  shares_ = start;
  now_ = start_time;
  for (int i = 0; i < 40; ++i) step_once(0.1);
  EXPECT_NEAR(share(0), coarse, 0.01);
  const double before = share(0);
  step_once(3600);
  EXPECT_GT(share(0), before - 0.3) << "a machine that slept an hour does not jump";
}

TEST_F(SharesTest, AnOriginOfUnknownLoadIsLeftInPeace) {
  step_once();
  set(metrics_.origins[0][0], Metric::cpu, 0.9);
  set(metrics_.origins[0][1], Metric::cpu, 0.1);
  run(30);
  EXPECT_NEAR(share(2), 1.0 / 3, 0.01);
  EXPECT_LT(share(0), 0.2);
}

TEST_F(SharesTest, ADeadOriginsShareFallsAndTheOthersKeepTheirProportions) {
  config_.sites[0].origins[1].weight = 2;
  step_once();
  metrics_.origins[0][0].health = Health::down;
  step_once();
  EXPECT_NEAR(share(0), 0.20, 1e-9);
  EXPECT_NEAR(share(1) / share(2), 2, 1e-9);
  run(60);
  EXPECT_NEAR(share(0), floor_of_fair / 4, 1e-9);
  EXPECT_NEAR(share(1) / share(2), 2, 1e-6);
  EXPECT_NEAR(sum(), 1, 1e-9);
}

TEST_F(SharesTest, ARevivedOriginComesBackSlowly) {
  step_once();
  cpu({0.5, 0.5, 0.5});
  metrics_.origins[0][0].health = Health::down;
  run(60);
  metrics_.origins[0][0].health = Health::up;
  double before = share(0);
  ASSERT_LT(before, 0.02);
  for (int i = 0; i < 100; ++i) {
    cpu({1.5 * share(0), 1.5 * share(1), 1.5 * share(2)});
    step_once();
    ASSERT_GE(share(0), before - 1e-9);
    ASSERT_LE(share(0), before + 0.05 + 1e-9);
    before = share(0);
  }
  EXPECT_GT(share(0), 0.3);
}

TEST_F(SharesTest, WhenAllAreDeadNothingMoves) {
  step_once();
  cpu({0.9, 0.1, 0.1});
  run(5);
  const auto before = shares_.origins;
  for (auto& target : metrics_.origins[0]) target.health = Health::down;
  run(30);
  for (size_t i = 0; i < 3; ++i) EXPECT_DOUBLE_EQ(share(i), before[i].share);
}

TEST_F(SharesTest, ANewOriginInAKnownSiteStartsAtItsFloor) {
  shares_ = make_shares({0.5, 0.5});
  shares_.generation = 9;
  shares_.at = now_;
  step_once(0);
  EXPECT_NEAR(share(2), floor_of_fair / 3, 1e-3);
  EXPECT_NEAR(sum(), 1, 1e-9);
  EXPECT_EQ(shares_.generation, 10U);
}

TEST_F(SharesTest, SharesOfTargetsThatAreGoneAreForgotten) {
  step_once();
  config_ = make_config(2, 1);
  metrics_ = make_metrics(config_);
  step_once();
  ASSERT_EQ(shares_.origins.size(), 2U);
  ASSERT_EQ(shares_.pops.size(), 1U);
  EXPECT_NEAR(share(0) + share(1), 1, 1e-9);
}

TEST_F(SharesTest, ALoadedPopAcceptsLessUntilItIsAtItsTarget) {
  step_once();
  for (int i = 0; i < 300; ++i) {
    pop_cpu({1.2 * accept(0), 0.2});
    step_once();
  }
  EXPECT_NEAR(1.2 * accept(0), 0.8, 0.02);
  EXPECT_DOUBLE_EQ(accept(1), 1);
  pop_cpu({0.3, 0.2});
  run(120);
  EXPECT_DOUBLE_EQ(accept(0), 1);
}

TEST_F(SharesTest, APopNeverRefusesAll) {
  step_once();
  pop_cpu({2, 0.2});
  run(1000);
  EXPECT_DOUBLE_EQ(accept(0), accept_min);
}

TEST_F(SharesTest, APopGivesNoClientsAwayWhereNobodyHasRoom) {
  step_once();
  pop_cpu({1, 0.9});
  run(60);
  EXPECT_DOUBLE_EQ(accept(0), 1);
  EXPECT_DOUBLE_EQ(accept(1), 1);
  metrics_.pops[1].health = Health::down;
  pop_cpu({1, 0.1});
  run(10);
  EXPECT_DOUBLE_EQ(accept(0), 1) << "what is down has no room, whatever its load was";
}

TEST_F(SharesTest, APopWithoutCpuToSpareGivesClientsAwayHoweverQuicklyItAnswers) {
  step_once();
  pop_cpu({1, 0.2});
  for (auto& pop : metrics_.pops) set(pop, Metric::http_ms, 1), set(pop, Metric::memory, 0.1);
  run(60);
  EXPECT_LT(accept(0), 0.9);
  EXPECT_DOUBLE_EQ(accept(1), 1);
}

TEST_F(SharesTest, APopJustBelowItsTargetHolds) {
  shares_ = make_shares({}, {0.6, 1});
  shares_.generation = 1;
  shares_.at = now_;
  pop_cpu({0.78, 0.2});
  run(60);
  EXPECT_DOUBLE_EQ(accept(0), 0.6);
}

TEST_F(SharesTest, ADeadPopComesBackSlowlyAndABlindOneIsNotLeftBehind) {
  step_once();
  metrics_.pops[0].health = Health::down;
  run(60);
  EXPECT_DOUBLE_EQ(accept(0), accept_min);
  metrics_.pops[0].health = Health::up;
  step_once();
  EXPECT_LT(accept(0), 0.2);
  run(400);
  EXPECT_GT(accept(0), 0.9);
}

TEST_F(SharesTest, NonsenseHeardFromAnotherNodeIsSurvived) {
  shares_ = make_shares({std::nan(""), -1, 1e300}, {std::nan(""), 7});
  shares_.generation = 1;
  shares_.at = now_;
  cpu({0.9, 0.1, 0.1});
  run(3);
  EXPECT_NEAR(sum(), 1, 1e-9);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(share(i) > 0 && share(i) < 1);
  EXPECT_DOUBLE_EQ(accept(0), 1);
}

// ---- adopt --------------------------------------------------------------------------------------

class AdoptTest : public SharesTest {
 protected:
  model::Shares by(const model::NodeId& author, double age = 0, uint64_t generation = 5) const {
    model::Shares shares;
    shares.author = author;
    shares.generation = generation;
    shares.at = now_ - from_ms(age * 1000);
    return shares;
  }
  std::string leader(const model::Shares& own, std::vector<model::Shares> heard) const {
    return adopt(own, heard, config_, metrics_, now_).author.name;
  }
};

TEST_F(AdoptTest, TheFirstInNameOrderIsLeader) {
  EXPECT_EQ(leader(by("p1"), {by("p0")}), "p0");
  EXPECT_EQ(leader(by("p0"), {by("p1")}), "p0");
}

TEST_F(AdoptTest, WhoIsDownOrSilentOrUnknownIsNot) {
  EXPECT_EQ(leader(by("p1"), {by("p0", 6)}), "p1") << "silent";
  EXPECT_EQ(leader(by("p1"), {by("a-stranger")}), "p1");
  metrics_.pops[0].health = Health::down;
  EXPECT_EQ(leader(by("p1"), {by("p0")}), "p1") << "down";
  EXPECT_EQ(leader(by("p0"), {by("p1")}), "p1") << "the others see me down and follow p1";
  EXPECT_EQ(leader(by("p0"), {}), "p0") << "alone";
}

TEST_F(AdoptTest, AFreshNodeTakesOverWhatItHears) {
  EXPECT_EQ(leader(by("p0", 0, 0), {by("p1")}), "p1");
}

TEST_F(AdoptTest, NodesOfOnePopFollowTheHigherGeneration) {
  const std::vector<model::Shares> heard = {by("p0", 0, 8)};
  const auto own = by("p0", 0, 7);
  EXPECT_EQ(adopt(own, heard, config_, metrics_, now_).generation, 8U);
}

}  // namespace
}  // namespace popnet::routing
