#include "dns/transfer/sources.h"

#include <gtest/gtest.h>

#include <vector>

namespace popnet::dns {
namespace {

std::string source(std::initializer_list<const char*> listen, const char* peer) {
  std::vector<Endpoint> endpoints;
  for (const char* text : listen) endpoints.push_back(Endpoint::parse(text).value());
  const auto from = sources_of(endpoints).toward(IpAddress::parse(peer).value());
  return from ? from->to_string() : "any";
}

TEST(Sources, TheOnlyAddressOfTheFamily) {
  EXPECT_EQ(source({"192.0.2.1:53", "192.0.2.1:5353", "[2001:db8::1]:53"}, "198.51.100.1"), "192.0.2.1");
  EXPECT_EQ(source({"192.0.2.1:53", "[2001:db8::1]:53"}, "2001:db8::53"), "2001:db8::1");
  EXPECT_EQ(source({"192.0.2.1:53"}, "2001:db8::53"), "any");
}

TEST(Sources, WhereThereAreSeveralTheKernelChooses) {
  EXPECT_EQ(source({"192.0.2.1:53", "192.0.2.2:53", "[2001:db8::1]:53"}, "198.51.100.1"), "any");
  EXPECT_EQ(source({"192.0.2.1:53", "192.0.2.2:53", "[2001:db8::1]:53"}, "2001:db8::53"), "2001:db8::1");
  EXPECT_EQ(source({"0.0.0.0:53", "[::]:53"}, "198.51.100.1"), "any");
  EXPECT_EQ(source({"0.0.0.0:53", "[::]:53"}, "2001:db8::53"), "any");
  EXPECT_EQ(source({}, "198.51.100.1"), "any");
}

TEST(Sources, LoopbackSpeaksToLoopback) {
  EXPECT_EQ(source({"127.0.5.1:53"}, "127.0.0.1"), "127.0.5.1");
  EXPECT_EQ(source({"127.0.5.1:53"}, "198.51.100.1"), "any");
  EXPECT_EQ(source({"192.0.2.1:53"}, "127.0.0.1"), "any");
}

}  // namespace
}  // namespace popnet::dns
