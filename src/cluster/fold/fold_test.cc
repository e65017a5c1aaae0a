#include "cluster/fold/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/random.h"

namespace popnet::cluster {
namespace {

using model::Health;
using model::Metric;
using model::ProbeSample;
using model::TargetId;

constexpr std::chrono::seconds max_age{10};

TimePoint at(double seconds) {
  return TimePoint() + std::chrono::hours(1) + from_ms(seconds * 1000);
}

model::Config make_config(std::vector<std::string> origins = {"a", "b"},
                          std::vector<std::string> pops = {"fra", "nyc", "tyo"}) {
  model::Config config;
  config.sites.emplace_back().name = "shop";
  for (const auto& name : origins) config.sites[0].origins.emplace_back().name = name;
  for (const auto& name : pops) config.pops.emplace_back().name = name;
  return config;
}

ProbeSample sample(const model::NodeId& prober, TargetId target, double seconds,
                   std::vector<model::Reading> readings = {}) {
  ProbeSample result;
  result.prober = prober;
  result.target = std::move(target);
  result.probe = "http";
  result.ok = true;
  result.readings = std::move(readings);
  result.at = at(seconds);
  result.max_age = max_age;
  return result;
}

const TargetId origin_a = TargetId::origin("shop", "a");

class FoldTest : public ::testing::Test {
 protected:
  bool says(const model::NodeId& prober, TargetId target, bool healthy, double seconds = 0,
            const std::string& probe = "http") {
    auto s = sample(prober, std::move(target), seconds);
    s.ok = s.healthy = healthy;
    s.probe = probe;
    if (!healthy) s.error = "refused, says " + prober.name;
    return fold_.add(s);
  }
  bool measures(const model::NodeId& prober, Metric metric, double value, double seconds = 0,
                const std::string& probe = "http") {
    auto s = sample(prober, origin_a, seconds, {{metric, value}});
    s.probe = probe;
    return fold_.add(s);
  }
  model::MetricsSnapshot snapshot(double seconds = 0) const {
    return fold_.snapshot(config_, 3, at(seconds));
  }
  model::ServiceMetrics a(double seconds = 0) const { return snapshot(seconds).origins[0][0]; }
  Health health_of_a(double seconds = 0) const { return a(seconds).health; }

