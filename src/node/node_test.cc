// A node as its owner sees it: it starts, takes configs from all sides at once while it serves, and ends.
#include "node/node.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "rt/test_descriptors.h"

namespace popnet::node {
namespace {

using namespace std::chrono_literals;

std::string sites(const std::string& name) {
  return fmt::format(
      "sites: [{{name: {}, hostnames: [{{name: a.test}}], origins: [{{address: \"127.0.0.1:1\"}}], "
      "probes: [{{kind: tcp, interval: 100ms, timeout: 50ms}}]}}]\n",
      name);
}

Node::Options options(cluster::EmbeddedHub* hub) {
  Node::Options options;
  options.source.file = "test.yaml";
  options.source.text =
      "node: {threads: 1, dns_listen: \"127.0.0.1:0\", http_listen: \"127.0.0.1:0\", admin_listen: "
      "\"127.0.0.1:0\", log_level: error, private_origins: 127.0.0.0/8}\nbus: {kind: nats, follow_config: "
      "true}\n" +
      sites("file");
  options.hub = hub;
  return options;
}

TEST(Node, TakesConfigsFromAllSidesWhileItStartsAndStops) {
  cluster::EmbeddedHub hub(sites("first"));
  cluster::EmbeddedBus other(hub);
  other.subscribe({});
  for (int round = 0; round < 2; ++round) {
    std::thread operator_thread([&] {
      for (int i = 0; i < 10; ++i) EXPECT_TRUE(other.put_config(sites(fmt::format("site{}", i))).ok());
    });
    auto node = Node::start(options(&hub));
    ASSERT_TRUE(node.ok()) << node.error().message;
    std::thread reloader([&] {
      for (int i = 0; i < 5; ++i)
        for (const auto& problem : (*node)->reload())
          EXPECT_NE(problem.severity, config::Problem::Severity::error) << config::to_string(problem);
    });
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ((*node)->snapshot()->config->sites.size(), 1U);
      EXPECT_FALSE((*node)->counters().empty());
    }
    reloader.join();
    EXPECT_GT((*node)->snapshot()->config->generation, 5U);
    (*node)->drain();
    operator_thread.join();
  }
}

TEST(Node, SaysWhyItDoesNotStart) {
  auto wrong = options(nullptr);
  wrong.source.text = "node: {threads: many}\n";
  const auto node = Node::start(std::move(wrong));
  ASSERT_FALSE(node.ok());
  EXPECT_EQ(node.error().code, ErrorCode::invalid);
  EXPECT_NE(node.error().message.find("test.yaml:1:17: node.threads"), std::string::npos)
      << node.error().message;
}

/// Wherever they run out on the way, starting fails and the process goes on.
TEST(Node, WithoutDescriptorsItDoesNotStartAndSaysWhy) {
  if (!rt::testing::can_run_out) GTEST_SKIP() << "the sanitizer needs descriptors";
  bool started = false;
  for (int free = 0; free < 200 && !started; ++free) {
    auto few = options(nullptr);
    few.source.text =
        "node: {threads: 1, dns_listen: \"127.0.0.1:0\", http_listen: \"127.0.0.1:0\", admin_listen: "
        "\"127.0.0.1:0\", log_level: error}\n" +
        sites("few");
    few.descriptors = 100'000;  // the plan shall not see it coming
    const rt::testing::FewDescriptors limit(free);
    const auto node = Node::start(std::move(few));
    started = node.ok();
    if (!started) {
      EXPECT_EQ(node.error().code, ErrorCode::machine) << free << ": " << node.error().message;
    }
  }
  EXPECT_TRUE(started);
}

}  // namespace
}  // namespace popnet::node
