#include "probe/runner/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace popnet::probe {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

model::ProbeSpec spec(const std::string& kind) {
  model::ProbeSpec s;
  s.kind = kind;
  s.options = std::make_shared<model::KindOptions>();
  return s;
}

model::Pop pop(const std::string& name, const char* address, uint16_t port = 80) {
  model::Pop p;
  p.name = name;
  p.addresses = {*IpAddress::parse(address)};
  p.http_port = port;
  p.capacity_bits = 1000;
  return p;
}

model::Origin origin(const std::string& name, std::vector<model::ProbeSpec> probes) {
  model::Origin o;
  o.name = name;
  o.endpoint = *Endpoint::parse("192.0.2.1:8080");
  o.probes = std::move(probes);
  return o;
}

std::vector<std::string> keys(const model::Config& config) {
  std::vector<std::string> names;
  for (const auto& planned : make_plan(config))
    names.push_back(planned->target.id.name + " " + planned->label);
  return names;
}

TEST(Plan, EveryOriginOfEverySite) {
  model::Config config;
  config.network.pop_probes = {spec("host")};
  config.sites.resize(2);
  config.sites[0].name = "shop";
  config.sites[0].origins = {origin("web1", {spec("http"), spec("load")}), origin("web2", {spec("http")})};
  config.sites[1].name = "blog";
  config.sites[1].origins = {origin("web1", {spec("tcp")})};
  EXPECT_THAT(keys(config),
              ElementsAre("shop/web1 http", "shop/web1 load", "shop/web2 http", "blog/web1 tcp"));
}

TEST(Plan, SeveralProbesOfAKindAreNumbered) {
  model::Config config;
  config.sites.resize(1);
  config.sites[0].name = "shop";
  config.sites[0].origins = {origin("web1", {spec("http"), spec("tcp"), spec("http"), spec("http")})};
  EXPECT_THAT(keys(config),
              ElementsAre("shop/web1 http", "shop/web1 tcp", "shop/web1 http#2", "shop/web1 http#3"));
}

TEST(Plan, OtherPopsAreProbedFromOutsideAndTheOwnFromWithin) {
  model::Config config;
  config.node.pop = "berlin";
  config.network.pop_probes = {spec("http"), spec("host"), spec("tcp")};
  config.pops = {pop("amsterdam", "127.0.1.1", 8080), pop("berlin", "127.0.2.1"), pop("cairo", "::1")};
  EXPECT_THAT(keys(config), UnorderedElementsAre("amsterdam http", "amsterdam tcp", "berlin host",
                                                 "cairo http", "cairo tcp"));
  const auto plan = make_plan(config);
  EXPECT_EQ(plan[0]->target.endpoint.to_string(), "127.0.1.1:8080");
  EXPECT_EQ(plan[0]->target.path, "/.well-known/popnet/health");
  EXPECT_EQ(plan[2]->target.capacity_bits, 1000U);
}

TEST(Plan, APopAlwaysMeasuresItself) {
  model::Config config;
  config.node.pop = "berlin";
  config.network.pop_probes = {spec("http")};
  config.pops = {pop("berlin", "127.0.2.1")};
  EXPECT_THAT(keys(config), ElementsAre("berlin host"));
  const auto plan = make_plan(config);
  EXPECT_FALSE(plan[0]->spec.affects_health);
  EXPECT_NE(plan[0]->spec.options, nullptr);
}

TEST(Plan, HostIsWhatTheEdgeWouldSend) {
  model::Config config;
  config.network.content_hostname = "content.cdn.example";
  config.sites.resize(1);
  model::Site& site = config.sites[0];
  site.origins = {origin("web1", {spec("http")})};
  const auto host = [&] { return make_plan(config).front()->target.host; };
  EXPECT_EQ(host(), "");
  site.content_prefix = "shop";
  EXPECT_EQ(host(), "content.cdn.example");
  site.hostnames.resize(2);
  site.hostnames[0].name = "*.shop.example";
  site.hostnames[1].name = "www.shop.example";
  EXPECT_EQ(host(), "www.shop.example");
  site.origin_host = "origin.shop.example";
  EXPECT_EQ(host(), "origin.shop.example");
}

}  // namespace
}  // namespace popnet::probe