  model::Config config_ = make_config();
  Fold fold_;
};

TEST_F(FoldTest, WithoutSamplesAllIsUnknown) {
  const auto all = snapshot();
  EXPECT_EQ(all.generation, 3U);
  EXPECT_EQ(all.at, at(0));
  ASSERT_EQ(all.origins.size(), 1U);
  ASSERT_EQ(all.origins[0].size(), 2U);
  ASSERT_EQ(all.pops.size(), 3U);
  EXPECT_EQ(all.origins[0][0].health, Health::unknown);
  EXPECT_FALSE(all.origins[0][0].get(Metric::cpu));
}

TEST_F(FoldTest, OneProberIsBelieved) {
  says("fra", origin_a, true);
  EXPECT_EQ(health_of_a(), Health::up);
  says("fra", origin_a, false, 1);
  EXPECT_EQ(health_of_a(), Health::down);
  EXPECT_EQ(a().error, "http: refused, says fra");
  EXPECT_EQ(a().health_at, at(1));
}

TEST_F(FoldTest, OfTwoProbersBothMustSayDown) {
  says("fra", origin_a, false);
  says("nyc", origin_a, true);
  EXPECT_EQ(health_of_a(), Health::up);
  says("nyc", origin_a, false, 1);
  EXPECT_EQ(health_of_a(), Health::down);
}

TEST_F(FoldTest, OfThreeProbersTwoDecide) {
  says("fra", origin_a, false);
  says("nyc", origin_a, true);
  says("tyo", origin_a, true);
  EXPECT_EQ(health_of_a(), Health::up);
  EXPECT_EQ(a().probers_up, 2);
  EXPECT_EQ(a().probers_down, 1);
  says("tyo", origin_a, false, 1);
  EXPECT_EQ(health_of_a(), Health::down);
}

TEST_F(FoldTest, AProberSaysDownIfAnyOfItsProbesDoes) {
  says("fra", origin_a, true, 0, "http");
  says("fra", origin_a, false, 0, "ftp");
  EXPECT_EQ(health_of_a(), Health::down);
  EXPECT_EQ(a().probers_down, 1);
  EXPECT_EQ(a().probers_up, 0);
}

TEST_F(FoldTest, ProbesThatOnlyMeasureDoNotVote) {
  auto load = sample("fra", origin_a, 0);
  load.probe = "load";
  load.ok = load.healthy = load.affects_health = false;
  load.error = "no exporter";
  EXPECT_FALSE(fold_.add(load));
  EXPECT_EQ(health_of_a(), Health::unknown);
  EXPECT_EQ(a().error, "load: no exporter");
}

TEST_F(FoldTest, VerdictsExpire) {
  says("fra", origin_a, false, 0);
  EXPECT_EQ(health_of_a(10), Health::down);
  EXPECT_EQ(health_of_a(10.1), Health::unknown);
  EXPECT_EQ(a(10.1).error, "");
}

TEST_F(FoldTest, WhatAPopSaysOfItselfIsNotAVerdict) {
  says("fra", TargetId::pop("fra"), true);
  EXPECT_EQ(snapshot().pops[0].health, Health::unknown);
  says("nyc", TargetId::pop("fra"), false);
  EXPECT_EQ(snapshot().pops[0].health, Health::down) << "its last good word does not keep a dead POP alive";
}

TEST_F(FoldTest, APopThatIsCutOffDoesNotBringDownAnything) {
  for (const std::string target : {"fra", "nyc"}) {
    says("tyo", TargetId::pop(target), false);
    says("fra", TargetId::pop(target), true);
    says("nyc", TargetId::pop(target), true);
  }
  for (const std::string prober : {"fra", "nyc"}) says(prober, TargetId::pop("tyo"), false);
  says("tyo", origin_a, false);
  says("fra", origin_a, true);
  const auto all = snapshot();
  EXPECT_EQ(all.pops[0].health, Health::up);
  EXPECT_EQ(all.pops[1].health, Health::up);
  EXPECT_EQ(all.pops[2].health, Health::down);
  EXPECT_EQ(all.origins[0][0].health, Health::up);
  EXPECT_EQ(all.origins[0][0].probers_down, 0) << "a POP that is down has no vote";
}

TEST_F(FoldTest, ADeadPopsLastGoodWordsDoNotHideADeadOrigin) {
  config_ = make_config({"a"}, {"fra", "nyc"});
  says("nyc", origin_a, true);
  says("fra", TargetId::pop("nyc"), false, 1);
  says("fra", origin_a, false, 1);
  EXPECT_EQ(health_of_a(1), Health::down);
}

TEST_F(FoldTest, WhenOnlyPopsThatAreDownHaveLookedTheyAreHeard) {
  says("fra", TargetId::pop("nyc"), false);
  says("nyc", origin_a, false);
  EXPECT_EQ(health_of_a(), Health::down);
}

TEST_F(FoldTest, TwoPopsThatSeeEachOtherDeadBothVote) {
  config_ = make_config({"a"}, {"fra", "nyc"});
  says("fra", TargetId::pop("nyc"), false);
  says("nyc", TargetId::pop("fra"), false);
  says("fra", origin_a, true);
  says("nyc", origin_a, false);
  EXPECT_EQ(health_of_a(), Health::up);
  EXPECT_EQ(a().probers_up, 1);
  EXPECT_EQ(a().probers_down, 1);
}

TEST_F(FoldTest, AValueIsTheMedianOfTheProbersNewest) {
  measures("fra", Metric::http_ms, 500, 0);
  measures("fra", Metric::http_ms, 10, 1);
  EXPECT_DOUBLE_EQ(a(1).get(Metric::http_ms)->value, 10);
  measures("nyc", Metric::http_ms, 30, 2);
  EXPECT_DOUBLE_EQ(a(2).get(Metric::http_ms)->value, 20);
  measures("tyo", Metric::http_ms, 9000, 1.5);
  const auto value = *a(2).get(Metric::http_ms);
  EXPECT_DOUBLE_EQ(value.value, 30);
  EXPECT_EQ(value.samples, 3);
  EXPECT_EQ(value.at, at(2));
}

TEST_F(FoldTest, TwoProbesOfOneProberAreOneVoice) {
  measures("fra", Metric::http_ms, 10, 0, "http");
  measures("fra", Metric::http_ms, 90, 1, "http#2");
  EXPECT_DOUBLE_EQ(a(1).get(Metric::http_ms)->value, 90);
  EXPECT_EQ(a(1).get(Metric::http_ms)->samples, 1);
}

TEST_F(FoldTest, AFailedAttemptLeavesTheLastGoodValueToItsAge) {
  measures("fra", Metric::http_ms, 10, 0);
  auto failed = sample("fra", origin_a, 5, {{Metric::http_ms, 0.1}});
  failed.ok = false;
  fold_.add(failed);
  EXPECT_DOUBLE_EQ(a(9).get(Metric::http_ms)->value, 10);
  EXPECT_FALSE(a(10.5).get(Metric::http_ms));
}

TEST_F(FoldTest, AnOlderSampleDoesNotReplaceANewerOne) {
  says("fra", origin_a, true, 5);
  EXPECT_FALSE(says("fra", origin_a, false, 4));
  EXPECT_EQ(health_of_a(5), Health::up);
}

TEST_F(FoldTest, TellsWhenAVerdictIsNewOrChanges) {
  EXPECT_TRUE(says("fra", origin_a, true, 0));
  EXPECT_FALSE(says("fra", origin_a, true, 1));
  EXPECT_TRUE(says("fra", origin_a, false, 2));
  EXPECT_FALSE(says("fra", origin_a, false, 3));
  EXPECT_TRUE(says("fra", origin_a, true, 4));
}

TEST_F(FoldTest, TargetsGoByNameWhenTheConfigChanges) {
  says("fra", origin_a, false);
  config_ = make_config({"new", "b", "a"}, {"nyc", "fra"});
  const auto all = snapshot();
  EXPECT_EQ(all.origins[0][0].health, Health::unknown);
  EXPECT_EQ(all.origins[0][2].health, Health::down);
  EXPECT_EQ(all.pops.size(), 2U);
}

TEST_F(FoldTest, ClientRoundTripsAreKeptByPop) {
  const auto client = TargetId::client(*Prefix::parse("198.51.100.0/24"));
  fold_.add(sample("nyc", client, 0, {{Metric::rtt_ms, 80}}));
  fold_.add(sample("fra", client, 1, {{Metric::rtt_ms, 12}}));
  fold_.add(sample("fra", client, 2, {{Metric::rtt_ms, 14}}));
  fold_.add(sample("fra", client, 1.5, {{Metric::rtt_ms, 999}}));
  fold_.add(sample("stranger", client, 2, {{Metric::rtt_ms, 1}}));
  auto failed = sample("tyo", client, 2);
  failed.ok = false;
  fold_.add(failed);
  const auto all = fold_.clients(config_, at(2));
  ASSERT_EQ(all.size(), 1U);
  const auto rtts = all.find(*Prefix::parse("198.51.100.0/24"));
  ASSERT_EQ(rtts.size(), 2U);
  EXPECT_EQ(rtts[0].pop, 1U);
  EXPECT_EQ(rtts[0].ms, 80);
  EXPECT_EQ(rtts[1].pop, 0U);
  EXPECT_EQ(rtts[1].ms, 14);
  EXPECT_EQ(rtts[1].at, at(2));
  EXPECT_TRUE(fold_.clients(config_, at(13)).empty());
}

TEST_F(FoldTest, ManyClientNetworksOfSeveralNodesAreAllKeptAndUpdated) {
  constexpr int many = 20'000;
  const auto network = [](int i) {
    return Prefix(IpAddress::v4(10, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i), 0), 24);
  };
  const auto measure = [&](const std::string& pop, int i, double ms, double seconds) {
    fold_.add(sample(pop, TargetId::client(network(i)), seconds, {{Metric::rtt_ms, ms}}));
  };
  for (int i = 0; i < many; ++i) measure("fra", i * 7919 % many, 10, 0);
  for (int i = many; i-- > 0;) measure(i % 2 ? "nyc" : "tyo", i, 20, 1);
  for (int i = 0; i < many; ++i) measure("fra", i, 11, 2);
  EXPECT_EQ(fold_.client_networks(), size_t{many});
  const auto seen = [&](double now) {
    size_t rtts = 0;
    const auto all = fold_.clients(config_, at(now));
    EXPECT_EQ(all.size(), size_t{many});
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].network, network(static_cast<int>(i)));
      for (const auto& rtt : all[i].values) EXPECT_EQ(rtt.ms, config_.pops[rtt.pop].name == "fra" ? 11 : 20);
      rtts += all[i].values.size();
    }
    return rtts;
  };
  EXPECT_EQ(seen(2), size_t{2 * many});
  fold_.forget_clients(at(11.5));
  EXPECT_EQ(seen(11.5), size_t{many}) << "the others are too old";
  EXPECT_EQ(fold_.samples(at(11.5)).size(), size_t{many});
}

