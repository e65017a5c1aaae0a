#include "node/descriptors.h"

#include <gtest/gtest.h>

namespace popnet::node {
namespace {

model::Node some_node() {
  model::Node node;
  node.dns = node.edge = true;
  node.dns_listen = node.http_listen = {Endpoint{}};
  return node;
}

TEST(Descriptors, PlentyMeansTheFullNumbers) {
  const auto plan = plan_descriptors(1'000'000, some_node(), 4);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->clients, DescriptorPlan::clients_full);
  EXPECT_EQ(plan->dns_tcp_each_thread, DescriptorPlan::dns_tcp_full);
  EXPECT_EQ(plan->admin, DescriptorPlan::admin_full);
}

TEST(Descriptors, OfFewEverybodyGetsSomeAndOriginsAreLeftSome) {
  for (const uint64_t limit : {uint64_t{100}, uint64_t{1024}, uint64_t{65536}}) {
    const auto plan = plan_descriptors(limit, some_node(), 2);
    ASSERT_TRUE(plan.ok()) << limit;
    EXPECT_GE(plan->clients, 1U);
    EXPECT_GE(plan->dns_tcp_each_thread, 1U);
    EXPECT_GE(plan->admin, 1U);
    EXPECT_LT(plan->clients + 2 * plan->dns_tcp_each_thread + plan->admin, limit * 3 / 4) << limit;
  }
}

TEST(Descriptors, WithoutDnsItsShareIsTheClients) {
  model::Node node = some_node();
  const auto with = plan_descriptors(20'000, node, 1);
  node.dns = false;
  const auto without = plan_descriptors(20'000, node, 1);
  ASSERT_TRUE(with.ok() && without.ok());
  EXPECT_GE(without->clients, with->clients + 20'000 / 8 - 100);
}

TEST(Descriptors, TooFewIsAnErrorOfTheMachineThatSaysHowManyItTakes) {
  const auto plan = plan_descriptors(20, some_node(), 1);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, ErrorCode::machine);
  EXPECT_EQ(plan.error().message,
            "this process may have 20 files and sockets open; with 1 threads the node needs at least 56 "
            "(ulimit -n, or "
            "LimitNOFILE= of systemd)");
  EXPECT_TRUE(plan_descriptors(56, some_node(), 1).ok());
}

}  // namespace
}  // namespace popnet::node
