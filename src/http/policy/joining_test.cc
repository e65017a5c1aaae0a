#include "http/policy/joining.h"

#include <gtest/gtest.h>

namespace popnet::http {
namespace {

using Piece = JoinPlan::Piece;
constexpr uint64_t any_size = UINT64_MAX;

TEST(Joining, PutsPartsThatAdjoinOrOverlapBeforeAndBehind) {
  const ByteRange parts[] = {{0, 9}, {20, 29}, {15, 22}, {40, 49}, {31, 38}};
  const JoinPlan adjoining = plan_join(parts, {10, 14}, any_size);
  EXPECT_EQ(adjoining.range, (ByteRange{0, 29}));
  EXPECT_EQ(adjoining.before, (std::vector<Piece>{{0, {0, 9}}}));
  EXPECT_EQ(adjoining.behind, (std::vector<Piece>{{2, {15, 22}}, {1, {23, 29}}})) << "each byte once";
  const JoinPlan overlapping = plan_join(parts, {5, 41}, any_size);
  EXPECT_EQ(overlapping.range, (ByteRange{0, 49}));
  EXPECT_EQ(overlapping.before, (std::vector<Piece>{{0, {0, 4}}})) << "what comes counts";
  EXPECT_EQ(overlapping.behind, (std::vector<Piece>{{3, {42, 49}}}));
  EXPECT_FALSE(plan_join(parts, {11, 13}, any_size).joins()) << "touches nothing";
  EXPECT_FALSE(plan_join(parts, {0, 9}, any_size).joins()) << "the same again";
  EXPECT_FALSE(plan_join({}, {0, 9}, any_size).joins());
}

TEST(Joining, StopsAtASize) {
  const ByteRange parts[] = {{0, 9}, {20, 29}};
  EXPECT_EQ(plan_join(parts, {10, 19}, 30).range, (ByteRange{0, 29}));
  EXPECT_EQ(plan_join(parts, {10, 19}, 29).range, (ByteRange{0, 19}));
  EXPECT_FALSE(plan_join(parts, {10, 19}, 19).joins());
}

TEST(Joining, CoversARangeWithFewParts) {
  const ByteRange parts[] = {{0, 9}, {10, 12}, {5, 19}, {20, 29}, {31, 39}};
  EXPECT_EQ(plan_cover(parts, {2, 25}), (std::vector<size_t>{0, 2, 3}));
  EXPECT_EQ(plan_cover(parts, {6, 19}), (std::vector<size_t>{2}));
  EXPECT_EQ(plan_cover(parts, {6, 29}), (std::vector<size_t>{2, 3}));
  EXPECT_TRUE(plan_cover(parts, {25, 35}).empty()) << "30 is missing";
  EXPECT_TRUE(plan_cover(parts, {35, 40}).empty());
  EXPECT_TRUE(plan_cover({}, {0, 0}).empty());
}

TEST(Joining, FindsTheOneGapBetweenBeginningAndEnd) {
  const ByteRange middle[] = {{4, 5}};
  EXPECT_EQ(find_gap(middle, 10), std::nullopt) << "helps nothing";
  const ByteRange beginning[] = {{3, 5}, {0, 3}};
  EXPECT_EQ(find_gap(beginning, 10), (ByteRange{6, 9}));
  const ByteRange end[] = {{8, 9}, {5, 8}};
  EXPECT_EQ(find_gap(end, 10), (ByteRange{0, 4}));
  const ByteRange both[] = {{0, 1}, {8, 9}, {4, 5}};
  EXPECT_EQ(find_gap(both, 10), (ByteRange{2, 7})) << "what lies between is fetched again: one stretch";
  const ByteRange all[] = {{0, 5}, {6, 9}};
  EXPECT_EQ(find_gap(all, 10), (ByteRange{9, 9})) << "is it this version still?";
  EXPECT_EQ(find_gap({}, 10), std::nullopt);
}

}  // namespace
}  // namespace popnet::http
