#include "probe/runner/measure_budget.h"

#include <gtest/gtest.h>

namespace popnet::probe {
namespace {
using namespace std::chrono_literals;

const TimePoint start{1000s};

Prefix network(uint32_t number) {
  return {IpAddress::v4(10, static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                        static_cast<uint8_t>(number)),
          32};
}

TEST(MeasureBudget, ANetworkIsMeasuredOnceAnInterval) {
  MeasureBudget budget;
  budget.configure(100, 60s);
  EXPECT_TRUE(budget.take(network(1), start));
  EXPECT_FALSE(budget.take(network(1), start));
  EXPECT_FALSE(budget.take(network(1), start + 59s));
  EXPECT_TRUE(budget.take(network(2), start + 59s));
  EXPECT_TRUE(budget.take(network(1), start + 60s));
  EXPECT_FALSE(budget.take(network(2), start + 61s));
}

TEST(MeasureBudget, AllNetworksTogetherKeepToTheRate) {
  MeasureBudget budget;
  budget.configure(20, 1h);
  uint32_t next = 0;
  int taken = 0;
  for (int ms = 0; ms < 10'000; ++ms)
    for (int i = 0; i < 5; ++i)
      if (budget.take(network(next++), start + std::chrono::milliseconds(ms))) ++taken;
  EXPECT_GE(taken, 218);
  EXPECT_LE(taken, 220) << "a burst of 20, then 20 a second";
}

TEST(MeasureBudget, ARefusedNetworkIsNotCounted) {
  MeasureBudget budget;
  budget.configure(1, 1h);
  EXPECT_TRUE(budget.take(network(1), start));
  EXPECT_FALSE(budget.take(network(2), start));
  EXPECT_TRUE(budget.take(network(2), start + 1s));
  EXPECT_EQ(budget.remembered(), 2U);
}

TEST(MeasureBudget, SlowRatesWork) {
  MeasureBudget budget;
  budget.configure(0.1, 1h);
  EXPECT_TRUE(budget.take(network(1), start));
  EXPECT_FALSE(budget.take(network(2), start + 9s));
  EXPECT_TRUE(budget.take(network(2), start + 10s));
}

TEST(MeasureBudget, RateZeroMeasuresNothing) {
  MeasureBudget budget;
  EXPECT_FALSE(budget.take(network(1), start));
  budget.configure(0, 1s);
  EXPECT_FALSE(budget.take(network(1), start));
  EXPECT_FALSE(budget.take(network(1), start + 1h));
}

TEST(MeasureBudget, ForgetsWhatIsOldAndNeverHoldsMoreThanItsBound) {
  MeasureBudget budget;
  budget.configure(1e9, 1h);
  constexpr uint32_t many = MeasureBudget::networks_max + 1000;
  for (uint32_t i = 0; i < many; ++i) EXPECT_TRUE(budget.take(network(i), start));
  EXPECT_EQ(budget.remembered(), MeasureBudget::networks_max);
  EXPECT_FALSE(budget.take(network(many - 1), start));
  EXPECT_TRUE(budget.take(network(0), start)) << "the oldest was forgotten";
  EXPECT_TRUE(budget.take(network(many), start + 1h));
  EXPECT_EQ(budget.remembered(), 1U);
}

TEST(MeasureBudget, AShorterIntervalHoldsAtOnce) {
  MeasureBudget budget;
  budget.configure(10, 1h);
  EXPECT_TRUE(budget.take(network(1), start));
  budget.configure(10, 5s);
  EXPECT_TRUE(budget.take(network(1), start + 6s));
}

}  // namespace
}  // namespace popnet::probe
