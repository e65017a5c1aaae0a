#include "probe/kinds/icmp/icmp.h"

#include <gtest/gtest.h>

#include "probe/kinds/api/network_namespace.h"
#include "probe/kinds/api/testing.h"

namespace popnet::probe {
namespace {

using testing::Bench;
using namespace std::chrono_literals;

Outcome ping(Bench& bench, const char* address, Duration timeout = 5s) {
  return bench.run(IcmpKind(), testing::target_at({*IpAddress::parse(address), 0}), icmp_options().make(),
                   timeout);
}

TEST(Icmp, TakesTheRoundTripOfAnEcho) {
  testing::in_own_network([] {
    testing::set_sysctl("net/ipv4/ping_group_range", "0 0");
    Bench bench;
    for (const char* address : {"127.0.0.1", "127.9.8.7", "::1"}) {
      const Outcome outcome = ping(bench, address);
      ASSERT_TRUE(outcome.ok) << address << ": " << outcome.error;
      ASSERT_EQ(outcome.readings.size(), 1U);
      EXPECT_EQ(outcome.readings[0].metric, model::Metric::rtt_ms);
      EXPECT_GT(outcome.readings[0].value, 0);
      EXPECT_LT(outcome.readings[0].value, 1000);
    }
  });
}

TEST(Icmp, SilenceEndsAtTheTimeout) {
  testing::in_own_network([] {
    testing::set_sysctl("net/ipv4/ping_group_range", "0 0");
    testing::set_sysctl("net/ipv4/icmp_echo_ignore_all", "1");
    Bench bench;
    EXPECT_EQ(ping(bench, "127.0.0.1", 100ms).error, "no answer within 100ms");
  });
}

TEST(Icmp, AKernelThatRefusesIsNotTheTargetsFault) {
  testing::in_own_network([] {
    Bench bench;  // a new network starts with ping_group_range "1 0": nobody
    const Outcome outcome = ping(bench, "127.0.0.1");
    EXPECT_FALSE(outcome.ok);
    EXPECT_TRUE(outcome.inconclusive);
    EXPECT_NE(outcome.error.find("sysctl net.ipv4.ping_group_range"), std::string::npos) << outcome.error;
  });
}

TEST(Icmp, AMissingRouteIsSaidAtOnce) {
  testing::in_own_network([] {
    testing::set_sysctl("net/ipv4/ping_group_range", "0 0");
    Bench bench;
    EXPECT_EQ(ping(bench, "192.0.2.1").error, "network is unreachable");
  });
}

}  // namespace
}  // namespace popnet::probe
