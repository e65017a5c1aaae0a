#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/draft.h"
#include "config/load/test_load.h"
#include "model/geo.h"

namespace popnet::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string with_chain(const std::string& chain, const std::string& host = "") {
  return "sites:\n  - name: shop\n    origins:\n"
         "      - {name: web1, address: 198.51.100.1:80, groups: [eu]}\n"
         "      - {name: web2, address: 198.51.100.2:80, groups: [eu], weight: 4}\n"
         "      - {name: web3, address: 198.51.100.3:80, groups: [us]}\n"
         "    hostnames:\n      - name: www.shop.example\n" +
         host + "        chain: " + chain + "\n";
}

const model::ChainRule& first_rule(const std::shared_ptr<const model::Config>& config) {
  return config->sites.at(0).hostnames.at(0).chain.at(0);
}

TEST(Chains, GroupsStandForTheirMembersInTheOrderWritten) {
  const auto config = config_of(with_chain("[{targets: [web3, eu, web1]}]"));
  const auto& targets = first_rule(config).targets;
  ASSERT_EQ(targets.size(), 3U);
  EXPECT_EQ(targets[0].index, 2);
  EXPECT_EQ(targets[1].index, 0);
  EXPECT_EQ(targets[2].index, 1);
  EXPECT_EQ(targets[2].weight, 4) << "its own, where the rule says none";
  EXPECT_EQ(config->sites[0].hostnames[0].chain_index, 0U);
}

TEST(Chains, WithoutTargetsAllAre) {
  EXPECT_EQ(first_rule(config_of(with_chain("[{clients: 10.0.0.0/8}]"))).targets.size(), 3U);
}

TEST(Chains, WeightsGoByTargetOrGroup) {
  const auto config = config_of(with_chain("[{select: weighted, weights: {eu: 3, web1: 2}}]"));
  const auto& targets = first_rule(config).targets;
  EXPECT_EQ(targets[0].weight, 2);
  EXPECT_EQ(targets[1].weight, 3);
  EXPECT_EQ(targets[2].weight, 1);
}

TEST(Chains, AllOptionsOfARule) {
  const auto config = config_of(
      with_chain("[{name: a, clients: [10.0.0.0/8, '2001:db8::/32'], types: [A], select: failover, "
                 "answers_max: 3, "
                 "ttl: 5s, failing_ttl: 1s, persistence: none, healthy_min: 2, fall_through: false}]"));
  const auto& rule = first_rule(config);
  EXPECT_EQ(rule.clients.size(), 2U);
  EXPECT_EQ(rule.types.size(), 1U);
  EXPECT_EQ(rule.select, model::Select::failover);
  EXPECT_EQ(rule.answers_max, 3);
  EXPECT_EQ(rule.ttl, std::chrono::seconds(5));
  EXPECT_EQ(rule.failing_ttl, std::chrono::seconds(1));
  EXPECT_EQ(rule.persistence, model::Persistence::none);
  EXPECT_EQ(rule.healthy_min, 2);
  EXPECT_FALSE(rule.fall_through);
}

TEST(Chains, NamesMustBeThere) {
  EXPECT_THAT(
      problems_of(with_chain("[{targets: [web1, asia]}]")),
      ElementsAre("a.yaml:9:34: sites.0.hostnames.0.chain.0.targets.1: 'asia' is no origin of the site "
                  "and no group of these, write one of eu, us, web1, web2, web3"));
  EXPECT_THAT(problems_of(with_chain("[{targets: eu, select: weighted, weights: {web3: 1}}]")),
              ElementsAre(HasSubstr("weights.web3: is not among the rule's targets")));
  EXPECT_THAT(problems_of(with_chain("[{targets: [ams]}]", "        resolve: pop\n") + two_pops +
                          "node: {pop: ams}\n"),
              IsEmpty());
  EXPECT_THAT(problems_of(with_chain("[{targets: [web1]}]", "        resolve: pop\n") + two_pops +
                          "node: {pop: ams}\n"),
              ElementsAre(HasSubstr("'web1' is no POP and no group of these, write one of ams, nyc")));
}

TEST(Chains, WhatCannotBeMeantIsSaid) {
  EXPECT_THAT(problems_of(with_chain("[{weights: {web1: 2}}]")),
              ElementsAre(HasSubstr("'select: weighted'")));
  EXPECT_THAT(problems_of(with_chain("[{select: latency}]")), ElementsAre(HasSubstr("known for POPs only")));
  EXPECT_THAT(problems_of(with_chain("[{targets: eu, healthy_min: 3}]")),
              ElementsAre(HasSubstr("the rule has 2 targets, write at most that")));
  EXPECT_THAT(problems_of(with_chain("[{countries: [NL]}]")),
              ElementsAre(HasSubstr("write network.geo_file")));
  EXPECT_THAT(problems_of(with_chain("[{countries: [nl]}]")), ElementsAre(HasSubstr("two capital letters")));
  EXPECT_THAT(problems_of(with_chain("[{continents: [EUR]}]")), ElementsAre(HasSubstr("AF, AN, AS, EU")));
  EXPECT_THAT(problems_of(with_chain("[{subdivisions: [US-CALIF]}]")), ElementsAre(HasSubstr("like US-CA")));
  EXPECT_THAT(problems_of(with_chain("[{targets: eu, fall_through: false}, {targets: us}]")),
              ElementsAre(HasSubstr("chain.1: never reached")));
  EXPECT_THAT(problems_of(with_chain("[{types: AAAA}]")),
              ElementsAre(HasSubstr("warning: none of the rule's targets has an IPv6 address")));
  EXPECT_THAT(
      problems_of("sites:\n  - name: shop\n    hostnames: [{name: www.shop.example}]\n    origins: "
                  "[{name: a, address: 198.51.100.1:80, groups: b}, {name: b, address: 198.51.100.2:80}]\n"),
      ElementsAre(HasSubstr("'b' is the name of one of sites.0.origins, write another")));
}

TEST(Chains, AGeoDatabaseIsReadWithTheConfig) {
  const std::string data = std::string(POPNET_SOURCE_DIR) + "/tests/data/";
  LoadInput input = input_of(with_chain("[{countries: [GB]}]") + "network: {geo_file: " + data +
                             "GeoIP2-City-Test.mmdb}\n");
  input.unreadable = why_unreadable;
  const auto config = config_of(input);
  ASSERT_TRUE(config->geo);
  EXPECT_EQ(model::find_place(*config->geo, IpAddress::parse("81.2.69.160").value())->country, "GB");
  input.text = with_chain("[{countries: [GB]}]") + "network: {geo_file: " + data + "README.md}\n";
  EXPECT_THAT(problems_of(input), ElementsAre(HasSubstr("network.geo_file: '")));
  input.text = with_chain("[{countries: [GB]}]") + "network: {geo_file: /nowhere.mmdb}\n";
  EXPECT_THAT(problems_of(input), ElementsAre(HasSubstr("cannot be read: No such file or directory")));
}

}  // namespace
}  // namespace popnet::config
