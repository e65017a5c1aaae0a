#include "config/load/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/test_load.h"

namespace popnet::config {
namespace {

using namespace std::chrono_literals;

TEST(Load, AnEmptyFileIsAllDefaults) {
  LoadInput input = input_of("");
  input.generation = 7;
  const auto config = config_of(input);
  EXPECT_EQ(config->generation, 7U);
  EXPECT_EQ(config->network.name, "popnet");
  EXPECT_EQ(config->network.ttl, 300s);
  EXPECT_EQ(config->network.client_latency.ipv4_prefix, 24);
  EXPECT_EQ(config->node.admin_listen.to_string(), "127.0.0.1:8500");
  EXPECT_EQ(config->node.cache_memory, uint64_t{256} << 20);
  EXPECT_EQ(config->node.log_level, "info");
  EXPECT_EQ(config->bus.kind, model::BusKind::memory);
}

TEST(Load, RefusesAKindThatHidesAGenericOption) {
  struct Clash : model::KindOptions {
    Duration interval{};
  };
  static const Table<Clash> table("clash", "", {option("interval", &Clash::interval).duration("1s", "2s")});
  const std::vector<KindTable> kinds{kind_table(table)};
  LoadInput input = input_of("");
  input.kinds = kinds;
  EXPECT_THROW((void)load(input), std::logic_error);
}

TEST(Load, NamesWhatWaitsForARestart) {
  const std::string text =
      "node: {threads: 2, http_listen: 127.0.0.1:80, log_level: info}\nbus: {kind: memory}\n";
  const auto running = config_of(text);
  EXPECT_THAT(waiting_for_restart(*running, *config_of(text)), testing::IsEmpty());
  const auto loaded = config_of(
      text, {"node.threads=3", "node.log_level=debug", "node.http_listen.1=127.0.0.1:81", "bus.kind=nats"});
  EXPECT_THAT(waiting_for_restart(*running, *loaded),
              testing::ElementsAre("node.threads", "node.http_listen", "bus.kind"));
}

TEST(ReadFile, SaysWhyNot) {
  EXPECT_EQ(read_file("/nonexistent/popnet.yaml").error().message,
            "/nonexistent/popnet.yaml: cannot be read: No such file or directory");
  EXPECT_EQ(read_file("/nonexistent/popnet.yaml").error().code, ErrorCode::not_found);
  EXPECT_EQ(read_file("/").error().message, "/: cannot be read: Is a directory");
}

}  // namespace
}  // namespace popnet::config
