#include "dns/transfer/zone_states.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace popnet::dns {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> lines(const ZoneStates& states, int64_t now) {
  std::vector<CounterValue> values;
  states.collect(now, values);
  std::vector<std::string> all;
  for (const CounterValue& value : values) {
    std::string line = value.name.substr(std::string("popnet_dns_fetched_").size());
    for (const auto& [label, text] : value.labels) line += " " + text;
    all.push_back(fmt::format("{} {}", line, value.value));
  }
  return all;
}

TEST(ZoneStates, AZoneIsToldWithSerialAgeAndError) {
  ZoneStates states;
  EXPECT_THAT(lines(states, 1000), IsEmpty()) << "nobody fetches anything";
  states.set("a.test.", {7, 900, 2000, ""});
  states.set("b.test.", {8, 900, 2000, "192.0.2.1:53 does not answer"});
  states.set("c.test.", {std::nullopt, 0, 0, "192.0.2.1:53 answers the AXFR with REFUSED"});
  EXPECT_THAT(lines(states, 1000),
              ElementsAre("zones current 1", "zones failing 1", "zones expired 0", "zones missing 1",
                          "zone_serial b.test. 8", "zone_age_seconds b.test. 100",
                          "zone_expires_in_seconds b.test. 1000",
                          "zone_failing b.test. 192.0.2.1:53 does not answer 1",
                          "zone_failing c.test. 192.0.2.1:53 answers the AXFR with REFUSED 1",
                          "zone_serial a.test. 7", "zone_age_seconds a.test. 100",
                          "zone_expires_in_seconds a.test. 1000"));
  EXPECT_THAT(lines(states, 2000), Contains("zones expired 2"));
  states.drop("b.test.");
  states.drop("c.test.");
  EXPECT_EQ(lines(states, 1000).size(), 7U);
}

TEST(ZoneStates, OfVeryManyThoseThatFailAreTold) {
  ZoneStates states;
  for (size_t i = 0; i < 2 * ZoneStates::zones_told_max; ++i)
    states.set(fmt::format("z{}.test.", i), {7, 900, 2000, i % 1000 == 0 ? "does not answer" : ""});
  const auto all = lines(states, 1000);
  EXPECT_EQ(all.size(), 4 + 3 * ZoneStates::zones_told_max + 2);
  EXPECT_THAT(all, Contains("zone_failing z1000.test. does not answer 1"));
}

}  // namespace
}  // namespace popnet::dns
