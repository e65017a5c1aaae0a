#include "probe/runner/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>

#include "probe/kinds/api/attempts.h"
#include "probe/kinds/api/testing.h"
#include "probe/kinds/tcp/tcp.h"

namespace popnet::probe {
namespace {

using model::ProbeSample;
using model::TargetId;
using ::testing::SizeIs;
using namespace std::chrono_literals;

/// The sink: keeps what came, lets tests wait for more.
class Sink {
 public:
  struct Batch {
    std::vector<ProbeSample> samples;
    bool urgent;
  };
  Runner::Sink function() {
    return [this](std::vector<ProbeSample> samples, bool urgent) {
      const std::lock_guard lock(mutex_);
      batches_.push_back({std::move(samples), urgent});
      changed_.notify_all();
    };
  }
  /// Waits at most 10 s until a sample fits.
  std::optional<ProbeSample> wait(const std::function<bool(const ProbeSample&)>& fits) {
    std::unique_lock lock(mutex_);
    std::optional<ProbeSample> found;
    changed_.wait_for(lock, 10s, [&] {
      for (const Batch& batch : batches_)
        for (const ProbeSample& sample : batch.samples)
          if (!found && fits(sample)) found = sample;
      return found.has_value();
    });
    return found;
  }
  bool wait_for_count(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] {
      size_t have = 0;
      for (const Batch& batch : batches_) have += batch.samples.size();
      return have >= count;
    });
  }
  std::vector<Batch> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(batches_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Batch> batches_;
};

/// A kind that answers as it is told.
class FakeKind final : public Kind {
 public:
  /// Nothing: the attempt hangs until it is cancelled.
  using Script = std::function<std::optional<Outcome>(const Target&)>;
  explicit FakeKind(const char* name, Script script) : name_(name), script_(std::move(script)) {}
  [[nodiscard]] const char* name() const override { return name_; }
  std::unique_ptr<Attempt> start(const Context& context, const Target& target, const model::KindOptions&,
                                 Duration, Done done) const override {
    if (auto outcome = script_(target))
      return finish_later(context.loop, std::move(done), std::move(*outcome));
    struct Hanging final : Attempt {
      explicit Hanging(std::atomic<int>& n) : count(n) { ++count; }
      ~Hanging() { --count; }
      std::atomic<int>& count;
    };
    return std::make_unique<Hanging>(hanging);
  }
  static inline std::atomic<int> hanging{0};

