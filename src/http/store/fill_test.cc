#include "http/store/fill.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "http/store/play.h"
#include "rt/shards.h"

namespace popnet::http {
namespace {
using namespace play;
using namespace std::chrono_literals;

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

TEST_F(StoreTest, WhatCannotBeSharedIsForgottenWhenItOrItsSiteIsPurged) {
  const TimePoint now{std::chrono::hours(1)};
  const NotShared unshared{now + std::chrono::seconds(120), "*"};
  Space& other = store.space("news");
  const auto ask = [&](const Key& asked) {
    auto begun = store.begin(asked, true, never);
    begun.filler.open_alone(draft(0), unshared);
    (void)begun.filler.commit();
  };
  ask(key("/me"));
  (void)store.purge(key("/me"), Purge::hard);
  EXPECT_FALSE(store.not_shared(key("/me"), now));
  for (const Purge how : {Purge::hard, Purge::soft, Purge::hard}) {
    ask(key("/me"));
    ask(store.key(other, "/me"));
    auto before = store.begin(key("/before"), true, never);
    store.purge(*space, how);
    EXPECT_FALSE(store.not_shared(key("/me"), now));
    EXPECT_TRUE(store.not_shared(store.key(other, "/me"), now)) << "another site's stays";
    if (how == Purge::soft) continue;
    before.filler.open_alone(draft(0), unshared);
    EXPECT_FALSE(store.not_shared(key("/before"), now)) << "what was asked before says nothing of now";
  }
  ask(key("/me"));
  EXPECT_TRUE(store.not_shared(key("/me"), now));
}

TEST_F(StoreTest, WhatCannotBeSharedIsForgottenByPurgesOfPrefixesAndOfTagsIfItHasAny) {
  const TimePoint now{std::chrono::hours(1)};
  const uint64_t red = space->tag("red");
  const auto ask = [&](std::string_view name, bool tagged, const std::function<void()>& meanwhile = {}) {
    auto begun = store.begin(key(name), true, never);
    if (meanwhile) meanwhile();
    begun.filler.open_alone(draft(0), NotShared{now + std::chrono::seconds(120), "*", tagged});
    (void)begun.filler.commit();
    return store.not_shared(key(name), now);
  };
  const auto purge_tag = [&] { store.purge_tags(*space, std::span(&red, 1), Purge::hard); };
  EXPECT_TRUE(ask("/plain", false));
  EXPECT_TRUE(ask("/tagged", true));
  purge_tag();
  EXPECT_TRUE(store.not_shared(key("/plain"), now)) << "no tag of it was purged";
  EXPECT_FALSE(store.not_shared(key("/tagged"), now));
  EXPECT_FALSE(ask("/tagged", true, purge_tag)) << "what was asked before says nothing of now";
  EXPECT_TRUE(ask("/tagged", true));
  store.purge_prefix(*space, "/", Purge::soft);
  EXPECT_FALSE(store.not_shared(key("/plain"), now));
  EXPECT_FALSE(store.not_shared(key("/tagged"), now));
  EXPECT_TRUE(ask("/tagged", true));
  (void)store.purge(key("/tagged"), Purge::hard);
  EXPECT_FALSE(store.not_shared(key("/tagged"), now));
}

TEST_F(StoreTest, WhatCannotBeSharedIsRememberedWhileOtherRequestsAreAnswered) {
  const TimePoint now{std::chrono::hours(1)};
  auto begun = store.begin(key("/me"), true, never);
  begun.filler.open_alone(draft(0), NotShared{now + std::chrono::seconds(120), "*"});
  (void)begun.filler.commit();
  auto head = store.begin(key("/me"), true, never);
  Draft of_head = draft(0);
  of_head.ends_marks = false;
  head.filler.open(of_head);
  (void)head.filler.commit();
  EXPECT_TRUE(store.not_shared(key("/me"), now));
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

TEST_F(StoreTest, WhatCameOfABodyThatBreaksOffCanBeKept) {
  for (const size_t came : {size_t{5}, size_t{100'000}, size_t{700'000}}) {
    std::string body(came, 'x');
    for (size_t i = 0; i < came; ++i) body[i] = static_cast<char>('a' + i % 23);
    for (const bool hidden : {false, true}) {
      auto begun = store.begin(key("/a"), false, never);
      begun.filler.open(draft(900'000));
      begun.filler.append(body);
      const ObjectRef whole = begun.fill->object();
      if (hidden) {
        begun.filler.hide();
        EXPECT_EQ(find("/a"), nullptr);
      }
      meta.number = 7;
      const FillRef ended = begun.filler.commit_cut(draft(std::nullopt));
      meta.number = 42;
      EXPECT_EQ(whole->body().state(), Body::State::broken) << "for those who wanted all of it";
      ASSERT_NE(find("/a"), nullptr);
      EXPECT_NE(find("/a"), whole.get());
      EXPECT_EQ(find("/a")->meta<Meta>().number, 7);
      EXPECT_EQ(find("/a")->body().state(), Body::State::complete);
      EXPECT_EQ(text_of(*find("/a")), body);
      EXPECT_GE(store.stats().bytes, came);
      (void)store.purge(key("/a"), Purge::hard);
      EXPECT_EQ(store.stats().bytes, 0U);
    }
  }
}

TEST_F(StoreTest, WhatCameOfABodyIsNotKeptAfterAPurge) {
  for (const bool hidden : {false, true}) {
    for (const bool of_key : {false, true}) {
      auto begun = store.begin(key("/a"), false, never);
      begun.filler.open(draft(900'000));
      begun.filler.append("some");
      if (hidden) begun.filler.hide();
      if (of_key)
        (void)store.purge(key("/a"), Purge::hard);
      else
        store.purge(*space, Purge::hard);
      (void)begun.filler.commit_cut(draft(std::nullopt));
      EXPECT_EQ(find("/a"), nullptr) << hidden << of_key;
      EXPECT_EQ(store.stats().fills, 0U);
    }
    auto begun = store.begin(key("/a"), false, never);
    begun.filler.open(draft(900'000));
    begun.filler.append("some");
    if (hidden) begun.filler.hide();
    (void)store.purge(key("/a"), Purge::soft);
    (void)begun.filler.commit_cut(draft(std::nullopt));
    EXPECT_TRUE(find("/a")->expired_by_purge());
  }
}

TEST_F(StoreTest, WhatIsHiddenDoesNotComeBackBehindWhatIsNewer) {
  for (const bool shared : {true, false}) {
    auto old = store.begin(key("/a"), false, never);
    old.filler.open(draft(900'000));
    old.filler.append("some");
    old.filler.hide();
    auto newer = store.begin(key("/a"), true, never);
    if (shared) {
      newer.filler.open(draft(5));
      newer.filler.append("newer");
      (void)newer.filler.commit();
    } else {
      newer.filler.open_alone(draft(0), NotShared{TimePoint{std::chrono::seconds(120)}, ""});
      (void)newer.filler.commit();
    }
    (void)old.filler.commit_cut(draft(std::nullopt));
    EXPECT_EQ(find("/a") == nullptr ? "" : text_of(*find("/a")), shared ? "newer" : "");
    (void)store.purge(key("/a"), Purge::hard);
    EXPECT_EQ(store.stats().fills, 0U);
  }
}

TEST_F(StoreTest, WhatIsHiddenPassesOnToWhoHasFoundItBefore) {
  auto begun = store.begin(key("/a"), false, never);
  begun.filler.open(draft(900'000));
  begun.filler.append("some");
  const ObjectRef found = ObjectRef::share(find("/a"));
  begun.filler.hide();
  EXPECT_EQ(text_of(*found), "some");
  begun.filler.stop_storing();
  begun.filler.append(" more");
  (void)begun.filler.commit();
  EXPECT_EQ(text_of(*found), "some more");
  EXPECT_EQ(find("/a"), nullptr);
  EXPECT_EQ(store.stats().fills, 0U);
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

// Half of the memory is what may grow.
TEST_F(StoreTest, WhatIsKnownNotToFitPassesOnFromTheBeginning) {
  const uint64_t half = uint64_t{8} << 20;
  const std::string other(200 * 1024, 'x');
  for (int i = 0; i < 75; ++i) put("/" + std::to_string(i), other);
  const uint64_t before = store.stats().objects;
  auto begun = store.begin(key("/large"), false, never);
  begun.filler.open(draft(half + 1));
  EXPECT_TRUE(begun.filler.passes());
  EXPECT_FALSE(begun.fill->stores()) << "nobody is told that it is stored";
  EXPECT_EQ(find("/large"), nullptr);
  begun.filler.append(std::string(half + 1, 'y'));
  (void)begun.filler.commit();
  EXPECT_GE(store.stats().objects + 3, before) << "no more was evicted for it than its first slab takes";
  auto fits = store.begin(key("/fits"), false, never);
  fits.filler.open(draft(half));
  EXPECT_FALSE(fits.filler.passes());
}

// A 304 and a 200 to a HEAD at the same time.
TEST_F(StoreTest, TwoWhoConfirmTheSameObjectDoNotHideItsMemory) {
  const std::string large(300 * 1024, 'x');
  put("/a", large);
  const ObjectRef base = ObjectRef::share(find("/a"));
  auto one = store.begin(key("/a"), true, nullptr), other = store.begin(key("/a"), true, nullptr);
  (void)one.filler.commit_refreshed(base, draft({}));
  EXPECT_GT(store.stats().bytes, large.size());
  (void)other.filler.commit_refreshed(base, draft({}));
  EXPECT_EQ(store.stats().objects, 1U);
  EXPECT_EQ(text_of(*find("/a")), large);
  EXPECT_GT(store.stats().bytes, large.size()) << "it is still here";
  EXPECT_LT(store.stats().bytes, 2 * large.size());
}

// A 304 that may refresh nothing for others.
TEST_F(StoreTest, WhatIsConfirmedForOneAloneLeavesWhatIsStored) {
  for (const auto& [name, body] :
       {std::pair("/short", std::string(10, 'x')), {"/long", std::string(300 * 1024, 'x')}}) {
    put(name, body);
    const Object* stored = find(name);
    const ObjectRef base = ObjectRef::share(stored);
    const uint64_t bytes = store.stats().bytes;
    auto begun = store.begin(key(name), false, nullptr);
    Draft own = draft({});
    own.head = "HTTP/1.1 200 OK\r\nX: own\r\n";
    FillRef fill = begun.filler.commit_confirmed_alone(base, own, std::nullopt);
    EXPECT_EQ(fill->stage(), Fill::Stage::alone);
    EXPECT_FALSE(fill->stores());
    EXPECT_EQ(text_of(*fill->object()), body);
    EXPECT_EQ(fill->object()->head(), own.head);
    EXPECT_EQ(find(name), stored);
    EXPECT_EQ(store.stats().bytes, bytes);
    EXPECT_EQ(store.stats().fills, 0U);
    EXPECT_LT(store.stats().held_bytes, 10'000U) << "a long body is there once";
    begun.fill.reset();
    fill.reset();
    EXPECT_EQ(store.stats().held_bytes, 0U);
    EXPECT_EQ(text_of(*find(name)), body);
  }
}

TEST_F(StoreTest, WhatIsConfirmedForOneAloneMayEndWhatIsStored) {
  const std::string body(300 * 1024, 'x');
  put("/a", body);
  const ObjectRef base = ObjectRef::share(find("/a"));
  auto begun = store.begin(key("/a"), false, nullptr);
  const TimePoint now = TimePoint() + std::chrono::hours(1);
  const NotShared leaves{now + std::chrono::seconds(60), base->variant()};
  const FillRef fill = begun.filler.commit_confirmed_alone(base, draft({}), leaves);
  EXPECT_EQ(text_of(*fill->object()), body);
  EXPECT_EQ(find("/a"), nullptr);
  EXPECT_TRUE(store.not_shared(key("/a"), now));
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
