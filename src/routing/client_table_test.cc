#include <gtest/gtest.h>

#include "common/random.h"
#include "model/geo.h"
#include "routing/map.h"
#include "routing/testing.h"

namespace popnet::routing {
namespace {

using namespace testing;

constexpr model::GeoPoint frankfurt{50.1, 8.7}, amsterdam{52.4, 4.9}, new_york{40.7, -74.0},
    tokyo{35.7, 139.7};

RankedPop ranked(uint16_t pop, float ms) {
  return {pop, LatencySource::configured, ms};
}

uint16_t first_pop(const ClientTable& table, std::string_view client) {
  return table.find(ip(client)).ranking[0].pop;
}

class ClientTableTest : public ::testing::Test {
 protected:
  void measure(std::string_view network, uint32_t pop, float ms, double at = 100) {
    measured_.add(net(network), {pop, ms, at_second(at)});
  }
  void configure(std::string_view network, std::vector<model::ClientPrior::PopLatency> latency,
                 std::optional<model::GeoPoint> location = {}) {
    config_.clients.push_back({net(network), std::move(latency), location});
  }
  void locate_pops() {
    config_.pops[0].location = frankfurt;
    config_.pops[1].location = new_york;
    config_.pops[2].location = tokyo;
  }
  ClientTable make() const { return make_client_table(config_, measured_, at_second(100)); }

