#include "http/store/store.h"

#include <gtest/gtest.h>

#include "http/store/play.h"

namespace popnet::http {
namespace {
using namespace play;

struct SmallStore : StoreTest {
  SmallStore() : StoreTest({1 << 20, 7, 1}) {}
};

TEST_F(SmallStore, EvictionKeepsTheBudgetAndSparesWhatIsAskedFor) {
  const std::string body(10'000, 'x');
  put("/popular", body);
  for (int i = 0; i < 500; ++i) {
    put("/" + std::to_string(i), body);
    ASSERT_NE(find("/popular"), nullptr) << i;
    ASSERT_LE(store.stats().bytes, uint64_t{1} << 20);
    reader.quiescent();
  }
  EXPECT_EQ(find("/0"), nullptr);
  EXPECT_NE(find("/499"), nullptr);
  EXPECT_GT(store.stats().evicted, 390U);
  reader.quiescent();
  epoch.reclaim();
  EXPECT_EQ(store.stats().held_bytes, 0U);
}

TEST_F(SmallStore, EvictedObjectLivesForWhoHoldsItAndIsCountedAsHeld) {
  put("/held", std::string(100'000, 'h'));
  ObjectRef held;
  store.for_each([&](const Object& o) { held = ObjectRef::share(&o); });  // a lookup would mark it as visited
  for (int i = 0; i < 40; ++i) put("/" + std::to_string(i), std::string(100'000, 'x'));
  reader.quiescent();
  epoch.reclaim();
  EXPECT_EQ(store.lookup(key("/held"), [&](const Object& o) { return &o == held.get(); }), nullptr);
  EXPECT_EQ(text_of(*held), std::string(100'000, 'h'));
  EXPECT_GE(store.stats().held_bytes, 100'000U);
}

TEST_F(SmallStore, FillsThatFindNoRoomStopStoring) {
  Space& other = store.space("news");
  std::vector<Store::Begun> running;
  const std::string piece(50'000, 'x');
  for (int i = 0; i < 40; ++i) {
    running.push_back(store.begin(store.key(i % 2 ? *space : other, std::to_string(i)), false, never));
    Draft growing = draft(0);
    growing.length.reset();
    growing.size_max = 1 << 30;
    running.back().filler.open(growing);
  }
  for (int round = 0; round < 10; ++round)
    for (Store::Begun& fill : running) {
      fill.filler.append(piece);
      fill.filler.tell(loop);
      ASSERT_LE(store.stats().bytes, uint64_t{1} << 20);
    }
  EXPECT_TRUE(running.back().filler.passes());
  running.clear();
  reader.quiescent();
  epoch.reclaim();
  EXPECT_EQ(store.stats().bytes, 0U);
  EXPECT_EQ(store.stats().held_bytes, 0U);
  put("/later", piece);
  EXPECT_NE(find("/later"), nullptr) << "there is room again";
}

TEST_F(SmallStore, FillsOfOneSiteTakeHalfOfTheBudget) {
  put("/kept", std::string(300'000, 'x'));
  Space& greedy = store.space("greedy");
  auto begun = store.begin(store.key(greedy, "/a"), false, never);
  Draft growing = draft(0);
  growing.length.reset();
  growing.size_max = 1 << 30;
  begun.filler.open(growing);
  for (int i = 0; i < 30; ++i) begun.filler.append(std::string(50'000, 'x'));
  EXPECT_TRUE(begun.filler.passes());
  EXPECT_NE(find("/kept"), nullptr);
}

TEST_F(SmallStore, PurgedObjectsAreTheFirstToGo) {
  const std::string body(10'000, 'x');
  for (int i = 0; i < 50; ++i) put("/old" + std::to_string(i), body);
  for (int i = 0; i < 50; ++i) (void)find("/old" + std::to_string(i));  // marks do not save them
  store.purge(*space, Purge::hard);
  Space& other = store.space("news");
  for (int i = 0; i < 90; ++i) {
    auto begun = store.begin(store.key(other, std::to_string(i)), false, never);
    begun.filler.open(draft(body.size()));
    begun.filler.append(body);
    (void)begun.filler.commit();
    reader.quiescent();
  }
  for (int i = 0; i < 90; ++i)
    EXPECT_NE(store.lookup(store.key(other, std::to_string(i)), any), nullptr) << i;
}

}  // namespace
}  // namespace popnet::http
