#include "dns/server/zone_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace popnet::dns {
namespace {
using ::testing::ElementsAre;
using ::testing::Pair;

using Sums = std::map<std::string, uint64_t>;

std::vector<std::pair<std::string, uint64_t>> tell(ZoneLines& lines, const Sums& sums) {
  std::vector<ZoneCounts::Line> in;
  for (const auto& [zone, count] : sums) in.push_back({zone, {count}});
  std::vector<std::pair<std::string, uint64_t>> out;
  for (const auto& line : lines.tell(std::move(in))) out.emplace_back(line.zone, line.answers[0]);
  return out;
}

TEST(ZoneLines, NameTheBusiestAndAddUpTheRest) {
  ZoneLines lines(2);
  EXPECT_THAT(tell(lines, {{"a.", 5}, {"b.", 9}}), ElementsAre(Pair("b.", 9), Pair("a.", 5)));
  EXPECT_THAT(tell(lines, {{"a.", 5}, {"b.", 9}, {"c.", 1}, {"d.", 3}}),
              ElementsAre(Pair("b.", 9), Pair("a.", 5), Pair("others", 4)));
}

TEST(ZoneLines, NeverGoDownWhenOneOvertakesAnother) {
  ZoneLines lines(1);
  EXPECT_THAT(tell(lines, {{"a.", 5}, {"b.", 3}}), ElementsAre(Pair("a.", 5), Pair("others", 3)));
  // b. gets its own line, in which what was told of it among the others is not counted twice; a.'s next ones are others'.
  EXPECT_THAT(tell(lines, {{"a.", 6}, {"b.", 8}}), ElementsAre(Pair("b.", 5), Pair("others", 4)));
  EXPECT_THAT(tell(lines, {{"a.", 9}, {"b.", 8}}), ElementsAre(Pair("a.", 8), Pair("others", 4)));
}

TEST(ZoneLines, NeverGoDownWhenZonesGo) {
  ZoneLines lines(1);
  (void)tell(lines, {{"a.", 5}, {"b.", 3}, {"c.", 4}});
  EXPECT_THAT(tell(lines, {{"a.", 5}, {"b.", 4}}), ElementsAre(Pair("a.", 5), Pair("others", 8)));
  EXPECT_THAT(tell(lines, {{"c.", 1}}), ElementsAre(Pair("c.", 1), Pair("others", 8))) << "counted anew";
}

TEST(ZoneLines, CountAnewAZoneThatWentAndCameBetweenTwoLooks) {
  ZoneLines lines(1);
  (void)tell(lines, {{"a.", 5}, {"b.", 3}});
  EXPECT_THAT(tell(lines, {{"a.", 5}, {"b.", 2}}), ElementsAre(Pair("a.", 5), Pair("others", 5)));
}

TEST(ZoneLines, CountAnewAllKindsOfAnswersOfSuchAZone) {
  ZoneLines lines(0);
  (void)lines.tell({{"a.", {1, 5}}});
  (void)lines.tell({{"a.", {2, 3}}});
  EXPECT_THAT(lines.tell({{"a.", {2, 3}}})[0].answers, ElementsAre(3, 8, 0, 0, 0, 0)) << "once";
}

}  // namespace
}  // namespace popnet::dns
