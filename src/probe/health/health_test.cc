#include "probe/health/health.h"

#include <gtest/gtest.h>

#include <string_view>

namespace popnet::probe {
namespace {

using model::Health;

/// Plays attempts ("+" ok, "-" failed) and writes the verdict after each: "U" up, "D" down.
std::string play(std::string_view attempts, HealthRule rule) {
  HealthState state;
  std::string verdicts;
  for (const char attempt : attempts) {
    state = after_attempt(state, attempt == '+', rule);
    verdicts += state.verdict == Health::up ? 'U' : 'D';
  }
  return verdicts;
}

TEST(Health, FirstAttemptDecidesAlone) {
  EXPECT_EQ(HealthState{}.verdict, Health::unknown);
  EXPECT_EQ(play("+", {3, 3}), "U");
  EXPECT_EQ(play("-", {3, 3}), "D");
}

TEST(Health, LiveTargetDiesAfterFallFailuresInARow) {
  EXPECT_EQ(play("+---", {2, 3}), "UUUD");
  EXPECT_EQ(play("+-", {2, 1}), "UD");
}

TEST(Health, OneSuccessForgivesTheFailuresBefore) {
  EXPECT_EQ(play("+--+--+--", {2, 3}), "UUUUUUUUU");
}

TEST(Health, DeadTargetComesBackAfterRiseSuccessesInARow) {
  EXPECT_EQ(play("-++", {2, 3}), "DDU");
  EXPECT_EQ(play("-+-+-++", {2, 3}), "DDDDDDU");
  EXPECT_EQ(play("-+", {1, 3}), "DU");
}

TEST(Health, CountsStartAgainAfterEachChange) {
  EXPECT_EQ(play("+---+--++---", {2, 3}), "UUUDDDDDUUUD");
}

TEST(Health, ATighterRuleTakesEffectWithTheNextAttempt) {
  HealthState state = after_attempt({}, true, {1, 5});
  state = after_attempt(state, false, {1, 5});
  EXPECT_EQ(state.verdict, Health::up);
  EXPECT_EQ(after_attempt(state, false, {1, 2}).verdict, Health::down);
}

}  // namespace
}  // namespace popnet::probe
