#include "http/store/marks.h"

#include <gtest/gtest.h>

#include "common/hash.h"

namespace popnet::http {
namespace {

using namespace std::chrono_literals;

TEST(Marks, HoldUntilTheirTime) {
  Marks marks(1024);
  const TimePoint now{5h};
  EXPECT_FALSE(marks.has(mix64(1), now));
  marks.set(mix64(1), now + 120s);
  EXPECT_TRUE(marks.has(mix64(1), now));
  EXPECT_TRUE(marks.has(mix64(1), now + 119s));
  EXPECT_FALSE(marks.has(mix64(1), now + 121s));
  EXPECT_FALSE(marks.has(mix64(2), now));
}

TEST(Marks, AreSetAnewAndTakenAway) {
  Marks marks(1024);
  const TimePoint now{5h};
  marks.set(mix64(1), now + 10s);
  marks.set(mix64(1), now + 60s);
  EXPECT_TRUE(marks.has(mix64(1), now + 30s));
  marks.clear(mix64(1));
  marks.clear(mix64(2));
  EXPECT_FALSE(marks.has(mix64(1), now));
}

TEST(Marks, AFullLineGivesUpTheOneThatEndsFirst) {
  Marks marks(1);
  const TimePoint now{5h};
  const auto hash = [](uint64_t i) { return i << 32; };  // all in one line
  for (uint64_t i = 1; i <= 8; ++i) marks.set(hash(i), now + std::chrono::seconds(100 * i));
  marks.set(hash(9), now + 50s);
  EXPECT_FALSE(marks.has(hash(1), now));
  for (uint64_t i = 2; i <= 9; ++i) EXPECT_TRUE(marks.has(hash(i), now)) << i;
}

// The seconds in a mark go round after half a year.
TEST(Marks, HoldWhereTheCountOfSecondsGoesRound) {
  Marks marks(1024);
  const TimePoint now{std::chrono::seconds((1 << 24) - 5)};
  marks.set(mix64(1), now + 20s);
  EXPECT_TRUE(marks.has(mix64(1), now));
  EXPECT_TRUE(marks.has(mix64(1), now + 19s));
  EXPECT_FALSE(marks.has(mix64(1), now + 21s));
}

TEST(Marks, ForgetWhatDoesNotFitAndNothingElse) {
  Marks marks(64 * 8);
  const TimePoint now{5h};
  for (uint64_t i = 0; i < 256; ++i) marks.set(mix64(i), now + 60s);
  int kept = 0, strange = 0;
  for (uint64_t i = 0; i < 256; ++i) kept += marks.has(mix64(i), now) ? 1 : 0;
  for (uint64_t i = 1000; i < 101'000; ++i) strange += marks.has(mix64(i), now) ? 1 : 0;
  EXPECT_GE(kept, 240) << "half full: few lines have more than eight";
  EXPECT_EQ(strange, 0);
}

}  // namespace
}  // namespace popnet::http
