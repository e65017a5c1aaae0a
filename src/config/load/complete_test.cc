#include "config/load/draft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/test_load.h"

namespace popnet::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Pops, WithoutAnyTheNodeIsOneNamedLocal) {
  const auto config = config_of("node: {http_listen: 127.0.0.1:8080}\n");
  ASSERT_EQ(config->pops.size(), 1U);
  EXPECT_EQ(config->pops[0].name, "local");
  EXPECT_EQ(config->pops[0].addresses.at(0).to_string(), "127.0.0.1");
  EXPECT_EQ(config->pops[0].http_port, 8080);
  EXPECT_EQ(config->node.pop, "local");
  EXPECT_TRUE(config->node.edge);
  EXPECT_FALSE(config->node.dns) << "nothing to listen on";
}

TEST(Pops, TheOnlyPopIsThatOfTheNodeAndTellsWhereToListen) {
  const auto config =
      config_of("pops: [{name: ams, addresses: [192.0.2.1, '2001:db8::1'], dns_port: 5353}]\n");
  EXPECT_EQ(config->node.pop, "ams");
  ASSERT_EQ(config->node.dns_listen.size(), 2U);
  EXPECT_EQ(config->node.dns_listen[1].to_string(), "[2001:db8::1]:5353");
  EXPECT_EQ(config->node.http_listen.at(0).to_string(), "192.0.2.1:80");
}

TEST(Pops, RolesThatAreOffListenNowhere) {
  const auto config =
      config_of("pops: [{name: ams, addresses: 192.0.2.1}]\nnode: {dns: false, http_listen: []}\n");
  EXPECT_THAT(config->node.dns_listen, IsEmpty());
  EXPECT_THAT(config->node.http_listen, IsEmpty());
  EXPECT_FALSE(config->node.edge);
}

TEST(Pops, ANodeOfSeveralMustSayWhich) {
  EXPECT_THAT(problems_of(two_pops),
              ElementsAre("a.yaml:1:1: node.pop: missing, write the POP of this node, one of ams, nyc"));
  EXPECT_THAT(problems_of(two_pops + "node:\n  pop: fra\n"),
              ElementsAre("a.yaml:5:8: node.pop: 'fra' is no POP of this config, write one of ams, nyc"));
  EXPECT_EQ(config_of(two_pops, {"node.pop=nyc"})->node.pop_index, 1U);
}

TEST(Nodes, AreNamedLikeTheirPopUnlessTheyHaveANameOfTheirOwn) {
  EXPECT_EQ(config_of(two_pops, {"node.pop=nyc"})->node.name, "nyc");
  EXPECT_EQ(config_of(two_pops, {"node.pop=nyc", "node.name=nyc-2"})->node.name, "nyc-2");
  EXPECT_THAT(problems_of(two_pops + "node:\n  pop: nyc\n  name: ams\n"),
              ElementsAre("a.yaml:6:9: node.name: 'ams' is the name of another POP, write one like nyc-2"));
  EXPECT_THAT(problems_of(two_pops + "node:\n  pop: nyc\n  name: 'NYC 2'\n"), SizeIs(1));
}

TEST(Names, ContactDefaultsToTheZonesHostmaster) {
  EXPECT_EQ(config_of("network: {zone: cdn.example}\n")->network.contact, "hostmaster@cdn.example");
}

TEST(Origins, AreNamedByTheirAddress) {
  EXPECT_EQ(config_of(site)->sites.at(0).origins.at(0).name, "192.0.2.1:80");
}

TEST(Clients, NamePopsByName) {
  const auto config = config_of(two_pops +
                                "node: {pop: ams}\n"
                                "clients: [{network: 198.51.100.0/24, latency: {nyc: 7ms, ams: 80ms}}]\n");
  const auto& latency = config->clients.at(0).latency;
  ASSERT_EQ(latency.size(), 2U);
  EXPECT_EQ(latency[0].pop, 1U);
  EXPECT_EQ(latency[0].latency, 7ms);
  EXPECT_EQ(latency[1].pop, 0U);
}

TEST(Zones, FilesCountFromWhereTheyAreWritten) {
  LoadInput input = input_of(
      "zones:\n  - {name: a.example, file: a.zone}\n  - {name: b.example, file: /b.zone}\n"
      "  - {name: c.example, file: c.zone}\nnode: {dns: false, state_dir: state}\n",
      {"zones.2.file=here.zone"});
  input.file = "conf/net/a.yaml";
  const auto config = config_of(input);
  ASSERT_EQ(config->zones.size(), 3U);
  EXPECT_EQ(config->zones[0].file, "conf/net/a.zone");
  EXPECT_EQ(config->zones[1].file, "/b.zone");
  EXPECT_EQ(config->zones[2].file, "here.zone");
  EXPECT_EQ(config->node.state_dir, "conf/net/state");
}

}  // namespace
}  // namespace popnet::config
