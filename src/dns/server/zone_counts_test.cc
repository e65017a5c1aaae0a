#include "dns/server/zone_counts.h"

#include <gmock/gmock.h>

#include "dns/server/test_world.h"

namespace popnet::dns {
namespace {

Outcome outcome_of(const TestWorld& world, const char* name, uint16_t qtype = type::a) {
  return world.ask(TestQuery(name, qtype).edns()).outcome;
}

TEST(ZoneCounts, KindsOfAnswersAreToldApart) {
  const TestWorld world;
  const auto kind = [&](const char* name, uint16_t qtype = type::a) {
    return outcome_of(world, name, qtype).kind;
  };
  EXPECT_EQ(kind("www.example.com"), AnswerKind::answer);
  EXPECT_EQ(kind("alias.example.com"), AnswerKind::answer);
  EXPECT_EQ(kind("x.wild.example.com"), AnswerKind::wildcard);
  EXPECT_EQ(kind("x.wild.example.com", type::txt), AnswerKind::wildcard) << "random names again";
  EXPECT_EQ(kind("www.example.com", type::txt), AnswerKind::nodata);
  EXPECT_EQ(kind("b.deep.example.com"), AnswerKind::nodata);
  EXPECT_EQ(kind("nowhere.example.com"), AnswerKind::nxdomain);
  EXPECT_EQ(kind("www.sub.example.com"), AnswerKind::referral);
  EXPECT_EQ(kind("www.shop.test"), AnswerKind::answer);
  EXPECT_EQ(kind("www.shop.test", type::aaaa), AnswerKind::nodata);
  EXPECT_EQ(kind("www.example.org"), AnswerKind::error);
  EXPECT_EQ(outcome_of(world, "www.example.org").zone, Outcome::no_zone);
}

TEST(ZoneCounts, SumsOverThreadsAndReloads) {
  const TestWorld world;
  ZoneCounts counts(world.view().names, 2, nullptr);
  counts.add(0, outcome_of(world, "www.example.com"));
  counts.add(1, outcome_of(world, "mail.example.com"));
  counts.add(1, outcome_of(world, "nowhere.example.com"));
  counts.add(1, outcome_of(world, "www.example.org"));  // nobody's
  const auto check = [](const ZoneCounts& of) {
    const auto lines = of.read();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].zone, "example.com.");
    EXPECT_THAT(lines[0].answers, ::testing::ElementsAre(2, 0, 0, 1, 0, 0));
  };
  check(counts);
  const TestWorld reloaded;
  const ZoneCounts after(reloaded.view().names, 2, &counts);
  check(after);
  counts.add(0, outcome_of(world, "x.wild.example.com"));
  EXPECT_THAT(after.read().at(0).answers, ::testing::ElementsAre(2, 1, 0, 1, 0, 0))
      << "by a thread that has not seen the new names yet";
  const TestWorld without("");
  EXPECT_TRUE(ZoneCounts(without.view().names, 2, &counts).read().empty());
}

}  // namespace
}  // namespace popnet::dns
