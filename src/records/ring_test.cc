#include "records/ring.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace popnet::records {
namespace {

bool put(Ring& ring, const std::string& text) {
  std::byte* to = ring.reserve(text.size());
  if (to == nullptr) return false;
  std::memcpy(to, text.data(), text.size());
  ring.commit();
  return true;
}

std::vector<std::string> take(Ring& ring) {
  std::vector<std::string> all;
  ring.take([&](std::span<const std::byte> record) {
    all.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
  });
  return all;
}

TEST(Ring, RecordsOfAllSizesComeOutAsTheyWentIn) {
  Ring ring(256);
  for (size_t size = 0; size < 100; ++size) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    ASSERT_TRUE(put(ring, text)) << size;
    ASSERT_TRUE(put(ring, "x"));
    EXPECT_EQ(take(ring), (std::vector<std::string>{text, "x"}));
  }
}

TEST(Ring, WhatFindsNoRoomIsCountedAndLeavesTheRestAlone) {
  Ring ring(64);
  ASSERT_TRUE(put(ring, std::string(20, 'a')));
  EXPECT_FALSE(put(ring, std::string(40, 'b')));
  EXPECT_FALSE(put(ring, std::string(1000, 'c'))) << "larger than the ring";
  EXPECT_EQ(ring.dropped(), 2U);
  EXPECT_EQ(take(ring), (std::vector<std::string>{std::string(20, 'a')}));
}

TEST(Ring, OneThreadWritesWhileAnotherReads) {
  Ring ring(4096);
  constexpr int count = 100'000;
  std::thread writer([&] {
    for (int i = 0; i < count;)
      if (put(ring, std::to_string(i) + std::string(static_cast<size_t>(i % 50), '.'))) ++i;
  });
  int next = 0;
  while (next < count)
    for (const std::string& record : take(ring)) {
      ASSERT_EQ(record, std::to_string(next) + std::string(static_cast<size_t>(next % 50), '.'));
      ++next;
    }
  writer.join();
}

}  // namespace
}  // namespace popnet::records
