#include "common/network_lists.h"

#include <gmock/gmock.h>

namespace popnet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Prefix net(std::string_view text) {
  return *Prefix::parse(text);
}

TEST(NetworkLists, ValuesStandByNetworkInOrderOfNetwork) {
  NetworkLists<int> lists;
  lists.add(net("10.2.0.0/16"), 3);
  lists.add(net("2001:db8::/48"), 4);
  lists.add(net("10.0.0.0/8"), 1);
  lists.add(net("10.2.0.0/16"), 5);
  lists.add(net("10.0.0.0/8"), 2);
  ASSERT_EQ(lists.size(), 3U);
  EXPECT_EQ(lists.value_count(), 5U);
  EXPECT_EQ(lists[0].network, net("10.0.0.0/8")) << "right before what it contains";
  EXPECT_THAT(lists[0].values, ElementsAre(1, 2));
  EXPECT_THAT(lists[1].values, ElementsAre(3, 5));
  EXPECT_THAT(lists[2].values, ElementsAre(4));
}

TEST(NetworkLists, InOrderTheyAreAppended) {
  NetworkLists<int> lists;
  const int first[] = {1, 2}, second[] = {3};
  lists.append(net("10.0.0.0/8"), first);
  lists.append(net("10.2.0.0/16"), second);
  lists.add(net("10.2.0.0/16"), 4);
  EXPECT_THAT(lists.find(net("10.0.0.0/8")), ElementsAre(1, 2));
  EXPECT_THAT(lists.find(net("10.2.0.0/16")), ElementsAre(3, 4));
}

TEST(NetworkLists, OnlyTheNetworkItselfIsFound) {
  NetworkLists<int> lists;
  EXPECT_THAT(lists.find(net("10.0.0.0/8")), IsEmpty());
  lists.add(net("10.0.0.0/8"), 1);
  lists.add(net("10.1.0.0/16"), 2);
  EXPECT_THAT(lists.find(net("10.0.0.0/8")), ElementsAre(1));
  EXPECT_THAT(lists.find(net("10.1.0.0/16")), ElementsAre(2));
  EXPECT_THAT(lists.find(net("10.0.0.0/16")), IsEmpty());
  EXPECT_THAT(lists.find(net("9.0.0.0/8")), IsEmpty());
  EXPECT_THAT(lists.find(net("11.0.0.0/8")), IsEmpty());
}

TEST(NetworkLists, WhatIsFoundCanBeChanged) {
  NetworkLists<int> lists;
  lists.add(net("10.0.0.0/8"), 1);
  lists.find(net("10.0.0.0/8"))[0] = 7;
  EXPECT_THAT(lists[0].values, ElementsAre(7));
}

}  // namespace
}  // namespace popnet
