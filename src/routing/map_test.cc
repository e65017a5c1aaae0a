#include "routing/map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/testing.h"

namespace popnet::routing {
namespace {

using namespace testing;
using ::testing::DoubleNear;

class MapTest : public ::testing::Test {
 protected:
  Map make(const model::Shares& shares = {}) const {
    return make_map(config_, metrics_, shares, 7, at_second(0));
  }

  model::Config config_ = make_config(3, 2);
  model::MetricsSnapshot metrics_ = make_metrics(config_);
};

TEST_F(MapTest, WithoutSharesTheWeightsServe) {
  config_.sites[0].origins[0].weight = 2;
  const auto map = make();
  EXPECT_EQ(map.generation, 7U);
  EXPECT_DOUBLE_EQ(map.sites[0].origins[0].share, 0.5);
  EXPECT_DOUBLE_EQ(map.sites[0].origins[2].share, 0.25);
  EXPECT_DOUBLE_EQ(map.pops[0].accept, 1);
}

TEST_F(MapTest, SharesOfAnotherConfigAreMadeToFit) {
  auto shares = make_shares({0.6, 0.3});
  shares.origins.push_back({"shop/gone", 0.1});
  const auto map = make(shares);
  const auto& origins = map.sites[0].origins;
  EXPECT_NEAR(origins[0].share + origins[1].share + origins[2].share, 1, 1e-9);
  EXPECT_NEAR(origins[0].share / origins[1].share, 2, 1e-9);
  EXPECT_GT(origins[2].share, 0.2) << "not in the shares: by weight";
}

TEST_F(MapTest, NonsenseFromAnotherNodeCountsAsAbsent) {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto map = make(make_shares({nan, -4, 1e9}, {nan, -1}));
  for (const auto& origin : map.sites[0].origins) EXPECT_NEAR(origin.share, 1.0 / 3, 1e-9);
  for (const auto& pop : map.pops) EXPECT_EQ(pop.accept, 1);
  const auto zeros = make(make_shares({0, 0, 0}));
  for (const auto& origin : zeros.sites[0].origins) EXPECT_NEAR(origin.share, 1.0 / 3, 1e-9);
}

TEST_F(MapTest, OnlyDownIsDead) {
  metrics_.origins[0][0].health = model::Health::down;
  metrics_.origins[0][1].health = model::Health::up;
  metrics_.pops[1].health = model::Health::down;
  const auto map = make();
  EXPECT_FALSE(map.sites[0].origins[0].alive);
  EXPECT_TRUE(map.sites[0].origins[1].alive);
  EXPECT_TRUE(map.sites[0].origins[2].alive) << "unknown";
  EXPECT_TRUE(map.sites[0].any_alive);
  EXPECT_TRUE(map.sites[0].degraded);
  EXPECT_TRUE(map.any_pop_alive);
  EXPECT_TRUE(map.pops_degraded);
}

TEST_F(MapTest, MetricsOfAnotherConfigCountAsUnknown) {
  metrics_.origins[0].resize(1);
  metrics_.origins[0][0].health = model::Health::down;
  metrics_.pops.clear();
  const auto map = make();
  EXPECT_EQ(map.sites[0].origins.size(), 3U);
  EXPECT_TRUE(map.sites[0].origins[0].alive);
  EXPECT_EQ(map.pops.size(), 2U);
  EXPECT_EQ(make_map(config_, {}, {}, 1, at_second(0)).sites.size(), 1U);
}

TEST_F(MapTest, AClientTableMadeBeforeIsShared) {
  config_.clients.push_back({net("10.0.0.0/8"), {{1, milliseconds(5)}}, {}});
  const auto first = make();
  const auto second = make_map(config_, metrics_, {}, 8, first.clients, at_second(1));
  EXPECT_EQ(first.clients.find(ip("10.1.1.1")).ranking.data(),
            second.clients.find(ip("10.1.1.1")).ranking.data());
  EXPECT_EQ(second.clients.find(ip("10.1.1.1")).ranking[0].pop, 1);
}

}  // namespace
}  // namespace popnet::routing
