#include "probe/kinds/load/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probe/kinds/curl/bench.h"
#include "rt/clock.h"

namespace popnet::probe {
namespace {

using model::Metric;
using testing::CurlBench;
using ::testing::HasSubstr;
using testing::Line;
using testing::ScriptedServer;
using testing::target_at;
using namespace std::chrono_literals;

LoadOptions at_port(uint16_t port) {
  LoadOptions options = load_options().make();
  options.port = port;
  return options;
}

std::optional<double> reading(const Outcome& outcome, Metric metric) {
  for (const model::Reading& r : outcome.readings)
    if (r.metric == metric) return r.value;
  return std::nullopt;
}

std::string http(const std::string& page) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(page.size()) + "\r\n\r\n" + page;
}

std::string error_of(const std::string& answer, const LoadOptions& preset = load_options().make()) {
  const ScriptedServer server(testing::answers(answer));
  LoadOptions options = preset;
  options.port = server.endpoint().port;
  CurlBench bench;
  return bench.run<LoadKind>(target_at(server.endpoint()), options).error;
}

/// Keeps one core busy for a while.
void burn(Duration how_long) {
  const TimePoint end = rt::monotonic_now() + how_long;
  while (rt::monotonic_now() < end) continue;
}

TEST(Load, ScrapesARealNodeExporter) {
  const testing::TempDir dir;
  const Endpoint endpoint{IpAddress::v4(127, 0, 0, 1), testing::free_port()};
  const testing::Daemon exporter({"prometheus-node-exporter", "--web.listen-address=" + endpoint.to_string()},
                                 dir / "log");
  ASSERT_TRUE(exporter.listens(endpoint));
  CurlBench bench;
  const LoadOptions options = at_port(endpoint.port);
  const Outcome first = bench.run<LoadKind>(target_at(endpoint), options);
  ASSERT_TRUE(first.ok) << first.error;
  EXPECT_EQ(reading(first, Metric::cpu), std::nullopt) << "one scrape is no difference";
  ASSERT_TRUE(reading(first, Metric::memory));
  EXPECT_GT(*reading(first, Metric::memory), 0);
  EXPECT_LT(*reading(first, Metric::memory), 1);

  burn(400ms);
  const Outcome second = bench.run<LoadKind>(target_at(endpoint), options);
  ASSERT_TRUE(second.ok) << second.error;
  ASSERT_TRUE(reading(second, Metric::cpu));
  // We burnt one core of those there are; whatever else the machine does comes on top.
  const double burnt = 1.0 / std::thread::hardware_concurrency();
  EXPECT_GT(*reading(second, Metric::cpu), burnt / 2);
  EXPECT_LE(*reading(second, Metric::cpu), 1);
}

TEST(Load, CountersOfAnotherPageAreNotCompared) {
  const auto page = [](int total) {
    return testing::answers(http("node_cpu_seconds_total{mode=\"user\"} " + std::to_string(total) +
                                 "\nnode_memory_MemTotal_bytes 4\nnode_memory_MemAvailable_bytes 1\n"));
  };
  const ScriptedServer one(page(100));
  const ScriptedServer other(page(200));
  CurlBench bench;
  ASSERT_TRUE(bench.run<LoadKind>(target_at(one.endpoint()), at_port(one.endpoint().port)).ok);
  const Outcome outcome = bench.run<LoadKind>(target_at(one.endpoint()), at_port(other.endpoint().port));
  EXPECT_EQ(reading(outcome, Metric::cpu), std::nullopt);
  EXPECT_EQ(reading(outcome, Metric::memory), 0.75);
}

TEST(Load, ReadsJsonByItself) {
  const ScriptedServer server(testing::answers(http(R"( {"cpu": 30, "memory": 60})")));
  LoadOptions options = at_port(server.endpoint().port);
  options.scale = 100;
  CurlBench bench;
  const Outcome outcome = bench.run<LoadKind>(target_at(server.endpoint()), options);
  ASSERT_TRUE(outcome.ok) << outcome.error;
  EXPECT_EQ(reading(outcome, Metric::cpu), 0.3);
  EXPECT_EQ(reading(outcome, Metric::memory), 0.6);
}

TEST(Load, FailuresAreInWords) {
  EXPECT_EQ(error_of("HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nnothing\n"),
            "HTTP 404, expected 200: nothing");
  EXPECT_EQ(error_of("HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html>\n</html"),
            "HTTP 404, expected 200");
  EXPECT_THAT(error_of(http("<html>Welcome to nginx!</html>")), HasSubstr("not prometheus-node-exporter's?"));
  EXPECT_THAT(error_of(http("node_cpu_seconds_total 5\n")), HasSubstr("no node_memory_MemTotal_bytes"));
  EXPECT_EQ(error_of(http(R"({"memory": 0.5})")), "no number at /cpu");
  EXPECT_EQ(error_of(http("{" + std::string(2 << 20, ' '))), "the page is larger than 1MiB");
  EXPECT_EQ(error_of(http("{" + std::string(64 << 10, ' '))), "the JSON page is larger than 64KiB");
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"), "closed in the middle of the answer");
  LoadOptions json = load_options().make();
  json.format = LoadOptions::Format::json;
  EXPECT_EQ(error_of(http("node_cpu_seconds_total 5\n"), json), "the page is not JSON");
  CurlBench bench;
  EXPECT_EQ(
      bench.run<LoadKind>(target_at({IpAddress::v4(127, 0, 0, 1), 80}), at_port(testing::free_port())).error,
      "connection refused");
}

TEST(LoadOptionsTable, WantsSomethingToRead) {
  LoadOptions options = load_options().make();
  EXPECT_TRUE(load_options().check(&options).ok());
  options.cpu = options.memory = "";
  EXPECT_FALSE(load_options().check(&options).ok());
}

}  // namespace
}  // namespace popnet::probe
