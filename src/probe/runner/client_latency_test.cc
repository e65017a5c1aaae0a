#include "probe/runner/client_latency.h"

#include <gtest/gtest.h>

#include "probe/kinds/api/network_namespace.h"
#include "probe/kinds/api/testing.h"

namespace popnet::probe {
namespace {

using testing::Bench;
using testing::in_own_network;
using testing::set_sysctl;
using namespace std::chrono_literals;

model::ClientLatency options() {
  model::ClientLatency o;
  o.rate_max = 100;
  o.interval = 1h;
  o.timeout = 200ms;
  return o;
}

/// A ClientLatency on a bench, and what came out of it.
class Measuring {
 public:
  explicit Measuring(const model::ClientLatency& o = options()) {
    bench_.on([&] {
      latency_ = std::make_unique<ClientLatency>(
          bench_.loop(), [this](const ClientLatency::Measured& m) { measured_.push_back(m); });
      latency_->configure(o);
    });
  }
  ~Measuring() {
    bench_.on([&] { latency_.reset(); });
  }
  /// Measures and waits until `count` more have ended, well or not.
  std::vector<ClientLatency::Measured> measure(const std::vector<const char*>& resolvers, uint64_t count) {
    std::vector<IpAddress> addresses;
    for (const char* text : resolvers) addresses.push_back(*IpAddress::parse(text));
    const uint64_t before = ended();
    bench_.on([&] { latency_->measure(addresses); });
    for (int i = 0; i < 500 && ended() < before + count; ++i) ::poll(nullptr, 0, 10);
    EXPECT_EQ(ended(), before + count);
    std::vector<ClientLatency::Measured> result;
    bench_.on([&] { result.swap(measured_); });
    return result;
  }
  const ClientLatency::Counts& counts() { return latency_->counts(); }

 private:
  uint64_t ended() { return counts().by_icmp.get() + counts().by_tcp.get() + counts().silent.get(); }
  Bench bench_;
  std::unique_ptr<ClientLatency> latency_;
  std::vector<ClientLatency::Measured> measured_;
};

TEST(ClientLatency, AnEchoMeasuresTheNetworkOfTheResolver) {
  in_own_network([] {
    set_sysctl("net/ipv4/ping_group_range", "0 0");
    Measuring measuring;
    const auto v4 = measuring.measure({"127.1.2.3"}, 1);
    ASSERT_EQ(v4.size(), 1U);
    EXPECT_EQ(v4[0].network.to_string(), "127.1.2.0/24");
    EXPECT_STREQ(v4[0].how, "icmp");
    EXPECT_GT(v4[0].rtt_ms, 0);
    const auto v6 = measuring.measure({"::1"}, 1);
    ASSERT_EQ(v6.size(), 1U);
    EXPECT_EQ(v6[0].network.to_string(), "::/48");
  });
}

TEST(ClientLatency, WithoutLeaveToPingARefusedConnectionIsTheRoundTrip) {
  in_own_network([] {
    Measuring measuring;
    const auto measured = measuring.measure({"127.1.2.3"}, 1);
    ASSERT_EQ(measured.size(), 1U);
    EXPECT_STREQ(measured[0].how, "tcp");
    EXPECT_GT(measured[0].rtt_ms, 0);
    EXPECT_LT(measured[0].rtt_ms, 200);
  });
}

TEST(ClientLatency, SilentEchoesAreFollowedByTcp) {
  in_own_network([] {
    set_sysctl("net/ipv4/ping_group_range", "0 0");
    set_sysctl("net/ipv4/icmp_echo_ignore_all", "1");
    Measuring measuring;
    const auto measured = measuring.measure({"127.1.2.3"}, 1);
    ASSERT_EQ(measured.size(), 1U);
    EXPECT_STREQ(measured[0].how, "tcp");
    EXPECT_LT(measured[0].rtt_ms, 200) << "the wait for the echo is not part of it";
  });
}

TEST(ClientLatency, WhoCannotBeReachedMakesNoSample) {
  in_own_network([] {
    set_sysctl("net/ipv4/ping_group_range", "0 0");
    Measuring measuring;
    EXPECT_TRUE(measuring.measure({"192.0.2.1"}, 1).empty());
    EXPECT_EQ(measuring.counts().silent.get(), 1U);
  });
}

TEST(ClientLatency, ANetworkIsMeasuredOnceHoweverManyOfItAsk) {
  Measuring measuring;
  EXPECT_EQ(measuring.measure({"127.1.2.3", "127.1.2.4", "127.1.2.3", "127.1.3.1"}, 2).size(), 2U);
  EXPECT_TRUE(measuring.measure({"127.1.2.5"}, 0).empty());
  EXPECT_EQ(measuring.counts().started.get(), 2U);
}

TEST(ClientLatency, SwitchedOffItMeasuresNobody) {
  model::ClientLatency off = options();
  off.enabled = false;
  Measuring measuring(off);
  EXPECT_TRUE(measuring.measure({"127.1.2.3"}, 0).empty());
  EXPECT_EQ(measuring.counts().started.get(), 0U);
}

}  // namespace
}  // namespace popnet::probe
