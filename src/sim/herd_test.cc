// Why shares move slowly: the same world, once answered with the origin of the lowest reported load, once by
// shares.
#include <gtest/gtest.h>

#include "sim/scenario.h"

namespace popnet::sim {
namespace {

TEST(HerdTest, AnsweringWithTheLowestReportedLoadRushesUsersFromServerToServer) {
  World naive(small_network(3, 2), {.demand = 210, .page_answer = answer_least_reported_load()});
  naive.run(minutes(10));
  const auto settled = last(naive, minutes(5));
  for (size_t i = 0; i < 3; ++i) {
    const auto cpu = course(settled, &Moment::origin_cpu, i);
    EXPECT_GT(cpu.width(), 0.35) << "origin " << i;
    EXPECT_GT(cpu.highest, 0.85) << "though all three together are only 70 % busy";
    EXPECT_GE(cpu.turns, 8) << "for ever";
  }
}

TEST(HerdTest, SharesStayCalmInTheSameWorld) {
  World world(small_network(3, 2), {.demand = 210});
  world.run(minutes(10));
  const auto settled = last(world, minutes(5));
  for (size_t i = 0; i < 3; ++i) {
    const auto cpu = course(settled, &Moment::origin_cpu, i);
    EXPECT_LT(cpu.width(), 0.03) << "origin " << i;
    EXPECT_LT(cpu.highest, 0.75);
    EXPECT_EQ(cpu.turns, 0);
  }
}

TEST(HerdTest, NaiveAnswersFlipWithinSecondsWhereSharesKeepEveryClient) {
  const auto moved = [](PageAnswer answer) {
    World world(small_network(3, 2), {.demand = 210, .page_answer = std::move(answer)});
    world.run(minutes(5));
    std::vector<uint16_t> before;
    for (const auto& network : world.clients)
      before.push_back(world.page_answer(0, network.client).targets[0]);
    world.run(seconds(15));
    size_t count = 0;
    for (size_t i = 0; i < before.size(); ++i)
      count += before[i] != world.page_answer(0, world.clients[i].client).targets[0];
    return static_cast<double>(count) / static_cast<double>(before.size());
  };
  EXPECT_EQ(moved(answer_least_reported_load()), 1) << "all clients, all at once";
  EXPECT_LT(moved(answer_by_shares()), 0.01);
}

}  // namespace
}  // namespace popnet::sim
