#include "http/edge/upload.h"

#include <gtest/gtest.h>
#include <malloc.h>

namespace popnet::http {
namespace {

TEST(Upload, HoldsABoundedPartThoughItIsNeverEmpty) {
  Upload upload({Framing::Kind::length, UINT64_MAX});
  const std::string block(64 * 1024, 'x');
  const size_t before = mallinfo2().uordblks;
  uint64_t in = 0, out = 0;
  const auto at = [](uint64_t place) { return static_cast<char>('a' + place / 1000 % 26); };
  while (out < (64 << 20)) {
    while (!upload.full()) {
      std::string data = block;
      for (char& c : data) c = at(in++);
      upload.push(data);
    }
    ASSERT_EQ(upload.data().front(), at(out));
    ASSERT_EQ(upload.data().size(), in - out);
    upload.consume(20'000);
    out += 20'000;
  }
  EXPECT_LT(mallinfo2().uordblks, before + (2 << 20));
}

TEST(Upload, TellsWhenToldTo) {
  Upload upload({Framing::Kind::chunked, 0});
  int told = 0;
  upload.on_data = [&] { ++told; };
  upload.add("a");
  upload.add("bc");
  EXPECT_EQ(told, 0);
  upload.tell();
  upload.end();
  EXPECT_EQ(told, 2);
  EXPECT_EQ(upload.data(), "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n");
}

}  // namespace
}  // namespace popnet::http