 private:
  const char* name_;
  Script script_;
};

Outcome fine() {
  return {.ok = true, .readings = {{model::Metric::http_ms, 5}}};
}
Outcome failed(const std::string& why) {
  return {.error = why};
}

model::ProbeSpec spec(const std::string& kind, Duration interval) {
  model::ProbeSpec s;
  s.kind = kind;
  s.interval = interval;
  s.timeout = 1s;
  s.max_age = 10s;
  s.options = std::make_shared<TcpOptions>();
  return s;
}

/// One POP, one site with an origin each endpoint.
std::shared_ptr<model::Config> config_with(const std::vector<Endpoint>& endpoints,
                                           const model::ProbeSpec& probe) {
  auto config = std::make_shared<model::Config>();
  config->node.pop = "berlin";
  config->node.name = "berlin-2";
  config->pops.resize(1);
  config->pops[0].name = "berlin";
  config->pops[0].addresses = {IpAddress::v4(127, 0, 0, 1)};
  config->network.pop_probes = {spec("host", 1h)};
  config->network.pop_probes[0].affects_health = false;
  config->sites.resize(1);
  config->sites[0].name = "shop";
  for (const Endpoint& endpoint : endpoints) {
    model::Origin origin;
    origin.name = "web" + std::to_string(config->sites[0].origins.size() + 1);
    origin.endpoint = endpoint;
    origin.probes = {probe};
    config->sites[0].origins.push_back(origin);
  }
  return config;
}

std::vector<Endpoint> endpoints(size_t count) {
  std::vector<Endpoint> list;
  for (size_t i = 0; i < count; ++i)
    list.push_back({IpAddress::v4(127, 0, 0, 1), static_cast<uint16_t>(i + 1)});
  return list;
}

/// A runner with the kinds "fake" (as told), "host" (fine) and the real "tcp".
std::unique_ptr<Runner> start_runner(Sink& sink, FakeKind::Script script) {
  Runner::Parts parts;
  parts.kinds = [script = std::move(script)](rt::Loop&) {
    std::vector<std::unique_ptr<Kind>> kinds;
    kinds.push_back(std::make_unique<FakeKind>("fake", script));
    kinds.push_back(std::make_unique<FakeKind>("host", [](const Target&) { return fine(); }));
    kinds.push_back(std::make_unique<TcpKind>());
    return kinds;
  };
  parts.sink = sink.function();
  parts.seed = 7;
  return std::make_unique<Runner>(std::move(parts));
}

bool of(const ProbeSample& sample, const char* target) {
  return sample.target.name == target;
}

TEST(Runner, FirstVerdictsComeWithinASecondHoweverLongTheInterval) {
  Sink sink;
  const auto runner = start_runner(sink, [](const Target&) { return fine(); });
  const TimePoint start = rt::monotonic_now();
  runner->publish(config_with(endpoints(3), spec("fake", 1h)));
  for (const char* target : {"shop/web1", "shop/web2", "shop/web3", "berlin"}) {
    const auto sample = sink.wait([&](const ProbeSample& s) { return of(s, target); });
    ASSERT_TRUE(sample) << target;
    EXPECT_LT(sample->at - start, 2s);
    EXPECT_TRUE(sample->ok && sample->healthy);
    EXPECT_EQ(sample->prober, model::NodeId("berlin-2", "berlin"));
    EXPECT_EQ(sample->max_age, 10s);
    EXPECT_THAT(sample->readings, SizeIs(1));
  }
}

TEST(Runner, ADyingServerIsReportedAtOnceAndItsReturnToo) {
  Sink sink;
  const auto runner = start_runner(sink, {});
  auto server = std::make_unique<testing::ScriptedServer>([](testing::Line& line) { line.until_closed(); });
  const Endpoint endpoint = server->endpoint();
  auto probe = spec("tcp", 50ms);
  probe.rise = 2;
  probe.fall = 3;
  runner->publish(config_with({endpoint}, probe));
  ASSERT_TRUE(sink.wait([](const ProbeSample& s) { return of(s, "shop/web1") && s.ok && s.healthy; }));

  server.reset();
  const auto down = sink.wait([](const ProbeSample& s) { return of(s, "shop/web1") && !s.healthy; });
  ASSERT_TRUE(down);
  EXPECT_EQ(down->error, "connection refused");
  EXPECT_TRUE(down->readings.empty());
  int failures_before = 0;
  for (const auto& batch : sink.take()) {
    bool changes = false;
    for (const ProbeSample& sample : batch.samples) {
      if (of(sample, "shop/web1") && !sample.ok && sample.healthy) ++failures_before;
      changes = changes || (of(sample, "shop/web1") && sample.at == down->at);
    }
    if (changes) {
      EXPECT_TRUE(batch.urgent);
    }
  }
  EXPECT_EQ(failures_before, 2) << "the third in a row is the verdict";

  const auto back = rt::listen_tcp(endpoint);
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(sink.wait([](const ProbeSample& s) { return of(s, "shop/web1") && s.ok && s.healthy; }));
}

TEST(Runner, AFailureIsLookedIntoAtOnceAndARecoveryIsNot) {
  Sink sink;
  std::atomic<bool> good{true};
  const auto runner = start_runner(sink, [&](const Target&) { return good ? fine() : failed("broken"); });
  auto probe = spec("fake", 1s);
  probe.jitter = 0;
  probe.rise = 2;
  probe.fall = 3;
  runner->publish(config_with(endpoints(1), probe));
  const auto next = [&](bool ok, bool healthy) {
    const auto sample = sink.wait(
        [&](const ProbeSample& s) { return of(s, "shop/web1") && s.ok == ok && s.healthy == healthy; });
    EXPECT_TRUE(sample);
    return sample ? sample->at : TimePoint();
  };
  next(true, true);
  good = false;
  const TimePoint first_failure = next(false, true);
  const TimePoint verdict = next(false, false);
  EXPECT_NEAR(to_seconds(verdict - first_failure), 0.5, 0.3)
      << "two more, each after a quarter of the interval";
  sink.take();
  good = true;
  const TimePoint first_success = next(true, false);
  EXPECT_NEAR(to_seconds(next(true, true) - first_success), 1, 0.3);
}

TEST(Runner, SamplesTravelInBatches) {
  Sink sink;
  const auto runner = start_runner(sink, [](const Target&) { return fine(); });
  runner->publish(config_with(endpoints(20), spec("fake", 100ms)));
  ASSERT_TRUE(sink.wait_for_count(100));  // past the first verdicts, which are urgent
  sink.take();
  ASSERT_TRUE(sink.wait_for_count(200));
  const auto batches = sink.take();
  EXPECT_LE(batches.size(), 8U) << "200 samples a second, four batches a second";
  for (const auto& batch : batches) EXPECT_FALSE(batch.urgent);
}

TEST(Runner, AProbeThatOnlyMeasuresIsNeverUrgent) {
  Sink sink;
  const auto runner = start_runner(sink, [](const Target&) { return failed("no such page"); });
  auto probe = spec("fake", 50ms);
  probe.affects_health = false;
  runner->publish(config_with(endpoints(1), probe));
  const auto sample = sink.wait([](const ProbeSample& s) { return of(s, "shop/web1"); });
  ASSERT_TRUE(sample);
  EXPECT_FALSE(sample->affects_health);
  EXPECT_EQ(sample->error, "no such page");
  for (const auto& batch : sink.take()) EXPECT_FALSE(batch.urgent);
}

TEST(Runner, WhatWasOurOwnFaultIsNoVerdict) {
  Sink sink;
  const auto runner = start_runner(
      sink, [](const Target&) { return Outcome{.error = "too many open files", .inconclusive = true}; });
  runner->publish(config_with(endpoints(1), spec("fake", 50ms)));
  ASSERT_TRUE(sink.wait_for_count(5));
  const auto sample = sink.wait([](const ProbeSample& s) { return of(s, "shop/web1"); });
  EXPECT_TRUE(sample->healthy);
  EXPECT_FALSE(sample->affects_health);
  EXPECT_EQ(sample->error, "too many open files");
}

TEST(Runner, AChangeOfConfigKeepsTheStateOfWhatStays) {
  Sink sink;
  std::atomic<bool> good{true};
  const auto runner = start_runner(sink, [&](const Target&) { return good ? fine() : failed("broken"); });
  auto probe = spec("fake", 50ms);
  probe.fall = 1000;
  runner->publish(config_with(endpoints(2), probe));
  ASSERT_TRUE(sink.wait_for_count(10));
  good = false;
  ASSERT_TRUE(sink.wait([](const ProbeSample& s) { return of(s, "shop/web1") && !s.ok; }));

  // The second origin moves, the first stays: only the second starts with nothing known.
  probe.interval = 60ms;
  auto moved = endpoints(3);
  moved.erase(moved.begin() + 1);
  sink.take();
  runner->publish(config_with(moved, probe));
  const auto second = sink.wait([](const ProbeSample& s) { return of(s, "shop/web2") && !s.healthy; });
  ASSERT_TRUE(second);
  const auto first = sink.wait([&](const ProbeSample& s) { return of(s, "shop/web1") && s.at > second->at; });
  ASSERT_TRUE(first);
  EXPECT_TRUE(!first->ok && first->healthy) << "it is not forgotten that it was up";
}

TEST(Runner, WhatTheConfigDropsIsCancelledAndForgotten) {
  Sink sink;
  FakeKind::hanging = 0;
  const auto runner = start_runner(sink, [](const Target&) { return std::nullopt; });
  runner->publish(config_with(endpoints(3), spec("fake", 100ms)));
  for (int i = 0; i < 500 && FakeKind::hanging < 3; ++i) ::poll(nullptr, 0, 10);
  ASSERT_EQ(FakeKind::hanging, 3);
  runner->publish(config_with(endpoints(1), spec("fake", 100ms)));
  for (int i = 0; i < 500 && FakeKind::hanging > 1; ++i) ::poll(nullptr, 0, 10);
  EXPECT_EQ(FakeKind::hanging, 1);
}

TEST(Runner, AttemptsAtOneTimeAreLimitedAndTheOthersWaitTheirTurn) {
  Sink sink;
  FakeKind::hanging = 0;
  constexpr size_t limit = 256;
  std::atomic<bool> hang{true};
  const auto runner = start_runner(sink, [&](const Target& target) -> std::optional<Outcome> {
    if (hang && target.endpoint.port <= limit) return std::nullopt;
    return fine();
  });
  // The first 256 hang; when all have been started, one more must wait until a place is free.
  runner->publish(config_with(endpoints(limit), spec("fake", 100ms)));
  for (int i = 0; i < 500 && FakeKind::hanging < static_cast<int>(limit); ++i) ::poll(nullptr, 0, 10);
  ASSERT_EQ(FakeKind::hanging, static_cast<int>(limit));
  runner->publish(config_with(endpoints(limit + 10), spec("fake", 100ms)));
  ::poll(nullptr, 0, 300);
  EXPECT_EQ(FakeKind::hanging, static_cast<int>(limit));
  for (const auto& batch : sink.take())
    for (const ProbeSample& sample : batch.samples) EXPECT_FALSE(of(sample, "shop/web257"));

  hang = false;
  auto fewer = config_with(endpoints(limit + 10), spec("fake", 100ms));
  fewer->sites[0].origins.erase(fewer->sites[0].origins.begin());
  runner->publish(fewer);
  EXPECT_TRUE(sink.wait([](const ProbeSample& s) { return of(s, "shop/web257"); }));
  EXPECT_TRUE(sink.wait([](const ProbeSample& s) { return of(s, "shop/web266"); }));
}

TEST(Runner, ResolversThatAskAreMeasured) {
  Sink sink;
  const auto runner = start_runner(sink, [](const Target&) { return fine(); });
  auto config = config_with({}, spec("fake", 1h));
  config->network.client_latency.interval = 1h;
  config->network.client_latency.timeout = 500ms;
  config->network.client_latency.max_age = 77s;
  runner->publish(config);
  runner->measure({IpAddress::v4(127, 5, 6, 7), IpAddress::v4(127, 5, 6, 8)});
  const auto sample = sink.wait([](const ProbeSample& s) { return s.target.kind == TargetId::Kind::client; });
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->target.name, "127.5.6.0/24");
  EXPECT_EQ(sample->prober, model::NodeId("berlin-2", "berlin"));
  EXPECT_FALSE(sample->affects_health);
  EXPECT_EQ(sample->max_age, 77s);
  ASSERT_THAT(sample->readings, SizeIs(1));
  EXPECT_EQ(sample->readings[0].metric, model::Metric::rtt_ms);
  EXPECT_GT(sample->readings[0].value, 0);
}

