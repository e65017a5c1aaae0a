#include "config/load/private_address.h"

#include <gtest/gtest.h>

namespace popnet::config {
namespace {

TEST(PrivateAddress, IsWhatOnlySomeMachinesReach) {
  for (const char* text : {"127.0.0.1",
                           "127.255.255.255",
                           "10.1.2.3",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.0.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "0.0.0.0",
                           "198.18.0.1",
                           "192.0.0.8",
                           "::",
                           "::1",
                           "fe80::1",
                           "fd00::1",
                           "fc00::1",
                           "fec0::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::127.0.0.1",
                           "64:ff9b::a9fe:a9fe",
                           "64:ff9b:1::1",
                           "2002:7f00:1::",
                           "2002:c0a8:1::1"})
    EXPECT_NE(why_private(IpAddress::parse(text).value()), "") << text;
  for (const char* text : {"192.0.2.1", "203.0.113.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "11.0.0.1",
                           "128.0.0.1", "100.128.0.1", "169.253.0.1", "2001:db8::1", "2606:4700::1",
                           "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"})
    EXPECT_EQ(why_private(IpAddress::parse(text).value()), "") << text;
}

}  // namespace
}  // namespace popnet::config
