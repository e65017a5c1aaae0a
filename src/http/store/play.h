// For tests: a store, and what is put into it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "http/store/store.h"
#include "rt/loop.h"

namespace popnet::http::play {

struct Meta {
  int number = 0;
};
inline std::span<const std::byte> bytes_of(const Meta& meta) {
  return std::as_bytes(std::span(&meta, 1));
}

inline std::string text_of(const Object& object) {
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

inline constexpr auto any = [](const Object&) { return true; };
inline bool never(const Object&) {
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

}  // namespace popnet::http::play
