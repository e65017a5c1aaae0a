#include "cluster/embedded/embedded.h"

#include "cluster/api/contract.h"

namespace popnet::cluster::contract {

struct EmbeddedWorld {
  std::atomic<int64_t> now{1};
  EmbeddedHub hub{{}, [this] { return TimePoint(Duration(now)); }};
  std::unique_ptr<Bus> make() { return std::make_unique<EmbeddedBus>(hub); }
  void cut(Bus& node) { static_cast<EmbeddedBus&>(node).cut(); }
  void restore(Bus& node) { static_cast<EmbeddedBus&>(node).restore(); }
  void forget_purges() { now += Duration(Bus::purge_history).count() + 1; }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, BusContract, EmbeddedWorld);

TEST(EmbeddedHub, hands_its_first_config_to_every_node) {
  EmbeddedHub hub("network: {name: seeded}");
  Node node(std::make_unique<EmbeddedBus>(hub));
  EXPECT_TRUE(node.wait_config("network: {name: seeded}"));
}

TEST(EmbeddedHub, forgets_purges_that_are_older_than_the_history) {
  std::atomic<int64_t> now{0};
  EmbeddedHub hub({}, [&] { return TimePoint(Duration(now)); });
  Node ams(std::make_unique<EmbeddedBus>(hub));
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/old", 1))));
  now += Duration(Bus::purge_history).count() + 1;
  ASSERT_TRUE(went_well(ams->purge(purge_of("http://cdn.example/new", 2))));
  Node late(std::make_unique<EmbeddedBus>(hub));
  ASSERT_TRUE(late.wait_purges(1));
  EXPECT_EQ(ids(late.heard().purges), (std::vector<uint64_t>{2}));
}

}  // namespace popnet::cluster::contract