  model::Config config_ = make_config(1, 3);
  model::ClientsMetrics measured_;
};

TEST_F(ClientTableTest, AClientIsFoundInItsMostSpecificNetwork) {
  const ClientTable table({{net("10.0.0.0/8"), {ranked(1, 5)}}, {net("10.1.0.0/16"), {ranked(2, 5)}}},
                          {ranked(0, 5)});
  EXPECT_EQ(first_pop(table, "10.1.2.3"), 2);
  EXPECT_EQ(table.find(ip("10.1.2.3")).scope, 16);
  EXPECT_EQ(first_pop(table, "10.2.2.3"), 1);
  EXPECT_EQ(table.find(ip("10.2.2.3")).scope, 15) << "10.2/15 holds nothing of 10.1/16";
  EXPECT_EQ(first_pop(table, "192.0.2.1"), 0);
  EXPECT_EQ(table.find(ip("192.0.2.1")).scope, 1);
  EXPECT_EQ(table.entries(), 2U);
}

TEST_F(ClientTableTest, FamiliesDoNotMeet) {
  const ClientTable table({{net("0.0.0.0/0"), {ranked(1, 5)}}, {net("2001:db8::/32"), {ranked(2, 5)}}},
                          {ranked(0, 5)});
  EXPECT_EQ(first_pop(table, "192.0.2.1"), 1);
  EXPECT_EQ(table.find(ip("192.0.2.1")).scope, 0);
  EXPECT_EQ(first_pop(table, "2001:db8::1"), 2);
  EXPECT_EQ(table.find(ip("2001:db8::1")).scope, 32);
  EXPECT_EQ(first_pop(table, "2001:db9::1"), 0);
}

TEST_F(ClientTableTest, NetworksLongerThanHalfAnAddressHaveTheirOwnScope) {
  const ClientTable table({{net("2001:db8::/32"), {ranked(1, 5)}}, {net("2001:db8::7/128"), {ranked(2, 5)}}},
                          {ranked(0, 5)});
  EXPECT_EQ(first_pop(table, "2001:db8::7"), 2);
  EXPECT_EQ(table.find(ip("2001:db8::7")).scope, 128);
  EXPECT_EQ(first_pop(table, "2001:db8::6"), 1);
  EXPECT_EQ(table.find(ip("2001:db8::6")).scope, 128) << "its neighbour in the /127 is another's";
  EXPECT_EQ(table.find(ip("2001:db8::1:0:0:1")).scope, 80);
  EXPECT_EQ(table.find(ip("2001:db8:1::1")).scope, 48);
  EXPECT_EQ(first_pop(table, "2001:db9::1"), 0);
  EXPECT_EQ(table.find(ip("2001:db9::1")).scope, 32);
}

TEST_F(ClientTableTest, NetworksWithOneRankingShareItAndItsScope) {
  const ClientTable table({{net("10.0.0.0/24"), {ranked(1, 5)}}, {net("10.0.1.0/24"), {ranked(1, 5)}}},
                          {ranked(0, 5)});
  EXPECT_EQ(table.find(ip("10.0.0.1")).scope, 23);
  EXPECT_EQ(table.find(ip("10.0.0.1")).ranking.data(), table.find(ip("10.0.1.1")).ranking.data());
}

TEST_F(ClientTableTest, MeasuredBeatsConfiguredBeatsDistanceForOnePop) {
  locate_pops();
  configure("10.0.0.0/8", {{0, milliseconds(40)}, {1, milliseconds(50)}}, frankfurt);
  measure("10.0.0.0/24", 1, 12);
  const auto table = make();
  const auto found = table.find(ip("10.0.0.9"));
  EXPECT_EQ(found.ranking[0].pop, 1);
  EXPECT_EQ(found.ranking[0].source, LatencySource::measured);
  EXPECT_EQ(found.ranking[1].pop, 0);
  EXPECT_EQ(found.ranking[1].source, LatencySource::configured);
  EXPECT_EQ(found.ranking[2].pop, 2);
  EXPECT_EQ(found.ranking[2].source, LatencySource::distance);
  EXPECT_EQ(first_pop(make(), "10.9.0.9"), 0) << "the neighbour is not measured";
}

TEST_F(ClientTableTest, MeasurementsThatAreTooOldDoNotCount) {
  configure("10.0.0.0/24", {{0, milliseconds(5)}, {1, milliseconds(9)}});
  measure("10.0.0.0/24", 1, 1, 100 - 601);
  EXPECT_EQ(first_pop(make(), "10.0.0.9"), 0);
  measure("10.0.0.0/24", 1, 1, 100 - 599);
  EXPECT_EQ(first_pop(make(), "10.0.0.9"), 1);
}

TEST_F(ClientTableTest, TheMoreSpecificPriorWinsAndInheritsTheRest) {
  configure("10.0.0.0/8", {{0, milliseconds(5)}, {1, milliseconds(9)}});
  configure("10.1.0.0/16", {{0, milliseconds(50)}});
  EXPECT_EQ(first_pop(make(), "10.1.0.1"), 1);
  const auto table = make();
  EXPECT_EQ(table.find(ip("10.1.0.1")).ranking[0].latency_ms, 9);
  EXPECT_EQ(first_pop(make(), "10.2.0.1"), 0);
}

TEST_F(ClientTableTest, UnknownPopsRankBehindAllKnownOnes) {
  measure("10.0.0.0/24", 2, 250);
  const auto table = make();
  const auto ranking = table.find(ip("10.0.0.1")).ranking;
  ASSERT_EQ(ranking.size(), 3U);
  EXPECT_EQ(ranking[0].pop, 2);
  EXPECT_EQ(ranking[1].source, LatencySource::none);
}

TEST_F(ClientTableTest, WithoutMeasurementsTheNearestPopWins) {
  locate_pops();
  configure("10.0.0.0/8", {}, amsterdam);
  const auto table = make();
  const auto ranking = table.find(ip("10.0.0.1")).ranking;
  EXPECT_EQ(ranking[0].pop, 0);
  EXPECT_EQ(ranking[1].pop, 1);
  EXPECT_EQ(ranking[2].pop, 2);
  EXPECT_EQ(ranking[0].source, LatencySource::distance);
}

TEST_F(ClientTableTest, EstimatesOfAPartlyMeasuredNetworkAreScaledByItsDetour) {
  // Frankfurt is near by the map (14 ms) but measured at 25: all ways to this network are long, so New York
  // is not expected at its plain estimate either.
  locate_pops();
  configure("10.0.0.0/8", {}, amsterdam);
  const double plain = estimate_rtt_ms(amsterdam, new_york);
  measure("10.0.0.0/24", 0, estimate_rtt_ms(amsterdam, frankfurt) * 1.6);
  const auto table = make();
  const auto ranking = table.find(ip("10.0.0.1")).ranking;
  EXPECT_EQ(ranking[1].pop, 1);
  EXPECT_NEAR(ranking[1].latency_ms, plain * 1.6, 0.1);
  measure("10.0.1.0/24", 0, 0.2);
  const auto again = make();
  EXPECT_NEAR(again.find(ip("10.0.1.1")).ranking[1].latency_ms, plain * 0.5, 0.1) << "within bounds";
}

TEST_F(ClientTableTest, EstimatesAreNearThePublishedMedians) {
  const model::GeoPoint here{0, 0};
  const auto km_east = [](double km) { return model::GeoPoint{0, km / 6371 * 180 / 3.14159265}; };
  EXPECT_NEAR(estimate_rtt_ms(here, km_east(140)), 9, 3);
  EXPECT_NEAR(estimate_rtt_ms(here, km_east(750)), 27, 8);
  EXPECT_NEAR(estimate_rtt_ms(here, km_east(9300)), 187, 20);
  EXPECT_NEAR(estimate_rtt_ms(here, km_east(14300)), 261, 25);
  EXPECT_NEAR(estimate_rtt_ms(tokyo, new_york), estimate_rtt_ms(new_york, tokyo), 1e-9);
  EXPECT_LT(estimate_rtt_ms({10, 179.9}, {10, -179.9}), 9) << "across the date line is near";
}

TEST_F(ClientTableTest, ManyRandomNetworksAnswerLikeTheirLongestMatch) {
  Random random(3);
  std::vector<ClientTable::Entry> entries;
  for (uint16_t i = 0; i < 500; ++i) {
    const bool v4 = i % 2;
    const IpAddress address =
        v4 ? IpAddress::v4(10, static_cast<uint8_t>(random.below(4)), static_cast<uint8_t>(random.below(256)),
                           0)
           : ip("2001:db8:" + std::to_string(random.below(10)) + "::" + std::to_string(random.below(10)));
    entries.push_back({Prefix(address, static_cast<int>(8 + random.below(v4 ? 25 : 121))), {ranked(i, 1)}});
  }
  const ClientTable table(entries, {ranked(9999, 1)});
  for (int i = 0; i < 10000; ++i) {
    const IpAddress client =
        i % 2
            ? IpAddress::v4(10, static_cast<uint8_t>(random.below(5)),
                            static_cast<uint8_t>(random.below(256)), static_cast<uint8_t>(random.below(256)))
            : ip("2001:db8:" + std::to_string(random.below(11)) + "::" + std::to_string(random.below(11)));
    uint16_t expected = 9999;
    int length = -1;
    for (const auto& entry : entries)
      if (entry.network.length() >= length && entry.network.contains(client))
        length = entry.network.length(), expected = entry.ranking[0].pop;
    const auto found = table.find(client);
    ASSERT_EQ(found.ranking[0].pop, expected) << client.to_string();
    ASSERT_GE(found.scope, length) << "an entry holds at least its own network's length";
  }
}

TEST_F(ClientTableTest, AGeoipDatabaseRanksWhatNobodyHasMeasured) {
  locate_pops();
  auto geo = std::make_shared<model::GeoNetworks>();
  geo->places = {{"EU", "NL", "", amsterdam}, {"AS", "JP", "", tokyo}, {"NA", "US", "", {}}};
  geo->networks = {{net("10.0.0.0/16"), 0}, {net("10.1.0.0/16"), 1}, {net("10.2.0.0/16"), 2}};
  config_.geo = geo;
  ClientTable table = make();
  EXPECT_EQ(first_pop(table, "10.0.1.1"), 0);
  EXPECT_EQ(table.find(ip("10.0.1.1")).ranking[0].source, LatencySource::distance);
  EXPECT_EQ(table.find(ip("10.0.1.1")).scope, 16);
  EXPECT_EQ(first_pop(table, "10.1.1.1"), 2);
  EXPECT_EQ(table.find(ip("10.2.1.1")).ranking[0].source, LatencySource::none) << "located nowhere";
  EXPECT_EQ(table.find(ip("192.0.2.1")).ranking[0].source, LatencySource::none);

  measure("10.0.1.0/24", 1, 5);
  table = make();
  EXPECT_EQ(first_pop(table, "10.0.1.1"), 1) << "measured";
  EXPECT_EQ(table.find(ip("10.0.1.1")).ranking[1].pop, 0) << "the others by their distance";
  EXPECT_EQ(table.find(ip("10.0.1.1")).scope, 24);
  EXPECT_EQ(first_pop(table, "10.0.2.1"), 0);
  configure("10.0.0.0/8", {{2, milliseconds(1)}});
  table = make();
  EXPECT_EQ(first_pop(table, "10.1.1.1"), 2) << "written by the operator, for a network at several places";
  EXPECT_EQ(table.find(ip("10.0.2.1")).ranking[1].source, LatencySource::none);
}

}  // namespace
}  // namespace popnet::routing
