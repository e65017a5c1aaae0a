#include "control/api/explanation.h"

#include <gtest/gtest.h>

#include "control/api/testing.h"

namespace popnet::control {
namespace {

using model::Reason;
using routing::Candidate;
using routing::LatencySource;

/// What the sentence says behind the colon.
std::string reason(const Candidate& chosen, Reason why,
                   routing::NamedHost::Kind kind = routing::NamedHost::Kind::site) {
  routing::Explanation e;
  e.host.kind = kind;
  e.host.host.name = "www.shop.example";
  e.client.network = *Prefix::parse("198.51.100.0/24");
  e.decision.reason = why;
  e.decision.count = 1;
  e.candidates = {chosen};
  const std::string said = sentence(e);
  const std::string question = "www.shop.example for 198.51.100.0/24 → ams (127.0.1.1, 2001:db8::1): ";
  EXPECT_EQ(said.substr(0, question.size()), question);
  return said.substr(std::min(said.size(), question.size()));
}

Candidate ams() {
  Candidate candidate;
  candidate.name = "ams";
  candidate.addresses = {"127.0.1.1", "2001:db8::1"};
  return candidate;
}

TEST(Sentence, of_a_pop_gives_its_latency_and_how_it_is_known) {
  Candidate pop = ams();
  pop.latency_ms = 11.6;
  pop.latency_source = LatencySource::measured;
  EXPECT_EQ(reason(pop, Reason::measured), "lowest measured latency, 12 ms");
  EXPECT_EQ(reason(pop, Reason::spilled),
            "a nearer POP is too loaded to take this client; measured latency, 12 ms");
  pop.latency_source = LatencySource::configured;
  pop.latency_ms = 0.84;
  EXPECT_EQ(reason(pop, Reason::configured), "lowest configured latency, 0.8 ms");
  pop.latency_source = LatencySource::distance;
  EXPECT_EQ(reason(pop, Reason::distance), "lowest estimated latency by distance, 0.8 ms");
  pop.latency_source = LatencySource::none;
  EXPECT_EQ(reason(pop, Reason::unplaced), "nothing is known of this client network, so a hash chooses");
}

TEST(Sentence, of_an_origin_gives_its_share_and_load) {
  Candidate origin = ams();
  origin.share = 0.415;
  EXPECT_EQ(reason(origin, Reason::least_load),
            "drawn by the shares that follow load; 42 % of users go there");
  origin.load = 0.2;
  origin.load_known = true;
  EXPECT_EQ(reason(origin, Reason::least_load),
            "drawn by the shares that follow load; 42 % of users go there, its load is 0.20");
  origin.weight = 2;
  EXPECT_EQ(reason(origin, Reason::weighted), "drawn by weight (2)");
}

TEST(Sentence, of_the_other_reasons) {
  EXPECT_EQ(reason(ams(), Reason::failover), "first in order that is alive");
  EXPECT_EQ(reason(ams(), Reason::only_one), "there is no other");
  EXPECT_EQ(reason(ams(), Reason::only_one, routing::NamedHost::Kind::pop), "the name is this POP's own");
  EXPECT_EQ(reason(ams(), Reason::fail_open), "all look dead, so the answer is as if all were alive");
}

}  // namespace
}  // namespace popnet::control
