// How users of content move between POPs, and how POPs agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/scenario.h"

namespace popnet::sim {
namespace {

TEST(PopsTest, AnOverloadedPopSpillsTheSurplusToTheNextNearest) {
  auto config = small_network(3, 3);
  configure_latency(config, "10.0.0.0/8", {10, 30, 90});
  World world(config, {.demand = 100});
  world.pops[0].capacity = 60;
  world.run(minutes(10));
  const auto settled = last(world, minutes(4));
  EXPECT_NEAR(mean(settled, &Moment::pop_cpu, 0), 0.8, 0.04) << "at its target, neither idle nor over it";
  EXPECT_NEAR(mean(settled, &Moment::pop_part, 0), 0.48, 0.03);
  EXPECT_NEAR(mean(settled, &Moment::pop_part, 1), 0.52, 0.03);
  EXPECT_EQ(mean(settled, &Moment::pop_part, 2), 0) << "the farthest is not needed";
  EXPECT_LE(course(settled, &Moment::pop_cpu, 0).turns, 1);
}

TEST(PopsTest, ThePopTakesItsClientsBackWhenTheRushIsOver) {
  auto config = small_network(3, 2, 5);
  configure_latency(config, "10.0.0.0/8", {10, 30});
  World world(config, {.demand = 100});
  world.pops[0].capacity = 150;
  world.pops[0].other_work = 0.6;
  world.run(minutes(4));
  EXPECT_LT(mean(last(world, minutes(1)), &Moment::pop_part, 0), 0.5);
  world.pops[0].other_work = 0;
  world.run(minutes(4));
  EXPECT_NEAR(mean(last(world, minutes(1)), &Moment::pop_part, 0), 1, 0.01);
}

TEST(PopsTest, MeasuredLatencyWinsOverWhatTheMapSays) {
  // By coordinates p0 is next door; the clients' real way to it is long.
  auto config = small_network(3, 2);
  config.pops[0].location = {52, 5};
  config.pops[1].location = {48, 2};
  config.clients.push_back({net("10.0.0.0/8"), {}, model::GeoPoint{52, 5}});
  const auto run = [&](bool measure) {
    World world(config, {.clients = 200, .demand = 50, .measure_clients = measure});
    for (auto& network : world.clients) network.rtt_ms = {70, 15};
    world.run(minutes(6));
    return last(world, seconds(1))[0];
  };
  EXPECT_NEAR(run(false).content_rtt_ms, 70, 0.01);
  EXPECT_LT(run(true).content_rtt_ms, 18) << "nearly all have been measured by now";
}

TEST(PopsTest, ClientsOfADeadPopGoToTheNextAndTheOthersStay) {
  auto config = small_network(3, 3);
  configure_latency(config, "10.0.0.0/15", {10, 30, 90});
  configure_latency(config, "10.2.0.0/15", {90, 30, 10});
  World world(config, {.clients = 1000, .demand = 100});
  world.run(minutes(1));
  const double first_region = last(world, seconds(1))[0].pop_part[0];
  ASSERT_GT(first_region, 0.4);
  world.pops[0].dead = true;
  world.run(seconds(30));
  const auto now = last(world, seconds(1))[0];
  EXPECT_EQ(now.pop_part[0], 0);
  EXPECT_NEAR(now.pop_part[1], first_region, 0.01);
  EXPECT_NEAR(now.pop_part[2], 1 - first_region, 0.01);
}

/// Part of the client networks that the living POPs answer differently for the page.
double disagreement(const World& world) {
  double different = 0;
  for (const auto& network : world.clients) {
    std::vector<uint16_t> answers;
    for (size_t pop = 0; pop < world.pops.size(); ++pop)
      if (!world.pops[pop].dead) answers.push_back(world.page_answer(pop, network.client).targets[0]);
    different += std::adjacent_find(answers.begin(), answers.end(), std::not_equal_to<>()) != answers.end();
  }
  return different / static_cast<double>(world.clients.size());
}

TEST(PopsTest, PopsAnswerAlikeWhileSharesMove) {
  World world(small_network(3, 3, 5), {.demand = 150});
  world.run(minutes(1));
  world.origins[0].other_work = 0.6;
  double worst = 0;
  for (int i = 0; i < 60; ++i) {
    world.run(seconds(1));
    worst = std::max(worst, disagreement(world));
  }
  EXPECT_LT(worst, 0.03);
  world.run(minutes(3));
  EXPECT_LT(disagreement(world), 0.005);
}

TEST(PopsTest, LosingTheLeaderPopLosesNothing) {
  World world(small_network(3, 3, 5), {.demand = 150});
  world.origins[0].other_work = 0.6;
  world.run(minutes(4));
  const double before = last(world, seconds(1))[0].origin_part[0];
  ASSERT_LT(before, 0.2);
  world.pops[0].dead = true;
  for (int i = 0; i < 30; ++i) {
    world.run(seconds(1));
    EXPECT_LT(disagreement(world), 0.03);
    EXPECT_NEAR(last(world, seconds(1))[0].origin_part[0], before, 0.04);
  }
  EXPECT_EQ(world.snapshot(1)->shares.author, "p1");
  EXPECT_EQ(world.snapshot(2)->shares.author, "p1");
  world.pops[0].dead = false;
  for (int i = 0; i < 30; ++i) {
    world.run(seconds(1));
    EXPECT_LT(disagreement(world), 0.03);
    EXPECT_NEAR(last(world, seconds(1))[0].origin_part[0], before, 0.04);
  }
  EXPECT_EQ(world.snapshot(2)->shares.author, "p0");
}

}  // namespace
}  // namespace popnet::sim
