#include "geo/read.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace popnet::geo {
namespace {

std::string data(const std::string& name) {
  return std::string(POPNET_SOURCE_DIR) + "/tests/data/" + name;
}

const model::GeoPlace* place(const model::GeoNetworks& geo, const char* address) {
  return model::find_place(geo, IpAddress::parse(address).value());
}

// MaxMind's own test file; the answers are those of mmdblookup.
TEST(ReadGeo, ACityDatabaseSaysContinentCountryAndSubdivision) {
  const auto geo = read(data("GeoIP2-City-Test.mmdb"));
  ASSERT_TRUE(geo.ok()) << geo.error().message;
  const auto* london = place(**geo, "81.2.69.160");
  ASSERT_NE(london, nullptr);
  EXPECT_EQ(london->continent + " " + london->country + " " + london->subdivision, "EU GB GB-ENG");
  ASSERT_TRUE(london->location);
  EXPECT_NEAR(london->location->latitude, 51.5, 0.1);
  EXPECT_NEAR(london->location->longitude, -0.1, 0.1);
  const auto* milton = place(**geo, "216.160.83.56");
  ASSERT_NE(milton, nullptr);
  EXPECT_EQ(milton->continent + " " + milton->country + " " + milton->subdivision, "NA US US-WA");
  const auto* japan = place(**geo, "2001:218::1");
  ASSERT_NE(japan, nullptr);
  EXPECT_EQ(japan->country, "JP");
  EXPECT_EQ(place(**geo, "127.0.0.1"), nullptr);
}

TEST(ReadGeo, NetworksAreDisjointAndInOrder) {
  const auto geo = read(data("GeoIP2-City-Test.mmdb"));
  ASSERT_TRUE(geo.ok());
  const auto& networks = (*geo)->networks;
  ASSERT_GT(networks.size(), 100U);
  for (size_t i = 1; i < networks.size(); ++i)
    ASSERT_LT(networks[i - 1].network.last(), networks[i].network.first());
  for (const auto& entry : networks) ASSERT_LT(entry.place, (*geo)->places.size());
}

TEST(ReadGeo, WhatCannotBeReadIsSaid) {
  EXPECT_NE(read("/nowhere.mmdb").error().message.find("'/nowhere.mmdb' is no MaxMind DB"),
            std::string::npos);
  EXPECT_NE(read(data("MaxMind-DB-test-broken-search-tree-24.mmdb")).error().message.find("damaged"),
            std::string::npos);
  EXPECT_NE(read(data("GeoLite2-ASN-Test.mmdb")).error().message.find("in which country"), std::string::npos);
}

}  // namespace
}  // namespace popnet::geo