TEST_F(FoldTest, NodesOfOnePopMeasureEachForItselfAndCountAsOne) {
  const model::NodeId fra1("fra-1", "fra"), fra2("fra-2", "fra"), fra3("fra-3", "fra");
  measures(fra1, Metric::http_ms, 10);
  measures(fra2, Metric::http_ms, 12);
  measures(fra3, Metric::http_ms, 11);
  EXPECT_EQ(a().get(Metric::http_ms)->value, 11) << "the POP has the median of its nodes";
  EXPECT_EQ(a().get(Metric::http_ms)->samples, 1) << "and is one";
  measures("nyc", Metric::http_ms, 90);
  measures("tyo", Metric::http_ms, 91);
  EXPECT_EQ(a().get(Metric::http_ms)->value, 90)
      << "three nodes at one place do not outvote two other places";
}

TEST_F(FoldTest, NodesOfOnePopHaveOneVoteOnHealth) {
  const model::NodeId fra1("fra-1", "fra"), fra2("fra-2", "fra"), fra3("fra-3", "fra");
  says(fra1, origin_a, false);
  says(fra2, origin_a, true);
  EXPECT_EQ(health_of_a(), Health::up) << "one of two nodes may be wrong";
  says(fra2, origin_a, false);
  EXPECT_EQ(health_of_a(), Health::down);
  says(fra3, origin_a, false);
  says("nyc", origin_a, true);
  says("tyo", origin_a, true);
  EXPECT_EQ(health_of_a(), Health::up);
  EXPECT_EQ(a().probers_down, 1);
  EXPECT_EQ(a().probers_up, 2);
}

