#include "routing/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/geo.h"
#include "routing/testing.h"

namespace popnet::routing {
namespace {

using namespace testing;
using model::Metric;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ExplainTest : public ::testing::Test {
 protected:
  Snapshot make() const {
    Snapshot snapshot;
    snapshot.config = std::make_shared<model::Config>(config_);
    snapshot.metrics = std::make_shared<model::MetricsSnapshot>(metrics_);
    snapshot.clients = std::make_shared<model::ClientsMetrics>(measured_);
    snapshot.shares = shares_;
    snapshot.map = make_map(config_, metrics_, shares_, 42,
                            make_client_table(config_, measured_, at_second(100)), at_second(100));
    return snapshot;
  }
  Explanation ask(std::string_view name, std::string_view client = "10.1.2.3/32") const {
    return explain(make(), NameIndex(config_), name, net(client), at_second(101)).value();
  }

  model::Config config_ = make_config(3, 3);
  model::MetricsSnapshot metrics_ = make_metrics(config_);
  model::ClientsMetrics measured_;
  model::Shares shares_ = make_shares({0.98, 0.01, 0.01});
};

TEST_F(ExplainTest, FindsEveryKindOfNameWithoutCaseAndFinalDot) {
  const NameIndex names(config_);
  EXPECT_EQ(names.find("WWW.shop.Example.")->kind, NamedHost::Kind::site);
  EXPECT_EQ(names.find("cdn.example")->kind, NamedHost::Kind::content);
  EXPECT_EQ(names.find("cdn.example")->host.ttl, seconds(30));
  EXPECT_EQ(names.find("p2.pop.example")->kind, NamedHost::Kind::pop);
  EXPECT_EQ(names.find("p2.pop.example")->pop, 2U);
  EXPECT_EQ(names.find("p3.pop.example"), nullptr);
  EXPECT_EQ(names.find(""), nullptr);
  EXPECT_EQ(NameIndex().find("www.shop.example"), nullptr);
  EXPECT_EQ(find_site(config_, "shop"), &config_.sites[0]);
  EXPECT_EQ(find_site(config_, "other"), nullptr);
}

TEST_F(ExplainTest, TheDecisionIsTheOneThatDnsMakes) {
  const auto snapshot = make();
  const auto result = ask("www.shop.example");
  const auto decision = decide_origin(config_, snapshot.map, 0, page_host(config_), result.client);
  EXPECT_EQ(result.decision.targets, decision.targets);
  EXPECT_EQ(result.decision.reason, decision.reason);
  EXPECT_EQ(result.decision.map_generation, 42U);
  EXPECT_EQ(result.client.network, net("10.1.2.0/24"));
}

TEST_F(ExplainTest, EveryOriginIsShownWithWhatIsKnownOfIt) {
  shares_.author = "p1";
  auto& origin = metrics_.origins[0][1];
  origin.health = model::Health::down;
  origin.health_at = at_second(98);
  origin.probers_down = 2;
  origin.error = "connection refused";
  origin.values[static_cast<size_t>(Metric::cpu)] = model::Value{0.4, at_second(97), 2};
  origin.values[static_cast<size_t>(Metric::http_ms)] = model::Value{12, at_second(99), 1};
  const auto result = ask("www.shop.example");
  EXPECT_EQ(result.site, "shop");
  EXPECT_EQ(result.shares_author, "p1");
  EXPECT_EQ(result.map_age, seconds(1));
  ASSERT_EQ(result.candidates.size(), 3U);
  EXPECT_EQ(result.candidates[0].name, "o0");
  EXPECT_EQ(result.candidates[0].why, "chosen");
  const auto& down = result.candidates[1];
  EXPECT_EQ(down.name, "o1");
  EXPECT_THAT(down.addresses, ElementsAre("192.0.2.2:80"));
  EXPECT_EQ(down.why, "down");
  EXPECT_FALSE(down.alive);
  EXPECT_EQ(down.health_age, seconds(3));
  EXPECT_EQ(down.probers_down, 2);
  EXPECT_EQ(down.error, "connection refused");
  EXPECT_NEAR(down.share, 0.01, 1e-9);
  ASSERT_EQ(down.metrics.size(), 2U);
  EXPECT_EQ(down.metrics[1].metric, Metric::cpu);
  EXPECT_EQ(down.metrics[1].age, seconds(4));
  EXPECT_EQ(down.metrics[1].probers, 2);
  EXPECT_TRUE(down.metrics[1].counts);
  EXPECT_DOUBLE_EQ(down.metrics[1].weighed, 0.4);
  EXPECT_FALSE(down.metrics[0].counts) << "the site weighs CPU alone";
}

TEST_F(ExplainTest, PopsAreShownWithTheirLatencyToThisClient) {
  config_.clients.push_back({net("10.0.0.0/8"), {{0, milliseconds(90)}, {2, milliseconds(7)}}, {}});
  measured_.add(net("10.1.2.0/24"), {0, 11, at_second(99)});
  shares_ = make_shares({}, {1, 1, 0});
  for (const char* name : {"static.shop.example", "cdn.example"}) {
    const auto result = ask(name);
    ASSERT_EQ(result.candidates.size(), 3U);
    EXPECT_EQ(result.candidates[0].name, "p0");
    EXPECT_EQ(result.candidates[0].latency_source, LatencySource::measured);
    EXPECT_EQ(result.candidates[0].latency_ms, 11);
    EXPECT_EQ(result.candidates[1].why, "its latency to the client is not known");
    EXPECT_EQ(result.candidates[2].latency_source, LatencySource::configured);
    EXPECT_EQ(result.candidates[2].share, 0);
    EXPECT_THAT(result.candidates[2].why, HasSubstr("too loaded"));
    EXPECT_EQ(result.decision.reason, model::Reason::spilled);
  }
}

TEST_F(ExplainTest, APopsOwnNameIsThatPop) {
  metrics_.pops[1].health = model::Health::down;
  const auto result = ask("p1.pop.example");
  ASSERT_EQ(result.candidates.size(), 1U);
  EXPECT_EQ(result.candidates[0].name, "p1");
  EXPECT_EQ(result.candidates[0].why, "chosen");
  EXPECT_THAT(result.candidates[0].addresses, ElementsAre("198.51.100.2"));
  EXPECT_EQ(result.decision.reason, model::Reason::only_one);
}

TEST_F(ExplainTest, WhyIsNeverEmptyWhateverIsSelected) {
  for (const auto select :
       {model::Select::least_load, model::Select::latency, model::Select::weighted, model::Select::failover})
    for (const bool dead : {false, true}) {
      for (auto& host : config_.sites[0].hostnames) host.select = select;
      for (auto& origin : metrics_.origins[0]) origin.health = dead ? model::Health::down : model::Health::up;
      metrics_.pops[0].health = dead ? model::Health::down : model::Health::up;
      for (const char* name : {"www.shop.example", "static.shop.example"})
        for (const auto& candidate : ask(name).candidates) EXPECT_NE(candidate.why, "") << name;
    }
}

TEST_F(ExplainTest, AnUnknownNameSaysWhatWouldBeRight) {
  const auto result =
      explain(make(), NameIndex(config_), "nowhere.example", net("10.0.0.0/24"), at_second(0));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::not_found);
  EXPECT_THAT(result.error().message, HasSubstr("nowhere.example"));
}

TEST_F(ExplainTest, EachRuleOfAChainSaysWhyItDidOrDidNotDecide) {
  auto geo = std::make_shared<model::GeoNetworks>();
  geo->places = {{"EU", "NL", "NL-NH", {}}};
  geo->networks = {{net("10.0.0.0/8"), 0}};
  config_.geo = geo;
  const auto rule = [](std::string name, std::vector<uint16_t> targets) {
    model::ChainRule r;
    r.name = std::move(name);
    for (const uint16_t target : targets) r.targets.push_back({target, 1});
    return r;
  };
  auto& chain = config_.sites[0].hostnames[0].chain;
  chain = {rule("office", {0}), rule("america", {0}), rule("v6", {0}),   rule("dead", {0}),
           rule("few", {0, 1}), rule("", {1, 2}),     rule("later", {2})};
  chain[0].clients = {net("192.0.2.0/24")};
  chain[1].continents = {"NA"};
  chain[2].types = {model::AddressType::aaaa};
  chain[4].healthy_min = 2;
  chain[5].select = model::Select::failover;
  metrics_.origins[0][0].health = model::Health::down;
  model::link_chains(config_);
  const auto result =
      explain(make(), NameIndex(config_), "www.shop.example", net("10.1.2.3/32"), at_second(101), family_v4)
          .value();
  std::vector<std::string> said;
  for (const auto& r : result.rules) said.push_back(r.name + ": " + r.why);
  EXPECT_THAT(said, ElementsAre("office: the client is in none of its networks",
                                "america: the client is elsewhere: EU, NL, NL-NH",
                                "v6: is not for this type of question", "dead: its target is down",
                                "few: 1 of its 2 targets alive, needs 2", "6: decides", "later: not reached",
                                "everybody else: not reached"));
  EXPECT_EQ(result.place, "EU, NL, NL-NH");
  EXPECT_EQ(result.select, model::Select::failover);
  EXPECT_EQ(result.candidates.at(0).name, "o1");
  EXPECT_THAT(result.candidates.at(1).why, HasSubstr("not a target of the rule"));
}

TEST_F(ExplainTest, WhenAllTargetsAreDownTheFirstRuleSaysSo) {
  model::ChainRule rule;
  rule.targets = {{1, 1}};
  config_.sites[0].hostnames[0].chain = {rule};
  for (auto& origin : metrics_.origins[0]) origin.health = model::Health::down;
  model::link_chains(config_);
  const auto result = ask("www.shop.example");
  EXPECT_EQ(result.rules.at(0).why, "decides, as the first of those whose targets are all down");
  EXPECT_EQ(result.rules.at(1).why, "all its targets are down");
  EXPECT_EQ(ask("static.shop.example").rules.size(), 0U);
}

}  // namespace
}  // namespace popnet::routing
