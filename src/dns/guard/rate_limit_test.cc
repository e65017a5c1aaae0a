#include "dns/guard/rate_limit.h"

#include <gtest/gtest.h>

#include <random>

namespace popnet::dns {
namespace {

using namespace std::chrono_literals;
using Ruling = RateLimiter::Ruling;

constexpr TimePoint start{std::chrono::hours(100)};

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

model::RateLimit limit(int per_second, int slip = 0) {
  model::RateLimit limit;
  limit.per_second = per_second;
  limit.slip = slip;
  return limit;
}

/// How many of `count` answers in a row are sent.
int sent(RateLimiter& limiter, const model::RateLimit& limit, const char* client, int count, TimePoint now,
         uint64_t about = 1, AnswerKind kind = AnswerKind::answer) {
  int n = 0;
  for (int i = 0; i < count; ++i) n += limiter.rule(limit, ip(client), kind, about, now) == Ruling::send;
  return n;
}

TEST(RateLimit, OneSecondsAnswersAtOnceThenTheRate) {
  RateLimiter limiter;
  const auto ten = limit(10);
  EXPECT_EQ(sent(limiter, ten, "192.0.2.1", 100, start), 10);
  EXPECT_EQ(sent(limiter, ten, "192.0.2.1", 100, start + 99ms), 0);
  EXPECT_EQ(sent(limiter, ten, "192.0.2.1", 100, start + 100ms), 1);
  EXPECT_EQ(sent(limiter, ten, "192.0.2.1", 100, start + 500ms), 4);
  EXPECT_EQ(sent(limiter, ten, "192.0.2.1", 100, start + 60s), 10) << "never more than one second's";
}

TEST(RateLimit, HoldsInTheLongRunWhateverTheSteps) {
  for (const auto step : {1ms, 3ms, 7ms, 40ms}) {
    RateLimiter limiter;
    int n = 0;
    for (auto t = 0ms; t < 40s; t += step) n += sent(limiter, limit(7), "192.0.2.1", 10, start + t);
    EXPECT_NEAR(n, 287, 4) << step.count();
  }
}

TEST(RateLimit, NetworksKindsAndThingsApart) {
  RateLimiter limiter;
  const auto five = limit(5);
  EXPECT_EQ(sent(limiter, five, "192.0.2.1", 9, start), 5);
  EXPECT_EQ(sent(limiter, five, "192.0.2.200", 9, start), 0) << "the same /24";
  EXPECT_EQ(sent(limiter, five, "192.0.3.1", 9, start), 5) << "another /24";
  EXPECT_EQ(sent(limiter, five, "192.0.2.1", 9, start, 2), 5) << "another name";
  EXPECT_EQ(sent(limiter, five, "192.0.2.1", 9, start, 1, AnswerKind::nxdomain), 5) << "another kind";
  EXPECT_EQ(sent(limiter, five, "2001:db8:0:1::1", 9, start), 5);
  EXPECT_EQ(sent(limiter, five, "2001:db8:0:ff::1", 9, start), 0) << "the same /56";
  EXPECT_EQ(sent(limiter, five, "2001:db8:0:100::1", 9, start), 5);
}

TEST(RateLimit, EveryNthOverTheLimitSlips) {
  RateLimiter limiter;
  int slips = 0, drops = 0;
  for (int i = 0; i < 110; ++i) {
    const Ruling ruling = limiter.rule(limit(10, 4), ip("192.0.2.1"), AnswerKind::answer, 1, start);
    slips += ruling == Ruling::slip;
    drops += ruling == Ruling::drop;
  }
  EXPECT_EQ(slips, 25);
  EXPECT_EQ(drops, 75);
}

TEST(RateLimit, TheExemptAreNeverLimited) {
  RateLimiter limiter;
  auto one = limit(1);
  one.exempt = {Prefix::parse("192.0.2.0/28").value()};
  EXPECT_EQ(sent(limiter, one, "192.0.2.15", 100, start), 100);
  EXPECT_EQ(sent(limiter, one, "192.0.2.16", 100, start), 1);
}

// 16,384 buckets against a million spoofed networks a second, one answer each, for ten seconds. One victim
// gets 10,000 queries a second: its bucket must not be pushed out, or the limit would be none. A thousand
// legitimate networks ask five times a second each, far below the limit: none of them may lose a query.
TEST(RateLimit, AFloodOfSpoofedSources) {
  RateLimiter limiter;
  const auto hundred = limit(100);
  std::mt19937_64 random(7);
  int victim = 0, legitimate = 0, asked = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    const TimePoint now = start + std::chrono::milliseconds(ms);
    for (int i = 0; i < 10; ++i)
      victim += limiter.rule(hundred, ip("203.0.113.5"), AnswerKind::answer, 1, now) == Ruling::send;
    for (int i = 0; i < 1000; ++i) {
      const auto r = random();
      const auto spoofed = IpAddress::v4(static_cast<uint8_t>(1 + r % 100), static_cast<uint8_t>(r >> 8),
                                         static_cast<uint8_t>(r >> 16), 1);
      limiter.rule(hundred, spoofed, AnswerKind::answer, 1, now);
    }
    for (int i = 0; i < 5; ++i, ++asked) {
      const int network = (ms * 5 + i) % 1000;
      const auto client =
          IpAddress::v4(198, static_cast<uint8_t>(18 + network / 256), static_cast<uint8_t>(network), 9);
      legitimate += limiter.rule(hundred, client, AnswerKind::answer, 1, now) == Ruling::send;
    }
  }
  EXPECT_EQ(legitimate, asked);
  EXPECT_LE(victim, 100 + 10 * 100);
}

}  // namespace
}  // namespace popnet::dns
