#include "probe/runner/schedule.h"

#include <gtest/gtest.h>

namespace popnet::probe {
namespace {
using namespace std::chrono_literals;

const TimePoint start{1000s};

TEST(Schedule, FirstAttemptsAreSpreadOverASecondAtMost) {
  Random random(1);
  Duration earliest = 1h;
  Duration latest{};
  for (int i = 0; i < 1000; ++i) {
    const Duration wait = first_start(start, 1h, random) - start;
    earliest = std::min(earliest, wait);
    latest = std::max(latest, wait);
  }
  EXPECT_GE(earliest, 0s);
  EXPECT_LT(earliest, 20ms);
  EXPECT_GT(latest, 980ms);
  EXPECT_LE(latest, 1s);
  for (int i = 0; i < 100; ++i) EXPECT_LE(first_start(start, 200ms, random), start + 200ms);
}

TEST(Schedule, JitterMovesEachAttemptButNotTheMean) {
  Random random(2);
  TimePoint time = start;
  Duration shortest = 1h;
  Duration longest{};
  for (int i = 0; i < 10'000; ++i) {
    const TimePoint next = next_start(time, 10s, 0.2, time, random);
    shortest = std::min(shortest, next - time);
    longest = std::max(longest, next - time);
    time = next;
  }
  EXPECT_GE(shortest, 9s);
  EXPECT_LT(shortest, 9100ms);
  EXPECT_LE(longest, 11s);
  EXPECT_GT(longest, 10900ms);
  EXPECT_NEAR(to_seconds(time - start) / 10'000, 10, 0.05);
}

TEST(Schedule, WithoutJitterTheIntervalIsExact) {
  Random random(3);
  EXPECT_EQ(next_start(start, 10s, 0, start + 2s, random), start + 10s) << "it counts from start to start";
}

TEST(Schedule, MissedAttemptsAreNotMadeUpFor) {
  Random random(4);
  const TimePoint late = start + 1min;
  EXPECT_EQ(next_start(start, 10s, 0, late, random), late);
  EXPECT_EQ(next_start(late, 10s, 0, late, random), late + 10s);
}

}  // namespace
}  // namespace popnet::probe
