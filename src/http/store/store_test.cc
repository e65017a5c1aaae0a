#include "http/store/store.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "rt/loop.h"
#include "rt/shards.h"

namespace popnet::http {
namespace {
using namespace std::chrono_literals;

struct Meta {
  int number = 0;
};
std::span<const std::byte> bytes_of(const Meta& meta) {
  return std::as_bytes(std::span(&meta, 1));
}

std::string text_of(const Object& object) {
  std::string text;
  const Body& body = object.body();
  Cursor cursor = *object.cursor();
  while (cursor.position() < body.size()) {
    iovec pieces[3];
    const size_t count = cursor.gather(body.size() - cursor.position(), pieces);
    size_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      text.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
      bytes += pieces[i].iov_len;
    }
    cursor.advance(bytes);
  }
  return text;
}

constexpr auto any = [](const Object&) { return true; };
bool never(const Object&) {
  return false;
}

class StoreTest : public ::testing::Test {
 protected:
  explicit StoreTest(Store::Options options = {16 << 20, 7, 4}) : reader(epoch), store(options, epoch) {
    reader.online();
    space = &store.space("shop");
  }
  ~StoreTest() override { reader.offline(); }

  Key key(std::string_view text) { return store.key(*space, text); }
  Draft draft(std::optional<uint64_t> length, std::string_view variant = {}) {
    return {bytes_of(meta), variant, "HTTP/1.1 200 OK\r\n", length, 8 << 20};
  }
  void put(std::string_view name, std::string_view body, std::string_view variant = {}) {
    auto begun = store.begin(key(name), false, never);
    ASSERT_TRUE(begun.filler);
    begun.filler.open(draft(body.size(), variant));
    begun.filler.append(body);
    (void)begun.filler.commit();
  }
  const Object* find(std::string_view name) { return store.lookup(key(name), any); }

