// How chains steer: regions with servers of their own, and what happens to their users when these die.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "sim/scenario.h"

namespace popnet::sim {
namespace {

model::ChainRule rule(std::vector<uint16_t> targets) {
  model::ChainRule rule;
  for (const uint16_t target : targets) rule.targets.push_back({target, 1});
  return rule;
}

/// Clients of 10.0.0.0/15, about half of a thousand, have servers 0 and 1; the others 2 and 3. Each has the
/// other's in reserve.
model::Config two_regions(int ttl_seconds = 5) {
  auto config = small_network(4, 2, ttl_seconds);
  auto& host = config.sites[0].hostnames[0];
  host.chain = {rule({0, 1}), rule({2, 3}), rule({0, 1})};
  host.chain[0].clients = {net("10.0.0.0/15")};
  model::link_chains(config);
  return config;
}

bool is_east(const ClientNetwork& network) {
  return net("10.0.0.0/15").contains(network.client.address);
}

TEST(ChainsTest, EachRegionEvensOutItsOwnServers) {
  World world(two_regions(), {.clients = 1000, .demand = 200});
  world.origins[0].capacity = 40;
  world.origins[1].capacity = 120;
  world.origins[2].capacity = 300;
  world.origins[3].capacity = 300;
  world.run(minutes(12));
  const auto settled = last(world, minutes(4));
  const double east = mean(settled, &Moment::origin_part, 0) + mean(settled, &Moment::origin_part, 1);
  EXPECT_NEAR(east, 0.51, 0.05) << "the region's users stay in it, though the other's servers are idle";
  EXPECT_NEAR(mean(settled, &Moment::origin_cpu, 0), mean(settled, &Moment::origin_cpu, 1), 0.12)
      << "a server of 40 and one of 120 requests a second are equally busy";
  EXPECT_NEAR(mean(settled, &Moment::origin_cpu, 2), mean(settled, &Moment::origin_cpu, 3), 0.06);
  EXPECT_LT(mean(settled, &Moment::origin_cpu, 2), 0.3);
  for (size_t i = 0; i < 4; ++i) EXPECT_LE(course(settled, &Moment::origin_cpu, i).turns, 1);
}

TEST(ChainsTest, ADeadServersUsersGoToTheOtherOfTheirRegionAndNobodyElseMoves) {
  World world(two_regions(), {.clients = 1000, .demand = 200});
  world.run(minutes(1));
  std::vector<uint16_t> before;
  for (const auto& network : world.clients) before.push_back(world.page_answer(0, network.client).targets[0]);
  world.origins[1].dead = true;
  world.run(seconds(4));
  for (size_t i = 0; i < before.size(); ++i) {
    const auto now = world.page_answer(0, world.clients[i].client).targets[0];
    ASSERT_EQ(now, before[i] == 1 ? 0 : before[i]);
  }
}

TEST(ChainsTest, ADeadRegionsUsersGoToTheOtherAndComeBack) {
  World world(two_regions(), {.clients = 1000, .demand = 200});
  for (auto& origin : world.origins) origin.capacity = 200;
  world.run(minutes(1));
  world.origins[0].dead = world.origins[1].dead = true;
  world.run(seconds(15));
  EXPECT_EQ(last(world, seconds(1))[0].failed_part, 0) << "3 s to notice, 5 s of TTL";
  for (const auto& network : world.clients) {
    const auto answer = world.page_answer(0, network.client);
    ASSERT_GE(answer.targets[0], 2);
    ASSERT_EQ(answer.rule, 1);
    ASSERT_EQ(answer.degraded, is_east(network)) << "short TTLs only for those who are to come back";
  }
  world.origins[0].dead = world.origins[1].dead = false;
  world.run(minutes(2));
  const auto back = last(world, seconds(30));
  EXPECT_NEAR(mean(back, &Moment::origin_part, 0) + mean(back, &Moment::origin_part, 1), 0.51, 0.05);
}

TEST(ChainsTest, AllPopsAnswerAlike) {
  World world(two_regions(), {.clients = 300, .demand = 60});
  world.origins[0].other_work = 0.5;
  world.run(minutes(2));
  for (const auto& network : world.clients)
    ASSERT_EQ(world.page_answer(0, network.client).targets, world.page_answer(1, network.client).targets);
}

/// Rendezvous hashing by weight: no more than the part of the one that left moves, whoever it is.
TEST(ChainsTest, PersistenceMovesNoMoreThanThePartOfWhoLeaves) {
  auto config = small_network(5, 2);
  auto& host = config.sites[0].hostnames[0];
  host.chain = {rule({0, 1, 2, 3, 4})};
  host.chain[0].select = model::Select::weighted;
  model::link_chains(config);
  World world(config, {.clients = 4000, .demand = 100});
  world.run(seconds(10));
  std::vector<uint16_t> before;
  for (const auto& network : world.clients) before.push_back(world.page_answer(0, network.client).targets[0]);
  for (uint16_t victim = 0; victim < 5; ++victim) {
    world.origins[victim].dead = true;
    world.run(seconds(5));
    size_t moved = 0;
    for (size_t i = 0; i < before.size(); ++i) {
      const auto now = world.page_answer(0, world.clients[i].client).targets[0];
      ASSERT_TRUE(now == before[i] || before[i] == victim);
      moved += now != before[i];
    }
    EXPECT_NEAR(static_cast<double>(moved), before.size() / 5.0, 0.1 * before.size() / 5.0 + 60);
    world.origins[victim].dead = false;
    world.run(seconds(5));
    for (size_t i = 0; i < before.size(); ++i)
      ASSERT_EQ(world.page_answer(0, world.clients[i].client).targets[0], before[i]) << "all come back";
  }
}

}  // namespace
}  // namespace popnet::sim
