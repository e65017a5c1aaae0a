#include "common/ip.h"

#include <gtest/gtest.h>

namespace popnet {
namespace {

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(IpAddress::parse("192.0.2.1")->to_string(), "192.0.2.1");
  EXPECT_EQ(IpAddress::parse("2001:DB8:0::1")->to_string(), "2001:db8::1");
  EXPECT_TRUE(IpAddress::parse("192.0.2.1")->is_v4());
  for (const char* wrong : {"", "1.2.3", "1.2.3.256", "::g", "1.2.3.4 ", "[::1]", "fe80::1%eth0"})
    EXPECT_FALSE(IpAddress::parse(wrong)) << wrong;
}

TEST(Prefix, CutsContainsAndRefusesHostBits) {
  const auto p = Prefix::parse("198.51.100.0/22");
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->contains(*IpAddress::parse("198.51.103.255")));
  EXPECT_FALSE(p->contains(*IpAddress::parse("198.51.104.0")));
  EXPECT_FALSE(p->contains(*IpAddress::parse("::ffff:0:0")));
  EXPECT_EQ(p->last().to_string(), "198.51.103.255");
  EXPECT_EQ(Prefix::parse("198.51.100.1/24").error().message,
            "'198.51.100.1/24' is not a prefix: expected 198.51.100.0/24");
  EXPECT_FALSE(Prefix::parse("198.51.100.0/33"));
  EXPECT_FALSE(Prefix::parse("198.51.100.0/"));
}

TEST(Prefix, ZeroLengthStaysInItsFamily) {
  const Prefix all4(*IpAddress::parse("203.0.113.9"), 0);
  EXPECT_EQ(all4.to_string(), "0.0.0.0/0");
  EXPECT_TRUE(all4.contains(*IpAddress::parse("1.2.3.4")));
  EXPECT_FALSE(all4.contains(*IpAddress::parse("2001:db8::1")));
  const Prefix all6(*IpAddress::parse("2001:db8::1"), 0);
  EXPECT_EQ(all6.to_string(), "::/0");
  EXPECT_FALSE(all6.contains(*IpAddress::parse("1.2.3.4")));
}

TEST(Endpoint, NeedsAPortAndBracketsForIpv6) {
  EXPECT_EQ(Endpoint::parse("192.0.2.1:80")->to_string(), "192.0.2.1:80");
  EXPECT_EQ(Endpoint::parse("[2001:db8::1]:8080")->to_string(), "[2001:db8::1]:8080");
  for (const char* wrong :
       {"192.0.2.1", "2001:db8::1:80", "192.0.2.1:", "192.0.2.1:70000", "[192.0.2.1]:80", ":80"})
    EXPECT_FALSE(Endpoint::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace popnet