  rt::Epoch epoch;
  rt::Epoch::Reader reader;
  Store store;
  Space* space;
  rt::Loop loop;
  Meta meta{42};
};

TEST_F(StoreTest, WhatWasCommittedIsFoundWithAllItsParts) {
  put("/a", "hello", "gzip");
  const Object* object = find("/a");
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(object->key(), "/a");
  EXPECT_EQ(object->variant(), "gzip");
  EXPECT_EQ(object->head(), "HTTP/1.1 200 OK\r\n");
  EXPECT_EQ(object->meta<Meta>().number, 42);
  EXPECT_EQ(object->body().state(), Body::State::complete);
  EXPECT_EQ(text_of(*object), "hello");
  EXPECT_EQ(object->fill(), nullptr);
  EXPECT_EQ(find("/b"), nullptr);
}

TEST_F(StoreTest, TwoSitesNeverShareAKey) {
  put("/a", "shop");
  Space& other = store.space("news");
  EXPECT_EQ(store.lookup(store.key(other, "/a"), any), nullptr);
  EXPECT_EQ(&store.space("shop"), space);
}

TEST_F(StoreTest, EmptyBody) {
  put("/empty", "");
  ASSERT_NE(find("/empty"), nullptr);
  EXPECT_EQ(text_of(*find("/empty")), "");
}

TEST_F(StoreTest, BodyOfUnknownLengthGrowsThroughManySlabsAndKeepsItsBytes) {
  std::string body;
  for (int i = 0; body.size() < 3'000'000; ++i) body += std::to_string(i) + ",";
  auto begun = store.begin(key("/big"), false, never);
  begun.filler.open(draft(std::nullopt));
  for (size_t at = 0; at < body.size(); at += 10'007)
    begun.filler.append(std::string_view(body).substr(at, 10'007));
  (void)begun.filler.commit();
  EXPECT_EQ(text_of(*find("/big")), body);
}

TEST_F(StoreTest, ShortBodyOfUnknownLengthIsCompactedWhileItsReaderReadsOn) {
  auto begun = store.begin(key("/short"), false, never);
  begun.filler.open(draft(std::nullopt));
  begun.filler.append("hello ");
  const ObjectRef growing = ObjectRef::share(find("/short"));
  begun.filler.append("world");
  (void)begun.filler.commit();
  ASSERT_NE(find("/short"), growing.get());
  EXPECT_LT(find("/short")->charge(), 1024U);
  EXPECT_EQ(find("/short")->meta<Meta>().number, 42);
  EXPECT_EQ(text_of(*find("/short")), "hello world");
  EXPECT_EQ(text_of(*growing), "hello world");
  EXPECT_EQ(growing->body().state(), Body::State::complete);
}

TEST_F(StoreTest, NewerAnswerReplacesTheSameVariantAndStandsBeforeTheOthers) {
  put("/a", "one", "gzip");
  put("/a", "two", "br");
  put("/a", "three", "gzip");
  EXPECT_EQ(store.stats().objects, 2U);
  EXPECT_EQ(text_of(*find("/a")), "three");
  const auto br = [](const Object& o) { return o.variant() == "br"; };
  EXPECT_EQ(text_of(*store.lookup(key("/a"), br)), "two");
}

TEST_F(StoreTest, VariantsUnderOneKeyAreLimited) {
  for (int i = 0; i < 3 * Store::variants_max; ++i) put("/a", "x", "v" + std::to_string(i));
  EXPECT_EQ(store.stats().objects, static_cast<uint64_t>(Store::variants_max));
}

TEST_F(StoreTest, OneFillForAKeyWhateverTheNumberOfAskers) {
  auto first = store.begin(key("/a"), false, never);
  auto second = store.begin(key("/a"), false, never);
  auto third = store.begin(key("/a"), true, never);
  EXPECT_TRUE(first.filler);
  EXPECT_FALSE(second.filler);
  EXPECT_EQ(second.fill.get(), first.fill.get());
  EXPECT_TRUE(third.filler) << "who asks alone does not wait";
  first.filler.open(draft(2));
  auto fourth = store.begin(key("/a"), false, any);
  EXPECT_EQ(fourth.object.get(), first.fill->object().get()) << "an object can be read while it grows";
}

TEST_F(StoreTest, FillsOfOtherVariantsAreNotJoined) {
  auto first = store.begin(key("/a"), false, never, 1);
  auto other = store.begin(key("/a"), false, never, 2);
  EXPECT_TRUE(other.filler);
  EXPECT_EQ(store.begin(key("/a"), false, never, 1).fill.get(), first.fill.get());
  EXPECT_EQ(store.begin(key("/a"), false, never, 2).fill.get(), other.fill.get());
  EXPECT_TRUE(store.begin(key("/a"), false, never).filler) << "who may get any waits for none of them";
}

TEST_F(StoreTest, AbandonedFillLeavesNothingAndTheOldAnswerStays) {
  put("/a", "old");
  auto begun = store.begin(key("/a"), false, never);
  begun.filler.open(draft(10));
  begun.filler.append("half");
  const ObjectRef half = ObjectRef::share(find("/a"));
  (void)begun.filler.abandon();
  EXPECT_EQ(half->body().state(), Body::State::broken);
  EXPECT_EQ(text_of(*find("/a")), "old");
  auto failed = store.begin(key("/b"), false, never);
  (void)failed.filler.abandon();
  EXPECT_EQ(failed.fill->stage(), Fill::Stage::failed);
  EXPECT_EQ(store.stats().fills, 0U);
}

TEST_F(StoreTest, WhatCannotBeSharedIsRememberedUntilSomethingIsStored) {
  const TimePoint now{std::chrono::hours(1)};
  auto begun = store.begin(key("/me"), false, never);
  begun.filler.open_alone(draft(5), NotShared{now + std::chrono::seconds(120), "*"});
  EXPECT_EQ(begun.fill->stage(), Fill::Stage::alone);
  begun.filler.append("mine!");
  EXPECT_EQ(text_of(*begun.fill->object()), "mine!");
  (void)begun.filler.commit();
  EXPECT_EQ(find("/me"), nullptr);
  EXPECT_EQ(store.stats().objects, 0U) << "it takes no room";
  EXPECT_TRUE(store.not_shared(key("/me"), now));
  EXPECT_FALSE(store.not_shared(key("/me"), now + std::chrono::seconds(121)));
  EXPECT_FALSE(store.not_shared(key("/you"), now));
  put("/me", "for all");
  EXPECT_FALSE(store.not_shared(key("/me"), now));
}

TEST_F(StoreTest, WhatCannotBeSharedEndsTheVariantThatItIsAbout) {
  put("/a", "bonjour", "fr");
  put("/a", "hello", "en");
  auto begun = store.begin(key("/a"), true, never);
  begun.filler.open_alone(draft(4), NotShared{TimePoint{std::chrono::seconds(120)}, "en"});
  begun.filler.append("mine");
  (void)begun.filler.commit();
  const auto stored = [&](std::string_view variant) {
    return store.lookup(key("/a"), [&](const Object& o) { return o.variant() == variant; });
  };
  EXPECT_NE(stored("fr"), nullptr);
  EXPECT_EQ(stored("en"), nullptr);
  EXPECT_TRUE(store.not_shared(key("/a"), TimePoint{}));
}

TEST_F(StoreTest, PassingBodyKeepsABoundedWindow) {
  auto begun = store.begin(key("/pass"), true, never);
  begun.filler.open_alone(draft(std::nullopt));
  begun.filler.tell(loop);
  const ObjectRef object = begun.fill->object();
  Cursor cursor = *object->cursor();
  bool room = false;
  uint64_t written = 0;
  const std::string piece(10'000, 'x');
  while (!begun.filler.when_room(loop, [&] {
    room = true;
    loop.stop();
  })) {
    begun.filler.append(piece);
    written += piece.size();
    ASSERT_LT(written, 1'000'000U);
  }
  EXPECT_FALSE(object->cursor()) << "the beginning is not kept";
  cursor.advance(200'000);
  loop.run();
  EXPECT_TRUE(room) << "the writer is called when the reader has made room";
  EXPECT_FALSE(begun.filler.when_room(loop, [] {}));
  (void)begun.filler.commit();
  EXPECT_EQ(find("/pass"), nullptr);
}

TEST_F(StoreTest, BodyThatGrowsTooLargeLeavesTheStoreButReachesItsReaders) {
  auto begun = store.begin(key("/huge"), false, never);
  Draft small = draft(std::nullopt);
  small.size_max = 100'000;
  begun.filler.open(small);
  begun.filler.tell(loop);
  begun.filler.append(std::string(50'000, 'a'));
  const ObjectRef object = ObjectRef::share(find("/huge"));
  Cursor cursor = *object->cursor();
  begun.filler.append(std::string(60'000, 'b'));
  EXPECT_EQ(find("/huge"), nullptr);
  uint64_t seen = 0;
  for (int i = 0; i < 100; ++i) {
    begun.filler.append(std::string(60'000, 'c'));
    const uint64_t fresh = object->body().size() - cursor.position();
    iovec pieces[16];
    ASSERT_GT(cursor.gather(fresh, pieces), 0U);
    cursor.advance(fresh);
    seen += fresh;
  }
  (void)begun.filler.commit();
  EXPECT_EQ(seen, 110'000U + 100 * 60'000U);
  EXPECT_EQ(object->body().size(), seen);
  EXPECT_EQ(store.stats().objects, 0U);
}

TEST(StoreEnd, OutlivesWhatHasGivenItsBodyToItsHeir) {
  rt::Epoch epoch;
  {
    Store store({16 << 20, 7, 4}, epoch);
    const Key key = store.key(store.space("shop"), "/a");
    auto begun = store.begin(key, false, never);
    begun.filler.open({bytes_of(Meta{}), {}, "HTTP/1.1 200 OK\r\n", 5, 5});
    begun.filler.append("hello");
    (void)begun.filler.commit();
    auto again = store.begin(key, false, never);
    (void)again.filler.commit_refreshed(ObjectRef::share(store.lookup(key, any)),
                                        {bytes_of(Meta{}), {}, "", 5, 5});
  }
  EXPECT_EQ(epoch.retired(), 0U) << "or it would be destroyed after its store";
}

TEST_F(StoreTest, NotModifiedGivesANewHeadToTheOldBody) {
  for (const size_t size : {size_t{1000}, size_t{500'000}}) {
    const std::string name = "/" + std::to_string(size), body(size, 'x');
    put(name, body);
    const uint64_t charged = store.stats().bytes;
    for (int round = 0; round < 3; ++round) {
      auto begun = store.begin(key(name), false, never);
      meta.number = round;
      Draft fresh = draft(std::nullopt);
      fresh.head = "HTTP/1.1 200 Fresh\r\n";
      (void)begun.filler.commit_refreshed(ObjectRef::share(find(name)), fresh);
    }
    EXPECT_EQ(find(name)->head(), "HTTP/1.1 200 Fresh\r\n");
    EXPECT_EQ(find(name)->meta<Meta>().number, 2);
    EXPECT_EQ(text_of(*find(name)), body);
    EXPECT_LT(store.stats().bytes, charged + 4000) << "the body is charged once";
    EXPECT_GE(store.stats().bytes, charged);
  }
}

// --- purge ---

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

// --- memory ---

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

// --- waiting ---

struct Follower final : Fill::Listener {
  explicit Follower(FillRef f) : fill(std::move(f)) {}
  void on_progress() override {
    ++calls;
    if (fill->stage() == Fill::Stage::failed) return done();
    if (fill->stage() != Fill::Stage::shared) return;
    const Body& body = fill->object()->body();
    if (!cursor) cursor = fill->object()->cursor();
    const Body::State state = body.state();
    const uint64_t size = body.size();
    while (cursor->position() < size) {
      iovec piece[1];
      cursor->gather(size - cursor->position(), piece);
      text.append(static_cast<const char*>(piece[0].iov_base), piece[0].iov_len);
      cursor->advance(piece[0].iov_len);
    }
    if (state != Body::State::growing) done();
  }
  void done() {
    finished = true;
    leave();
    if (on_done) on_done();
  }
  FillRef fill;
  std::optional<Cursor> cursor;
  std::string text;
  int calls = 0;
  bool finished = false;
  std::function<void()> on_done;
};

TEST_F(StoreTest, ListenersOnTheWritersLoopAreToldAtOnce) {
  auto begun = store.begin(key("/a"), false, never);
  Follower stays(begun.fill), leaves(begun.fill);
  begun.fill->listen(loop, stays);
  begun.fill->listen(loop, leaves);
  EXPECT_EQ(begun.fill->listeners(), 2);
  begun.filler.open(draft(std::nullopt));
  begun.filler.tell(loop);
  leaves.leave();
  EXPECT_EQ(begun.fill->listeners(), 1);
  begun.filler.append("hello");
  begun.filler.tell(loop);
  EXPECT_EQ(stays.text, "hello");
  EXPECT_FALSE(stays.finished);
  begun.filler.commit()->tell(loop);
  EXPECT_TRUE(stays.finished);
  EXPECT_EQ(leaves.calls, 1);
}

TEST_F(StoreTest, ListenerMayDestroyItselfAndOthersWhileTold) {
  auto begun = store.begin(key("/a"), false, never);
  std::deque<std::unique_ptr<Follower>> followers;
  for (int i = 0; i < 4; ++i) {
    followers.push_back(std::make_unique<Follower>(begun.fill));
    begun.fill->listen(loop, *followers.back());
    followers.back()->on_done = [&] { followers.clear(); };
  }
  begun.filler.abandon()->tell(loop);
  EXPECT_TRUE(followers.empty());
  EXPECT_EQ(begun.fill->listeners(), 0);
}

// One thread fills; hundreds of followers on other loops come, go and read; all who stay see every byte.
TEST(StoreThreads, FollowersOnOtherLoopsSeeEveryByteInOrder) {
  rt::Epoch epoch;
  Store store({64 << 20, 1, 8}, epoch);
  Space& space = store.space("shop");
  rt::Shards shards("fill", 3, epoch);
  constexpr int followers_each = 40, rounds = 5;
  std::string body;
  for (int i = 0; body.size() < 400'000; ++i) body += std::to_string(i) + ";";

  for (int round = 0; round < rounds; ++round) {
    const std::string name = "/" + std::to_string(round);
    const Key key = store.key(space, name);
    Filler filler;
    shards.loop(0).post([] {});
    shards.on_each([&](int shard) {
      if (shard != 0) return;
      filler = std::move(store.begin(key, false, never).filler);
    });
    std::vector<std::deque<Follower>> followers(3);
    std::atomic<int> left{2 * followers_each};
    std::mutex mutex;
    std::condition_variable all_done;
    for (int shard = 1; shard < 3; ++shard) {
      shards.loop(shard).post([&, shard] {
        for (int i = 0; i < followers_each; ++i) {
          auto begun = store.begin(key, false, any);
          ASSERT_FALSE(begun.filler);
          auto& f = followers[static_cast<size_t>(shard)].emplace_back(
              begun.fill ? begun.fill : FillRef::share(begun.object->fill()));
          f.on_done = [&] {
            const std::lock_guard lock(mutex);
            if (--left == 0) all_done.notify_one();
          };
          f.fill->listen(shards.loop(shard), f);
          f.on_progress();
        }
      });
    }
    shards.loop(0).post([&] {
      filler.open({bytes_of(Meta{round}), {}, "head", std::nullopt, 1 << 20});
      filler.tell(shards.loop(0));
    });
    for (size_t at = 0; at < body.size(); at += 20'011) {
      shards.loop(0).post([&, at] {
        filler.append(std::string_view(body).substr(at, 20'011));
        filler.tell(shards.loop(0));
      });
    }
    // The end comes when every follower has joined: who comes later would find the finished object and no
    // fill.
    shards.on_each([](int) {});
    shards.loop(0).post([&] { filler.commit()->tell(shards.loop(0)); });
    {
      std::unique_lock lock(mutex);
      ASSERT_TRUE(all_done.wait_for(lock, 20s, [&] { return left == 0; }));
    }
    shards.on_each([&](int shard) {
      for (Follower& f : followers[static_cast<size_t>(shard)]) EXPECT_EQ(f.text, body);
      followers[static_cast<size_t>(shard)].clear();
    });
  }
  shards.stop();
}

// Readers look up, hold and read while writers replace, purge and evict. Every body found is whole and the
// right one.
TEST(StoreThreads, LookupsRaceWithReplacementPurgeAndEviction) {
  rt::Epoch epoch;
  Store store({2 << 20, 1, 4}, epoch);
  Space& space = store.space("shop");
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> found{0};
  constexpr int names = 64;
  const auto body_of = [](int name, uint64_t version) {
    const std::string unit = std::to_string(name) + ":" + std::to_string(version) + " ";
    std::string body;
    while (body.size() < (name % 4 == 0 ? 100'000U : 3'000U)) body += unit;
    return body;
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      rt::Epoch::Reader reader(epoch);
      std::deque<ObjectRef> held;
      for (uint64_t n = static_cast<uint64_t>(t); !stop; ++n) {
        reader.online();
        const int name = static_cast<int>(mix64(n) % names);
        const std::string text = std::to_string(name);
        const Object* o = store.lookup(store.key(space, text), any);
        if (o != nullptr && o->body().state() == Body::State::complete) {
          found.fetch_add(1);
          const auto version = static_cast<uint64_t>(o->meta<Meta>().number);
          ASSERT_EQ(text_of(*o), body_of(name, version));
          held.push_back(ObjectRef::share(o));
        }
        reader.offline();
        if (held.size() > 20) {
          const std::string text_held = text_of(*held.front());
          ASSERT_FALSE(text_held.empty());
          held.pop_front();
        }
      }
    });
  }
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      rt::Epoch::Reader reader(epoch);
      for (int n = 0; n < 1500; ++n) {
        reader.online();
        const int name = static_cast<int>(mix64(static_cast<uint64_t>(n * 2 + t)) % names);
        const std::string text = std::to_string(name);
        const Meta meta{n};
        auto begun = store.begin(store.key(space, text), n % 3 == 0, never);
        if (begun.filler) {
          const std::string body = body_of(name, static_cast<uint64_t>(n));
          begun.filler.open({bytes_of(meta),
                             {},
                             "head",
                             n % 2 == 0 ? std::optional<uint64_t>(body.size()) : std::nullopt,
                             1 << 20});
          begun.filler.append(body);
          if (n % 7 == 0)
            (void)begun.filler.abandon();
          else
            (void)begun.filler.commit();
        }
        if (n % 50 == 0) store.purge(store.key(space, text), Purge::hard);
        if (n % 400 == 399) store.purge(space, Purge::hard);
        reader.offline();
      }
      if (t == 0) stop = found.load() > 0;
      while (!stop) {
        stop = found.load() > 0;
        std::this_thread::yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(store.stats().bytes, uint64_t{2} << 20);
  EXPECT_EQ(store.stats().fills, 0U);
}

}  // namespace
}  // namespace popnet::http
