#include "common/source_counts.h"

#include <gtest/gtest.h>

namespace popnet {
namespace {

TEST(SourceCounts, EachSourceHasItsOwnLimit) {
  SourceCounts counts;
  const auto a = IpAddress::v4(192, 0, 2, 1), b = IpAddress::v4(192, 0, 2, 2);
  EXPECT_TRUE(counts.add(a, 2));
  EXPECT_TRUE(counts.add(a, 2));
  EXPECT_FALSE(counts.add(a, 2));
  EXPECT_TRUE(counts.add(b, 2));
  counts.remove(a);
  EXPECT_TRUE(counts.add(a, 2));
  counts.remove(a), counts.remove(a), counts.remove(b);
  EXPECT_EQ(counts.sources(), 0u);
}

TEST(SourceCounts, NetworksAreAsLongAsOneSays) {
  SourceCounts counts(24, 48);
  EXPECT_TRUE(counts.add(IpAddress::v4(192, 0, 2, 1), 1));
  EXPECT_FALSE(counts.add(IpAddress::v4(192, 0, 2, 255), 1));
  EXPECT_TRUE(counts.add(IpAddress::v4(192, 0, 3, 1), 1));
  EXPECT_TRUE(counts.add(IpAddress::parse("2001:db8::1").value(), 1));
  EXPECT_FALSE(counts.add(IpAddress::parse("2001:db8:0:1::1").value(), 1));
}

TEST(SourceCounts, AnIpv6SourceIsItsSlash64) {
  SourceCounts counts;
  EXPECT_TRUE(counts.add(IpAddress::parse("2001:db8::1").value(), 1));
  EXPECT_FALSE(counts.add(IpAddress::parse("2001:db8::2").value(), 1));
  EXPECT_TRUE(counts.add(IpAddress::parse("2001:db8:0:1::1").value(), 1));
}

}  // namespace
}  // namespace popnet
