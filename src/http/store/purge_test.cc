#include "http/store/space.h"

#include <gtest/gtest.h>

#include <thread>

#include "http/store/play.h"

namespace popnet::http {
namespace {
using namespace play;
using namespace std::chrono_literals;

TEST_F(StoreTest, HardPurgeOfAKeyAlsoCatchesTheRunningFill) {
  put("/a", "old", "gzip");
  put("/a", "old", "br");
  auto begun = store.begin(key("/a"), false, never);
  EXPECT_TRUE(store.purge(key("/a"), Purge::hard));
  EXPECT_EQ(find("/a"), nullptr);
  auto after = store.begin(key("/a"), false, never);
  EXPECT_TRUE(after.filler) << "nobody joins a fill from before the purge";
  begun.filler.open(draft(5));
  begun.filler.append("stale");
  EXPECT_EQ(text_of(*begun.fill->object()), "stale") << "who waits for it is still served";
  (void)begun.filler.commit();
  EXPECT_EQ(find("/a"), nullptr);
  after.filler.open(draft(3));
  after.filler.append("new");
  (void)after.filler.commit();
  EXPECT_EQ(text_of(*find("/a")), "new");
  EXPECT_FALSE(store.purge(key("/b"), Purge::hard));
}

TEST_F(StoreTest, SoftPurgeMakesStale) {
  put("/a", "old");
  auto begun = store.begin(key("/b"), false, never);
  EXPECT_TRUE(store.purge(key("/a"), Purge::soft));
  EXPECT_FALSE(store.purge(key("/b"), Purge::soft));
  EXPECT_TRUE(find("/a")->expired_by_purge());
  begun.filler.open(draft(1));
  begun.filler.append("x");
  (void)begun.filler.commit();
  EXPECT_TRUE(find("/b")->expired_by_purge());
  put("/a", "new");
  EXPECT_FALSE(find("/a")->expired_by_purge());
}

TEST_F(StoreTest, PurgeOfASiteIsOneStampAndSparesItsNeighbours) {
  Space& other = store.space("news");
  auto neighbour = store.begin(store.key(other, "/n"), false, never);
  neighbour.filler.open(draft(1));
  neighbour.filler.append("n");
  (void)neighbour.filler.commit();
  for (int i = 0; i < 100; ++i) put("/" + std::to_string(i), "x");
  auto asked = store.begin(key("/asked"), false, never);
  auto open = store.begin(key("/open"), false, never);
  open.filler.open(draft(1));

  store.purge(*space, Purge::hard);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(find("/" + std::to_string(i)), nullptr);
  EXPECT_EQ(find("/open"), nullptr);
  EXPECT_TRUE(store.begin(key("/asked"), false, any).filler) << "nobody joins a fill from before the purge";
  asked.filler.open(draft(1));
  asked.filler.append("x");
  (void)asked.filler.commit();
  open.filler.append("x");
  (void)open.filler.commit();
  EXPECT_EQ(find("/asked"), nullptr);
  EXPECT_EQ(find("/open"), nullptr);
  EXPECT_NE(store.lookup(store.key(other, "/n"), any), nullptr);

  put("/0", "new");
  EXPECT_EQ(text_of(*find("/0")), "new");
  store.purge(*space, Purge::soft);
  EXPECT_TRUE(find("/0")->expired_by_purge());
  put("/0", "newer");
  EXPECT_FALSE(find("/0")->expired_by_purge());
  int visible = 0;
  store.for_each([&](const Object&) { ++visible; });
  EXPECT_EQ(visible, 2);
}

// --- purge by tag and prefix ---

struct PurgeTest : StoreTest {
  /// Stored with these tags.
  void put_tagged(std::string_view name, std::initializer_list<std::string_view> tags,
                  std::optional<uint64_t> length = 1) {
    auto begun = store.begin(key(name), false, never);
    finish(begun, tags, length);
  }
  void finish(Store::Begun& begun, std::initializer_list<std::string_view> tags,
              std::optional<uint64_t> length = 1) {
    const auto hashes = hashes_of(tags);
    Draft tagged = draft(length);
    tagged.tags = hashes;
    begun.filler.open(tagged);
    begun.filler.append("x");
    (void)begun.filler.commit();
  }
  std::vector<uint64_t> hashes_of(std::initializer_list<std::string_view> tags) const {
    std::vector<uint64_t> hashes;
    for (const std::string_view tag : tags) hashes.push_back(space->tag(tag));
    return hashes;
  }
  void purge_tag(std::string_view tag, Purge how = Purge::hard) {
    store.purge_tags(*space, hashes_of({tag}), how);
  }
  void sweep_all() {
    while (store.sweep()) reader.quiescent();
    reader.quiescent();
    epoch.reclaim();
  }
};

TEST_F(PurgeTest, TagTakesWhatHasItAndNothingElse) {
  put_tagged("/1", {"red", "news"});
  put_tagged("/2", {"blue", "news"}, std::nullopt);
  put_tagged("/3", {});
  purge_tag("red");
  EXPECT_EQ(find("/1"), nullptr);
  EXPECT_NE(find("/2"), nullptr);
  purge_tag("news");
  EXPECT_EQ(find("/2"), nullptr) << "the copy in one piece keeps its tags";
  EXPECT_NE(find("/3"), nullptr);
  put_tagged("/1", {"red", "news"});
  EXPECT_NE(find("/1"), nullptr) << "what comes after a purge is new";
  purge_tag("red");
  EXPECT_EQ(find("/1"), nullptr) << "and the same tag purges it again";
}

TEST_F(PurgeTest, TagOfOneSiteIsNoTagOfAnother) {
  Space& other = store.space("news");
  put_tagged("/1", {"red"});
  store.purge_tags(other, std::vector{other.tag("red")}, Purge::hard);
  store.purge_prefix(other, "/", Purge::hard);
  EXPECT_NE(find("/1"), nullptr);
}

TEST_F(PurgeTest, PrefixTakesAllKeysThatBeginSo) {
  for (const char* name : {"/a/1", "/a/2?x", "/ab", "/b"}) put(name, "x");
  store.purge_prefix(*space, "/a/", Purge::hard);
  EXPECT_EQ(find("/a/1"), nullptr);
  EXPECT_EQ(find("/a/2?x"), nullptr);
  EXPECT_NE(find("/ab"), nullptr);
  EXPECT_NE(find("/b"), nullptr);
}

TEST_F(PurgeTest, SoftMakesStaleUntilItIsRenewed) {
  put_tagged("/1", {"red"});
  put_tagged("/2", {"blue"});
  purge_tag("red", Purge::soft);
  ASSERT_NE(find("/1"), nullptr);
  EXPECT_TRUE(find("/1")->expired_by_purge());
  EXPECT_FALSE(find("/2")->expired_by_purge());
  store.purge_prefix(*space, "/2", Purge::soft);
  EXPECT_TRUE(find("/2")->expired_by_purge());
  put_tagged("/1", {"red"});
  EXPECT_FALSE(find("/1")->expired_by_purge());
}

TEST_F(PurgeTest, FillFromBeforeNeverComesBack) {
  auto asked = store.begin(key("/a/1"), false, never);
  auto open = store.begin(key("/b"), false, never);
  const auto red = hashes_of({"red"});
  Draft growing = draft(2);
  growing.tags = red;
  open.filler.open(growing);
  purge_tag("red");
  sweep_all();
  EXPECT_EQ(find("/b"), nullptr) << "while it grows";
  open.filler.append("xx");
  (void)open.filler.commit();
  EXPECT_EQ(find("/b"), nullptr) << "nor when it is complete";
  EXPECT_GT(store.stats().floors, 0U) << "a fill from before it still runs";
  finish(asked, {"red"});
  EXPECT_EQ(find("/a/1"), nullptr) << "the tags were not known yet when it was purged";

  auto by_prefix = store.begin(key("/a/1"), false, never);
  store.purge_prefix(*space, "/a/", Purge::hard);
  EXPECT_TRUE(store.begin(key("/a/1"), false, never).filler) << "nobody joins it any more";
  finish(by_prefix, {});
  EXPECT_EQ(find("/a/1"), nullptr);
}

TEST_F(PurgeTest, ConfirmedByAnAnswerFromBeforeItStaysPurged) {
  for (const Purge how : {Purge::hard, Purge::soft}) {
    put_tagged("/1", {"red"});
    const ObjectRef stored = ObjectRef::share(find("/1"));
    auto begun = store.begin(key("/1"), false, never);
    purge_tag("red", how);
    const auto blue = hashes_of({"blue"});
    Draft renewed = draft(1);
    renewed.tags = blue;  // the 304 says so, and does not know of the purge
    (void)begun.filler.commit_refreshed(stored, renewed);
    const Object* found = find("/1");
    EXPECT_EQ(found != nullptr, how == Purge::soft);
    EXPECT_TRUE(found == nullptr || found->expired_by_purge());
  }
}

TEST_F(PurgeTest, WhoHoldsAnObjectSeesThatItIsPurged) {
  put_tagged("/1", {"red"});
  put_tagged("/2", {});
  const ObjectRef one = ObjectRef::share(find("/1")), two = ObjectRef::share(find("/2"));
  EXPECT_FALSE(one->purged());
  purge_tag("red");
  sweep_all();
  EXPECT_EQ(store.stats().floors, 0U);
  EXPECT_TRUE(one->purged()) << "also when the floor is forgotten";
  store.purge(key("/2"), Purge::hard);
  EXPECT_TRUE(two->purged()) << "by its key too";
}

TEST_F(PurgeTest, SweepFreesWhatWasPurgedAndForgetsFloors) {
  for (int i = 0; i < 5000; ++i) put_tagged("/" + std::to_string(i), {i % 2 ? "odd" : "even"});
  EXPECT_FALSE(store.sweep()) << "nothing to do";
  purge_tag("odd");
  store.purge_prefix(*space, "/4", Purge::soft);
  EXPECT_EQ(store.stats().floors, 2U);
  EXPECT_EQ(store.stats().objects, 5000U);
  sweep_all();
  EXPECT_EQ(store.stats().objects, 2500U);
  EXPECT_EQ(store.stats().held_bytes, 0U);
  EXPECT_EQ(store.stats().floors, 0U);
  EXPECT_EQ(find("/1"), nullptr);
  EXPECT_TRUE(find("/42")->expired_by_purge());
  EXPECT_FALSE(find("/2")->expired_by_purge());
}

TEST_F(PurgeTest, TooManyFloorsBecomeOneOfTheSite) {
  put_tagged("/1", {"red"});
  std::vector<uint64_t> tags;
  for (size_t i = 0; i < Space::floors_max; ++i) tags.push_back(i);
  store.purge_tags(*space, tags, Purge::hard);
  EXPECT_NE(find("/1"), nullptr);
  purge_tag("blue");
  EXPECT_EQ(find("/1"), nullptr) << "rather too much than too little";
  EXPECT_EQ(store.stats().floors, Space::floors_max);
  sweep_all();
  EXPECT_EQ(store.stats().floors, 0U);
}

// Others use what is stored while the list of tags is gone through.
TEST_F(StoreTest, PurgeOfManyTagsSparesNothingThatIsLookedAtMeanwhile) {
  std::vector<uint64_t> tags;
  for (int i = 0; i < 200; ++i) tags.push_back(space->tag("t" + std::to_string(i)));
  Draft tagged = draft(1);
  tagged.tags = std::span(tags).last(1);
  for (int round = 0; round < 300; ++round) {
    auto begun = store.begin(key("/a"), false, never);
    begun.filler.open(tagged);
    begun.filler.append("x");
    (void)begun.filler.commit();
    std::atomic<bool> purging{false}, done{false};
    std::thread user([&] {
      rt::Epoch::Reader user_reader(epoch);
      user_reader.online();
      purging = true;
      while (!done) (void)find("/a");
      user_reader.offline();
    });
    while (!purging) std::this_thread::yield();
    store.purge_tags(*space, tags, Purge::hard);
    done = true;
    user.join();
    ASSERT_EQ(find("/a"), nullptr) << "purge " << round;
  }
}

// Run under the thread sanitizer.
TEST_F(PurgeTest, ReadersAndPurgesRunTogether) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      rt::Epoch::Reader own(epoch);
      while (!stop) {
        own.online();
        for (int i = 0; i < 50; ++i)
          if (const Object* o = store.lookup(key("/" + std::to_string(i)), any)) (void)o->expired_by_purge();
        own.offline();
      }
    });
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 50; ++i) put_tagged("/" + std::to_string(i), {i % 2 ? "odd" : "even"});
    purge_tag("odd", round % 3 == 0 ? Purge::soft : Purge::hard);
    store.purge_prefix(*space, "/4", Purge::hard);
    if (round % 3 != 0) {
      EXPECT_EQ(find("/1"), nullptr);
    }
    EXPECT_EQ(find("/40"), nullptr);
    EXPECT_NE(find("/2"), nullptr);
    sweep_all();
  }
  stop = true;
  for (std::thread& thread : readers) thread.join();
}

}  // namespace
}  // namespace popnet::http
