#include "brain/brain.h"

#include <gtest/gtest.h>

namespace popnet::brain {
namespace {
using namespace std::chrono_literals;

std::shared_ptr<const model::Config> three_pops_one_site() {
  auto config = std::make_shared<model::Config>();
  config->generation = 1;
  for (const char* name : {"ams", "fra", "nyc"}) {
    model::Pop pop;
    pop.name = name;
    pop.addresses = {IpAddress::v4(192, 0, 2, static_cast<uint8_t>(config->pops.size() + 1))};
    config->pops.push_back(pop);
  }
  model::Site site;
  site.name = "shop";
  site.load.http_reference = site.load.ftp_reference = site.load.tcp_reference = 200ms;
  for (const char* name : {"web1", "web2"}) {
    model::Origin origin;
    origin.name = name;
    origin.endpoint = {IpAddress::v4(198, 51, 100, 1), 80};
    site.origins.push_back(origin);
  }
  config->sites.push_back(site);
  return config;
}

model::Report origin_report(const std::string& prober, const std::string& origin, bool up, double cpu,
                            TimePoint at) {
  model::ProbeSample sample;
  sample.prober = prober;
  sample.target = model::TargetId::origin("shop", origin);
  sample.probe = "http";
  sample.ok = sample.healthy = up;
  if (up) sample.readings = {{model::Metric::cpu, cpu}};
  sample.at = at;
  sample.max_age = 10s;
  model::Report report;
  report.author = prober;
  report.samples = {sample};
  return report;
}

const TimePoint start{1000s};

TEST(Brain, AVerdictThatChangesIsUrgentAndReachesTheMap) {
  Brain brain("ams");
  brain.set_config(three_pops_one_site());
  EXPECT_TRUE(brain.add(origin_report("ams", "web1", true, 0.1, start)));
  EXPECT_FALSE(brain.add(origin_report("ams", "web1", true, 0.1, start + 1s)));
  EXPECT_TRUE(brain.tick(start + 1s)->map.sites[0].origins[0].alive);
  EXPECT_TRUE(brain.add(origin_report("ams", "web1", false, 0, start + 2s)));
  const auto snapshot = brain.tick(start + 2s);
  EXPECT_FALSE(snapshot->map.sites[0].origins[0].alive);
  EXPECT_TRUE(snapshot->map.sites[0].origins[1].alive);
  EXPECT_EQ(snapshot->map.generation, 2U);
}

/// Two brains that hear each other once a second, as nodes do, with the same loads.
void run_pair(Brain& a, Brain& b, TimePoint from, Duration length, double load1, double load2) {
  for (TimePoint now = from; now < from + length; now += 250ms) {
    for (Brain* brain : {&a, &b}) {
      brain->add(origin_report("ams", "web1", true, load1, now));
      brain->add(origin_report("ams", "web2", true, load2, now));
    }
    a.tick(now);
    b.tick(now);
    model::Report of_a, of_b;
    of_a.shares = {a.shares()};
    of_b.shares = {b.shares()};
    if (of_a.shares[0].generation > 0) b.add(of_a);
    if (of_b.shares[0].generation > 0) a.add(of_b);
  }
}

double first_share(const routing::Snapshot& snapshot) {
  return snapshot.shares.origins.at(0).share;
}

TEST(Brain, NodesAnswerByTheLeadersShares) {
  Brain leader("ams"), follower("fra");
  leader.set_config(three_pops_one_site());
  follower.set_config(three_pops_one_site());
  run_pair(leader, follower, start, 20s, 0.9, 0.1);
  const double at_leader = first_share(*leader.tick(start + 20s));
  const double at_follower = first_share(*follower.tick(start + 20s));
  EXPECT_LT(at_leader, 0.5) << "load moves shares";
  EXPECT_NEAR(at_leader, at_follower, 0.02);
}

TEST(Brain, AnswersChangeEverywhereWhenTheLeaderTells) {
  Brain leader("ams"), follower("fra");
  leader.set_config(three_pops_one_site());
  follower.set_config(three_pops_one_site());
  run_pair(leader, follower, start, 20s, 0.9, 0.1);
  const auto tell = [&](TimePoint now) {
    for (Brain* brain : {&leader, &follower}) brain->add(origin_report("ams", "web1", true, 0.9, now));
    for (Brain* brain : {&leader, &follower}) brain->add(origin_report("ams", "web2", true, 0.1, now));
    model::Report report;
    report.shares = {leader.tell_shares()};
    EXPECT_TRUE(follower.add(report)) << "its answers depend on it";
  };
  tell(start + 20s);
  const double told = first_share(*leader.tick(start + 20s));
  EXPECT_EQ(first_share(*follower.tick(start + 20s)), told);
  EXPECT_EQ(first_share(*leader.tick(start + 20500ms)), told) << "it has moved on, but nobody knows yet";
  EXPECT_LT(leader.shares().origins.at(0).share, told);
  tell(start + 21s);
  EXPECT_LT(first_share(*leader.tick(start + 21s)), told);
  EXPECT_EQ(first_share(*follower.tick(start + 21s)), first_share(*leader.tick(start + 21s)));
}

TEST(Brain, WhatAFollowerTellsCanWait) {
  Brain leader("ams"), follower("fra");
  leader.set_config(three_pops_one_site());
  follower.set_config(three_pops_one_site());
  run_pair(leader, follower, start, 20s, 0.9, 0.1);
  model::Report report;
  report.shares = {follower.tell_shares()};
  EXPECT_FALSE(leader.add(report));
}

TEST(Brain, ARestartedLeaderGoesOnFromWhatTheOthersSay) {
  Brain leader("ams"), follower("fra");
  leader.set_config(three_pops_one_site());
  follower.set_config(three_pops_one_site());
  run_pair(leader, follower, start, 20s, 0.9, 0.1);
  const double before = first_share(*follower.tick(start + 20s));
  Brain reborn("ams");
  reborn.set_config(three_pops_one_site());
  EXPECT_EQ(reborn.tick(start + 20s)->shares.generation, 0U) << "listens first";
  run_pair(reborn, follower, start + 20s, 1s, 0.9, 0.1);
  EXPECT_NEAR(first_share(*reborn.tick(start + 21s)), before, 0.1);
  EXPECT_NEAR(first_share(*follower.tick(start + 21s)), before, 0.1);
}

TEST(Brain, ANodeAloneStartsAfterListening) {
  Brain brain("ams");
  brain.set_config(three_pops_one_site());
  brain.tick(start);
  EXPECT_EQ(brain.shares().generation, 0U);
  brain.tick(start + listen_time);
  EXPECT_GT(brain.shares().generation, 0U);
}

/// Shares as some node of ours has kept them: all users to the first web server.
model::Shares kept_shares(TimePoint at) {
  model::Shares shares;
  shares.author = "ams";
  shares.generation = 1000;
  shares.at = at;
  shares.origins = {{"shop/web1", 0.98}, {"shop/web2", 0.02}};
  return shares;
}

TEST(Brain, SharesKeptTooLongAgoDoNotSetTheNetworkBack) {
  Brain leader("ams"), follower("fra");
  leader.set_config(three_pops_one_site());
  follower.set_config(three_pops_one_site());
  run_pair(leader, follower, start, 30s, 0.9, 0.1);
  const double before = first_share(*follower.tick(start + 30s));
  ASSERT_LT(before, 0.4);
  Brain reborn("ams");
  reborn.set_config(three_pops_one_site());
  reborn.restore({}, kept_shares(start + 10s), start + 30s);
  EXPECT_EQ(reborn.tick(start + 30s)->shares.generation, 0U) << "it listens before it says anything";
  EXPECT_EQ(reborn.shares().generation, 0U);
  run_pair(reborn, follower, start + 30s, 1s, 0.9, 0.1);
  EXPECT_NEAR(first_share(*reborn.tick(start + 31s)), before, 0.1);
  EXPECT_NEAR(first_share(*follower.tick(start + 31s)), before, 0.1);
}

TEST(Brain, SharesOfAMomentAgoAreGoneOnFrom) {
  Brain reborn("ams");
  reborn.set_config(three_pops_one_site());
  reborn.restore({}, kept_shares(start), start + 1s);
  EXPECT_NEAR(first_share(*reborn.tick(start + 1s)), 0.98, 0.05);
}

TEST(Brain, TheLeaderIsANodeAndAnotherOfItsPopGoesOnWhenItDies) {
  Brain first({"ams-1", "ams"}), second({"ams-2", "ams"}), other("fra");
  for (Brain* brain : {&first, &second, &other}) brain->set_config(three_pops_one_site());
  const auto tell_all = [&](std::vector<Brain*> living, TimePoint now) {
    for (Brain* brain : living) brain->tick(now);
    for (Brain* speaker : living) {
      model::Report report;
      if (speaker->shares().generation > 0) report.shares = {speaker->tell_shares()};
      for (Brain* brain : living)
        if (brain != speaker) brain->add(report);
    }
  };
  TimePoint now = start;
  for (; now < start + 10s; now += 1s) tell_all({&first, &second, &other}, now);
  for (Brain* brain : {&first, &second, &other})
    EXPECT_EQ(brain->tick(now)->shares.author, model::NodeId("ams-1", "ams"));
  for (; now < start + 20s; now += 1s) tell_all({&second, &other}, now);
  for (Brain* brain : {&second, &other})
    EXPECT_EQ(brain->tick(now)->shares.author, model::NodeId("ams-2", "ams"));
}

model::Report round_trip(const std::string& prober, const char* network, double ms, TimePoint at) {
  model::Report report;
  report.author = prober;
  model::ProbeSample sample;
  sample.prober = prober;
  sample.target = model::TargetId::client(*Prefix::parse(network));
  sample.ok = true;
  sample.affects_health = false;
  sample.readings = {{model::Metric::rtt_ms, ms}};
  sample.at = at;
  sample.max_age = 60s;
  report.samples = {sample};
  return report;
}

TEST(Brain, ClientNetworksAreRankedAnewOnlyWhenTheyHaveChanged) {
  auto config = std::make_shared<model::Config>(*three_pops_one_site());
  config->network.client_latency.max_age = 60s;
  Brain brain("ams");
  brain.set_config(config);
  const auto client = *IpAddress::parse("198.51.100.7");
  const auto ranking = [&](TimePoint now) { return brain.tick(now)->map.clients.find(client).ranking; };
  brain.add(round_trip("fra", "198.51.100.0/24", 8, start));
  const auto first = brain.tick(start);
  const auto* const made = first->map.clients.find(client).ranking.data();
  EXPECT_EQ(made->pop, 1);
  for (TimePoint now = start; now < start + 30s; now += 1s) {
    brain.add(origin_report("ams", "web1", true, 0.5, now));
    EXPECT_EQ(ranking(now).data(), made) << "the same table";
  }
  brain.add(round_trip("nyc", "198.51.100.0/24", 4, start + 30s));
  EXPECT_EQ(ranking(start + 31s)[0].pop, 2) << "a change is seen within the interval";
  brain.tick(start + 80s);
  EXPECT_EQ(ranking(start + 82s)[1].source, routing::LatencySource::none) << "fra's has become too old";
  EXPECT_EQ(ranking(start + 120s)[0].source, routing::LatencySource::none);
}

TEST(Brain, WhatWasKeptIsBelievedAgain) {
  Brain before("ams");
  before.set_config(three_pops_one_site());
  before.add(origin_report("ams", "web1", false, 0, start));
  Brain after("ams");
  after.set_config(three_pops_one_site());
  after.restore(before.samples(start + 1s), before.shares(), start + 1s);
  EXPECT_FALSE(after.tick(start + 1s)->map.sites[0].origins[0].alive);
}

}  // namespace
}  // namespace popnet::brain