TEST_F(FoldTest, APopIsAsBusyAsItsBusiestNodeAndSendsWhatAllSend) {
  const auto fra = TargetId::pop("fra");
  fold_.add(
      sample({"fra-1", "fra"}, fra, 0, {{Metric::cpu, 0.9}, {Metric::memory, 0.2}, {Metric::traffic, 0.3}}));
  fold_.add(
      sample({"fra-2", "fra"}, fra, 0, {{Metric::cpu, 0.1}, {Metric::memory, 0.4}, {Metric::traffic, 0.4}}));
  const auto pop = snapshot().pops[0];
  EXPECT_EQ(pop.get(Metric::cpu)->value, 0.9);
  EXPECT_EQ(pop.get(Metric::memory)->value, 0.4);
  EXPECT_NEAR(pop.get(Metric::traffic)->value, 0.7, 1e-9);
  EXPECT_EQ(pop.get(Metric::cpu)->samples, 1);
  EXPECT_EQ(pop.health, Health::unknown) << "no word about oneself, from whichever node";
}

TEST_F(FoldTest, APopGoesOnAsTheNodesThatAreLeft) {
  const auto fra = TargetId::pop("fra");
  fold_.add(sample({"fra-1", "fra"}, fra, 0, {{Metric::cpu, 0.9}}));
  fold_.add(sample({"fra-2", "fra"}, fra, 0, {{Metric::cpu, 0.1}}));
  says("nyc", fra, true, 5);
  EXPECT_EQ(snapshot().pop_nodes[0], (std::vector<std::string>{"fra-1", "fra-2"}));
  fold_.add(sample({"fra-2", "fra"}, fra, 8, {{Metric::cpu, 0.2}}));
  EXPECT_EQ(snapshot(12).pops[0].get(Metric::cpu)->value, 0.2);
  EXPECT_EQ(snapshot(12).pops[0].health, Health::up);
  EXPECT_EQ(snapshot(12).pop_nodes[0], (std::vector<std::string>{"fra-2"}));
  EXPECT_TRUE(snapshot(12).pop_nodes[1].empty()) << "nyc has said nothing of itself";
}

TEST_F(FoldTest, NodesOfOnePopDoNotOverwriteEachOthersRoundTrips) {
  const auto client = TargetId::client(*Prefix::parse("198.51.100.0/24"));
  fold_.add(sample({"fra-1", "fra"}, client, 0, {{Metric::rtt_ms, 10}}));
  fold_.add(sample({"fra-2", "fra"}, client, 1, {{Metric::rtt_ms, 20}}));
  fold_.add(sample({"fra-1", "fra"}, client, 2, {{Metric::rtt_ms, 12}}));
  const auto all = fold_.clients(config_, at(2));
  const auto rtts = all.find(*Prefix::parse("198.51.100.0/24"));
  ASSERT_EQ(rtts.size(), 1U);
  EXPECT_EQ(rtts[0].ms, 16);
  EXPECT_EQ(rtts[0].at, at(2));
}

