// The examples that a newcomer starts from load without a word of complaint, and mean what their comments
// say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/test_load.h"

namespace popnet::config {
namespace {

using namespace std::chrono_literals;

LoadInput example(const std::string& name, std::vector<std::string> sets = {}) {
  LoadInput input;
  input.file = std::string(POPNET_SOURCE_DIR) + "/examples/" + name;
  auto text = read_file(input.file);
  EXPECT_TRUE(text.ok()) << text.error().message;
  if (text) input.text = *text;
  input.sets = std::move(sets);
  input.kinds = test_kinds();
  return input;
}

TEST(Examples, ReverseProxy) {
  const auto config = config_of(example("reverse-proxy.yaml"));
  ASSERT_EQ(config->sites.size(), 1U);
  EXPECT_TRUE(config->sites[0].any_host);
  EXPECT_EQ(config->sites[0].origins.at(0).endpoint.to_string(), "127.0.0.1:8000");
  EXPECT_EQ(config->node.http_listen.at(0).to_string(), "127.0.0.1:8080");
  EXPECT_EQ(config->node.admin_listen.to_string(), "127.0.0.1:8500");
  EXPECT_FALSE(config->node.dns);
}

TEST(Examples, ReverseProxyOfAnotherServer) {
  const auto config = config_of(example("reverse-proxy.yaml", {"sites.0.origins.0.address=127.0.0.1:9000"}));
  EXPECT_EQ(config->sites.at(0).origins.at(0).endpoint.port, 9000);
}

TEST(Examples, Zone) {
  const LoadInput input = example("zone.yaml");
  const auto config = config_of(input);
  ASSERT_EQ(config->zones.size(), 1U);
  EXPECT_EQ(config->zones[0].name, "example.com");
  EXPECT_TRUE(read_file(config->zones[0].file).ok()) << config->zones[0].file;
  EXPECT_EQ(config->node.dns_listen.at(0).to_string(), "127.0.0.1:5353");
  EXPECT_FALSE(config->node.edge);
}

TEST(Examples, AnotherZone) {
  const auto config =
      config_of(example("zone.yaml", {"zones.0.name=example.org", "zones.0.file=/tmp/org.zone"}));
  EXPECT_EQ(config->zones.at(0).name, "example.org");
  EXPECT_EQ(config->zones.at(0).file, "/tmp/org.zone");
}

TEST(Examples, Network) {
  const auto config = config_of(example("network.yaml"));
  EXPECT_EQ(config->pops.size(), 3U);
  ASSERT_EQ(config->sites.size(), 2U);
  for (const model::Site& site : config->sites) {
    EXPECT_EQ(site.origins.size(), 3U);
    EXPECT_EQ(site.origins[0].probes.at(0).interval, 1s);
  }
  EXPECT_EQ(config->clients.at(1).latency.at(1).pop, 1U);
}

TEST(Examples, Steering) {
  LoadInput input = example("steering.yaml");
  input.unreadable = why_unreadable;
  const auto config = config_of(input);
  ASSERT_TRUE(config->geo);
  ASSERT_EQ(config->sites.size(), 1U);
  EXPECT_EQ(config->sites[0].hostnames.at(0).chain.size(), 4U);
}

TEST(Examples, EachNodeOfTheNetworkListensOnItsOwnPop) {
  for (const auto& [pop, address] :
       {std::pair("ams", "127.0.1.1"), {"nyc", "127.0.1.2"}, {"sin", "127.0.1.3"}}) {
    const auto config = config_of(example("network.yaml", {std::string("node.pop=") + pop}));
    EXPECT_EQ(config->node.dns_listen.at(0).to_string(), std::string(address) + ":5353");
    EXPECT_EQ(config->node.http_listen.at(0).to_string(), std::string(address) + ":8080");
  }
}

}  // namespace
}  // namespace popnet::config