double counter(const Runner& runner, const std::string& name) {
  for (const CounterValue& value : runner.counters())
    if (value.name == name) return value.value;
  return -1;
}

TEST(Runner, AFloodOfResolversIsDroppedAtTheDoor) {
  Sink sink;
  const auto runner = start_runner(sink, [](const Target&) { return fine(); });
  runner->measure(std::vector<IpAddress>(5000, IpAddress::v4(127, 1, 1, 1)));
  EXPECT_EQ(counter(*runner, "popnet_probe_resolvers_dropped_total"), 5000 - 4096);
}

TEST(Runner, StopCancelsWhatRunsAndTheSinkFallsSilent) {
  Sink sink;
  FakeKind::hanging = 0;
  auto runner = start_runner(sink, [](const Target& target) -> std::optional<Outcome> {
    if (target.endpoint.port == 1) return std::nullopt;
    return fine();
  });
  runner->publish(config_with(endpoints(5), spec("fake", 20ms)));
  ASSERT_TRUE(sink.wait_for_count(20));
  EXPECT_GT(counter(*runner, "popnet_probe_attempts_total"), 0);
  runner->stop();
  sink.take();
  runner->publish(config_with(endpoints(9), spec("fake", 20ms)));
  runner->measure({IpAddress::v4(127, 0, 0, 1)});
  runner->stop();
  EXPECT_EQ(FakeKind::hanging, 1) << "its attempt lives until the runner goes";
  runner.reset();
  EXPECT_EQ(FakeKind::hanging, 0);
  EXPECT_TRUE(sink.take().empty());
}

}  // namespace
}  // namespace popnet::probe
