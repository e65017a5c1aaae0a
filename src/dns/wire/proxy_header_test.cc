#include "dns/wire/proxy_header.h"

#include <gtest/gtest.h>

#include <vector>

namespace popnet::dns {
namespace {

using Bytes = std::vector<uint8_t>;
using Verdict = ProxyHeader::Verdict;

Bytes header(uint8_t command, uint8_t family, const Bytes& rest) {
  Bytes bytes = {0x0d,
                 0x0a,
                 0x0d,
                 0x0a,
                 0x00,
                 0x0d,
                 0x0a,
                 0x51,
                 0x55,
                 0x49,
                 0x54,
                 0x0a,
                 command,
                 family,
                 static_cast<uint8_t>(rest.size() >> 8),
                 static_cast<uint8_t>(rest.size())};
  for (const uint8_t b : rest) bytes.push_back(b);
  return bytes;
}

const Bytes ipv4 = {192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39, 0, 53};

TEST(ProxyHeader, ASourceOfEachFamily) {
  const auto v4 = read_proxy_header(header(0x21, 0x12, ipv4));
  EXPECT_EQ(v4.verdict, Verdict::fine);
  EXPECT_EQ(v4.size, 28u);
  EXPECT_EQ(v4.source->to_string(), "192.0.2.1:12345");
  Bytes rest(36);
  rest[0] = 0x20, rest[1] = 0x01, rest[15] = 7, rest[33] = 99;
  const auto v6 = read_proxy_header(header(0x21, 0x21, rest));
  EXPECT_EQ(v6.source->to_string(), "[2001::7]:99");
}

TEST(ProxyHeader, ExtensionsAreSkipped) {
  Bytes rest = ipv4;
  rest.insert(rest.end(), {4, 0, 2, 9, 9});
  const auto read = read_proxy_header(header(0x21, 0x11, rest));
  EXPECT_EQ(read.verdict, Verdict::fine);
  EXPECT_EQ(read.size, 33u);
  EXPECT_TRUE(read.source);
}

TEST(ProxyHeader, LocalAndUnixSpeakForTheBalancer) {
  EXPECT_EQ(read_proxy_header(header(0x20, 0x00, {})).verdict, Verdict::fine);
  EXPECT_FALSE(read_proxy_header(header(0x20, 0x11, ipv4)).source);
  EXPECT_FALSE(read_proxy_header(header(0x21, 0x31, Bytes(216))).source);
}

TEST(ProxyHeader, EveryPrefixIsIncompleteAndSaysWhatIsMissing) {
  const Bytes whole = header(0x21, 0x11, ipv4);
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto read = read_proxy_header(std::span(whole).first(size));
    EXPECT_EQ(read.verdict, Verdict::incomplete) << size;
    EXPECT_EQ(read.size, size < proxy_header_min ? proxy_header_min : whole.size());
  }
}

TEST(ProxyHeader, WhatIsBroken) {
  EXPECT_EQ(read_proxy_header(Bytes{'P', 'R', 'O', 'X', 'Y'}).verdict, Verdict::broken) << "version 1";
  EXPECT_EQ(read_proxy_header(header(0x31, 0x11, ipv4)).verdict, Verdict::broken);
  EXPECT_EQ(read_proxy_header(header(0x22, 0x11, ipv4)).verdict, Verdict::broken);
  EXPECT_EQ(read_proxy_header(header(0x21, 0x41, ipv4)).verdict, Verdict::broken);
  EXPECT_EQ(read_proxy_header(header(0x21, 0x11, {192, 0, 2, 1})).verdict, Verdict::broken) << "too short";
}

}  // namespace
}  // namespace popnet::dns
