// How users of a site move between its web servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "sim/scenario.h"

namespace popnet::sim {
namespace {

struct Setting {
  int ttl;
  double demand;  // part of all capacity together
  uint64_t seed;
};

class ConvergenceTest : public ::testing::TestWithParam<Setting> {};

/// Servers of 40, 80 and 160 requests a second that the operator believes to be alike.
TEST_P(ConvergenceTest, SharesSettleInProportionToCapacitiesWithoutSwinging) {
  const auto [ttl, demand, seed] = GetParam();
  World world(small_network(3, 2, ttl), {.seed = seed, .clients = 1000, .demand = demand * 280});
  world.origins[0].capacity = 40;
  world.origins[1].capacity = 80;
  world.origins[2].capacity = 160;
  world.run(minutes(12));
  const auto settled = last(world, minutes(4));
  for (size_t i = 0; i < 3; ++i) {
    const auto cpu = course(settled, &Moment::origin_cpu, i);
    EXPECT_NEAR(mean(settled, &Moment::origin_cpu, i), demand, 0.12)
        << "within the deadband of the mean, about";
    EXPECT_LE(cpu.turns, 1);
    EXPECT_LT(cpu.width(), 0.12);
  }
  EXPECT_LE(course(world.history(), &Moment::origin_share, 0, 0.02).turns, 2) << "from the first second on";
}

INSTANTIATE_TEST_SUITE_P(TtlsAndDemands, ConvergenceTest,
                         ::testing::Values(Setting{1, 0.3, 1}, Setting{1, 0.6, 2}, Setting{1, 0.85, 3},
                                           Setting{5, 0.3, 4}, Setting{5, 0.6, 5}, Setting{5, 0.85, 6},
                                           Setting{20, 0.3, 7}, Setting{20, 0.6, 8}, Setting{20, 0.85, 9},
                                           Setting{60, 0.3, 10}, Setting{60, 0.6, 11}));

TEST(OriginsTest, AServerMadeBusyLosesItsUsersAndGetsThemBackSlowly) {
  World world(small_network(3, 2, 5), {.demand = 150});
  world.run(minutes(3));
  ASSERT_NEAR(mean(last(world, minutes(1)), &Moment::origin_part, 0), 1.0 / 3, 0.05);

  world.origins[0].other_work = 0.6;
  world.run(minutes(3));
  const auto busy = last(world, minutes(1));
  EXPECT_LT(mean(busy, &Moment::origin_part, 0), 0.16);
  EXPECT_NEAR(mean(busy, &Moment::origin_cpu, 0), mean(busy, &Moment::origin_cpu, 1), 0.15) << "evened out";
  EXPECT_EQ(course(busy, &Moment::origin_cpu, 0).turns, 0);

  world.origins[0].other_work = 0;
  world.run(seconds(5));
  EXPECT_LT(last(world, seconds(1))[0].origin_part[0], 0.25) << "not at once";
  world.run(minutes(3));
  const auto back = last(world, minutes(2));
  EXPECT_NEAR(mean(back, &Moment::origin_part, 0), 1.0 / 3, 0.05);
  EXPECT_LT(course(back, &Moment::origin_part, 0).highest, 0.42) << "without rushing in";
}

TEST(OriginsTest, ASlowServerLosesUsersThoughItsCpuIsIdle) {
  auto config = small_network(3, 2, 5);
  config.sites[0].load.http = 1;
  config.sites[0].load.http_reference = std::chrono::milliseconds(200);
  World world(config, {.demand = 90});
  world.run(minutes(1));
  world.origins[0].service_ms = 150;
  world.run(minutes(3));
  EXPECT_LT(mean(last(world, minutes(1)), &Moment::origin_part, 0), 0.1);
}

TEST(OriginsTest, WhenAServerDiesOnlyItsClientsMove) {
  World world(small_network(3, 2), {.demand = 120});
  world.run(minutes(2));
  std::vector<uint16_t> before;
  for (const auto& network : world.clients) before.push_back(world.page_answer(0, network.client).targets[0]);
  world.origins[1].dead = true;
  world.run(seconds(4));
  std::set<uint16_t> heirs;
  for (size_t i = 0; i < before.size(); ++i) {
    const auto now = world.page_answer(0, world.clients[i].client).targets[0];
    if (before[i] == 1)
      heirs.insert(now);
    else
      ASSERT_EQ(now, before[i]);
  }
  EXPECT_THAT(heirs, ::testing::ElementsAre(0, 2)) << "each of the others takes some";
}

TEST(OriginsTest, NoUserFailsWhenOneServerDiesBecauseAnswersNameTwo) {
  World world(small_network(3, 2), {.demand = 120});
  world.run(minutes(1));
  world.origins[1].dead = true;
  world.run(minutes(2));
  for (const Moment& moment : last(world, minutes(2))) EXPECT_EQ(moment.failed_part, 0);
}

TEST(OriginsTest, WithOneAddressInAnAnswerFailuresEndWithTheTtl) {
  auto config = small_network(3, 2);
  config.sites[0].hostnames[0].answers_max = 1;
  World world(config, {.demand = 120});
  world.run(minutes(1));
  world.origins[1].dead = true;
  world.run(seconds(2));
  EXPECT_GT(last(world, seconds(1))[0].failed_part, 0.1);
  world.run(seconds(23));
  EXPECT_EQ(last(world, seconds(1))[0].failed_part, 0) << "3 s to notice, 20 s of TTL";
}

TEST(OriginsTest, ARevivedServerStartsWithLittle) {
  World world(small_network(3, 2, 5), {.demand = 150});
  world.run(minutes(1));
  world.origins[0].dead = true;
  world.run(minutes(1));
  world.origins[0].dead = false;
  world.run(seconds(5));
  EXPECT_LT(last(world, seconds(1))[0].origin_part[0], 0.1);
  world.run(minutes(2));
  EXPECT_NEAR(last(world, seconds(1))[0].origin_part[0], 1.0 / 3, 0.05);
}

TEST(OriginsTest, WhenAllAreDeadAnswersStillNameThemAndAllIsWellAfterwards) {
  World world(small_network(3, 2, 5), {.demand = 150});
  world.run(minutes(1));
  for (auto& origin : world.origins) origin.dead = true;
  world.run(seconds(30));
  const auto answer = world.page_answer(0, world.clients[0].client);
  EXPECT_GE(answer.count, 1);
  EXPECT_EQ(answer.reason, model::Reason::fail_open);
  EXPECT_NEAR(last(world, seconds(1))[0].failed_part, 1, 1e-6);
  for (auto& origin : world.origins) origin.dead = false;
  world.run(seconds(1));
  EXPECT_NEAR(last(world, seconds(1))[0].failed_part, 0, 1e-6)
      << "users come back before any probe has noticed";
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(last(world, seconds(1))[0].origin_part[i], 1.0 / 3, 0.05);
}

TEST(OriginsTest, TheSameSeedGivesTheSameHistory) {
  const auto run = [](uint64_t seed) {
    World world(small_network(3, 2), {.seed = seed, .demand = 200});
    world.origins[0].other_work = 0.3;
    world.run(minutes(1));
    return world.history().back().origin_cpu;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace popnet::sim
