#include "http/edge/origin_health.h"

#include <gtest/gtest.h>

namespace popnet::http {
namespace {
using namespace std::chrono_literals;

const TimePoint start{1000s};

bool fail_times(OriginHealth& health, uint32_t times, TimePoint at) {
  bool ejected = false;
  for (uint32_t i = 0; i < times; ++i) ejected = health.failed(at);
  return ejected;
}

TEST(OriginHealth, FailuresInARowEjectForAWhile) {
  OriginHealth health;
  EXPECT_EQ(health.share(start), 1);
  EXPECT_FALSE(fail_times(health, OriginHealth::failures_max - 1, start));
  EXPECT_FALSE(health.ejected(start));
  EXPECT_TRUE(health.failed(start));
  EXPECT_TRUE(health.ejected(start));
  EXPECT_EQ(health.share(start + 9s), 0);
  EXPECT_FALSE(health.ejected(start + 10s));
}

TEST(OriginHealth, ASuccessBetweenFailuresForgivesThem) {
  OriginHealth health;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(fail_times(health, OriginHealth::failures_max - 1, start));
    health.succeeded();
  }
  EXPECT_EQ(health.ejections(), 0U);
}

TEST(OriginHealth, ComesBackSlowly) {
  OriginHealth health;
  fail_times(health, OriginHealth::failures_max, start);
  EXPECT_NEAR(health.share(start + 10s), 0, 0.01);
  EXPECT_NEAR(health.share(start + 25s), 0.5, 0.01);
  EXPECT_EQ(health.share(start + 40s), 1);
}

TEST(OriginHealth, IsOutFromItsEjectionToItsNextAnswer) {
  OriginHealth health;
  fail_times(health, OriginHealth::failures_max - 1, start);
  EXPECT_FALSE(health.out(start));
  (void)health.failed(start);
  EXPECT_TRUE(health.out(start));
  EXPECT_TRUE(health.out(start + 30s)) << "nobody has seen it answer yet";
  EXPECT_FALSE(health.out(start + 40s)) << "nobody has asked it for long";
  health.succeeded();
  EXPECT_FALSE(health.out(start)) << "also while it is asked last";
}

TEST(OriginHealth, AFailureOnTheWayBackEjectsLonger) {
  OriginHealth health;
  fail_times(health, OriginHealth::failures_max, start);
  EXPECT_TRUE(health.failed(start + 15s));
  EXPECT_TRUE(health.ejected(start + 34s));
  EXPECT_FALSE(health.ejected(start + 35s));
  TimePoint at = start + 36s;
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(health.failed(at));
    EXPECT_FALSE(health.ejected(at + OriginHealth::eject_max));
    while (health.ejected(at)) at += 1s;
  }
  fail_times(health, OriginHealth::failures_max, at + 1h);
  EXPECT_FALSE(health.ejected(at + 1h + 10s)) << "what was long ago is forgotten";
}

TEST(OriginHealth, FailuresWhileEjectedChangeNothing) {
  OriginHealth health;
  fail_times(health, OriginHealth::failures_max, start);
  EXPECT_FALSE(fail_times(health, 100, start + 5s));
  EXPECT_FALSE(health.ejected(start + 10s));
  EXPECT_EQ(health.ejections(), 1U);
}

TEST(RetryBudget, IsAShareOfTheRequestsAndAFewASecond) {
  RetryBudget budget;
  int taken = 0;
  while (budget.take(start)) ++taken;
  EXPECT_EQ(taken, static_cast<int>(RetryBudget::most));
  for (int i = 0; i < 100; ++i) budget.on_request();
  taken = 0;
  while (budget.take(start)) ++taken;
  EXPECT_NEAR(taken, 20, 1);
  taken = 0;
  while (budget.take(start + 2s)) ++taken;
  EXPECT_NEAR(taken, 10, 1);
  taken = 0;
  while (budget.take(start + 1h)) ++taken;
  EXPECT_EQ(taken, static_cast<int>(RetryBudget::most)) << "never more at once";
}

TEST(FirstBytes, MeanOfLateThatIsForgotten) {
  FirstBytes bytes;
  EXPECT_EQ(bytes.ms(start), 0) << "nothing is known";
  bytes.add(start, 100ms);
  EXPECT_EQ(bytes.ms(start), 100);
  for (int i = 0; i < 50; ++i) bytes.add(start, 20ms);
  EXPECT_NEAR(bytes.ms(start), 20, 1);
  EXPECT_NEAR(bytes.ms(start + FirstBytes::half_life), 10, 0.5);
  EXPECT_LT(bytes.ms(start + 10 * FirstBytes::half_life), 0.1);
}

}  // namespace
}  // namespace popnet::http