TEST_F(FoldTest, SaysWhenRoundTripsToClientNetworksHaveChanged) {
  const auto client = TargetId::client(*Prefix::parse("198.51.100.0/24"));
  const uint64_t before = fold_.client_changes();
  measures("fra", Metric::cpu, 0.5);
  fold_.forget_clients(at(1));
  EXPECT_EQ(fold_.client_changes(), before);
  fold_.add(sample("fra", client, 0, {{Metric::rtt_ms, 10}}));
  const uint64_t measured = fold_.client_changes();
  EXPECT_NE(measured, before);
  fold_.forget_clients(at(1));
  EXPECT_EQ(fold_.client_changes(), measured);
  fold_.forget_clients(at(60));
  EXPECT_NE(fold_.client_changes(), measured);
}

TEST_F(FoldTest, ANetworkThatIsNoneIsRefused) {
  fold_.add(sample("fra", {TargetId::Kind::client, "not a network"}, 0, {{Metric::rtt_ms, 80}}));
  EXPECT_EQ(fold_.client_networks(), 0U);
}

TEST_F(FoldTest, TheNumberOfClientNetworksIsBounded) {
  Fold fold(100);
  for (int i = 0; i < 150; ++i) {
    const auto network = TargetId::client(Prefix(IpAddress::v4(10, 0, static_cast<uint8_t>(i), 0), 24));
    fold.add(sample("fra", network, i, {{Metric::rtt_ms, 80}}));
  }
  EXPECT_EQ(fold.client_networks(), 100U);
  fold.forget_clients(at(60));
  EXPECT_EQ(fold.client_networks(), 50U);
}

TEST_F(FoldTest, ForgettingChangesNoSnapshot) {
  Random random(1);
  Fold forgetful;
  for (int i = 0; i < 500; ++i) {
    auto s = sample(config_.pops[random.below(3)].name, random.below(2) ? origin_a : TargetId::pop("fra"),
                    static_cast<double>(random.below(40)), {{Metric::cpu, random.uniform()}});
    s.probe = random.below(2) ? "http" : "load";
    s.ok = s.healthy = random.below(3) > 0;
    fold_.add(s);
    forgetful.add(s);
  }
  forgetful.forget(at(35));
  const auto left = forgetful.snapshot(config_, 3, at(35)), all = snapshot(35);
  EXPECT_EQ(left.origins[0][0].health, all.origins[0][0].health);
  EXPECT_EQ(left.origins[0][0].get(Metric::cpu)->value, all.origins[0][0].get(Metric::cpu)->value);
  EXPECT_EQ(left.pops[0].probers_down, all.pops[0].probers_down);
  forgetful.forget(at(100));
  EXPECT_TRUE(forgetful.samples(at(35)).empty());
}

TEST_F(FoldTest, ItsSamplesMakeTheSameFoldAgain) {
  measures("fra", Metric::http_ms, 10, 0);
  measures("nyc", Metric::http_ms, 30, 1);
  says("fra", origin_a, false, 2);
  says("nyc", TargetId::pop("tyo"), false, 3);
  auto load = sample("tyo", origin_a, 1, {{Metric::cpu, 0.7}, {Metric::memory, 0.4}});
  load.affects_health = false;
  fold_.add(load);
  fold_.add(sample("fra", TargetId::client(*Prefix::parse("2001:db8::/48")), 2, {{Metric::rtt_ms, 14}}));
  Fold again;
  for (const auto& s : fold_.samples(at(4))) again.add(s);
  const auto expected = snapshot(4), seen = again.snapshot(config_, 3, at(4));
  const auto& x = expected.origins[0][0];
  const auto& y = seen.origins[0][0];
  EXPECT_EQ(x.health, y.health);
  EXPECT_EQ(x.health_at, y.health_at);
  EXPECT_EQ(x.probers_down, y.probers_down);
  EXPECT_EQ(x.error, y.error);
  for (size_t metric = 0; metric < model::metric_count; ++metric) {
    ASSERT_EQ(x.values[metric].has_value(), y.values[metric].has_value());
    if (!x.values[metric]) continue;
    EXPECT_EQ(x.values[metric]->value, y.values[metric]->value);
    EXPECT_EQ(x.values[metric]->at, y.values[metric]->at);
    EXPECT_EQ(x.values[metric]->samples, y.values[metric]->samples);
  }
  EXPECT_EQ(seen.pops[2].health, Health::down);
  EXPECT_EQ(again.clients(config_, at(4))[0].values[0].ms, 14);
}

}  // namespace
}  // namespace popnet::cluster
