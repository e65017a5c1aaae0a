#include "http/store/store.h"

#include <gtest/gtest.h>

#include <vector>

#include "http/store/play.h"

namespace popnet::http {
namespace {
using namespace play;

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

TEST_F(StoreTest, WhatHasOtherBytesStaysBesideTheNewest) {
  const auto put_part = [&](int number, bool alone = false) {
    meta.number = number;
    auto begun = store.begin(key("/a"), false, never);
    Draft part = draft(1);
    // Stands for a range: what is of the same number has the same bytes.
    if (!alone)
      part.may_stay = [](const Object& newer, const Object& older) {
        return newer.meta<Meta>().number != older.meta<Meta>().number;
      };
    begun.filler.open(part);
    begun.filler.append("x");
    (void)begun.filler.commit();
  };
  const auto numbers = [&] {
    std::vector<int> all;
    (void)store.lookup(key("/a"), [&](const Object& o) {
      all.push_back(o.meta<Meta>().number);
      return false;
    });
    return all;
  };
  put("/a", "other", "gzip");
  for (const int number : {1, 2, 3, 2}) put_part(number);
  EXPECT_EQ(numbers(), (std::vector<int>{2, 3, 1, 42}))
      << "the newest first; of the same bytes the last word counts";
  for (int number = 0; number < 2 * Store::beside_max; ++number) put_part(number);
  EXPECT_EQ(numbers().size(), static_cast<size_t>(Store::beside_max + 2))
      << "bounded; the other variant is no part of it";
  put_part(7, true);
  EXPECT_EQ(numbers(), (std::vector<int>{7, 42})) << "what has all of it replaces them";
}

}  // namespace
}  // namespace popnet::http
