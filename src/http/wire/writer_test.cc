#include "http/wire/writer.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace popnet::http {
namespace {

TEST(HeadWriter, WritesAResponse) {
  std::array<char, 256> room;
  HeadWriter out(room);
  out.status_line(404);
  out.field(FieldName::content_length, uint64_t{0});
  out.field("X-Own", "a\tb \xc3\xa4");
  out.field(FieldName::via, "1.0 a, ", "1.1 b");
  out.prepared("ETag: \"x\"\r\n");
  out.end();
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out.written(),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX-Own: a\tb \xc3\xa4\r\nVia: 1.0 a, 1.1 "
            "b\r\nETag: \"x\"\r\n\r\n");
}

TEST(HeadWriter, WritesARequestInOriginForm) {
  std::array<char, 256> room;
  RequestHead head;
  const std::string_view text = "GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(parse_request(text, Limits{}, head).complete());
  HeadWriter out(room);
  out.request_line(head.method_text, head.target);
  EXPECT_EQ(out.written(), "GET /?q HTTP/1.1\r\n");
}

TEST(HeadWriter, RefusesWhatWouldBreakOutOfItsLine) {
  const auto writes = [](std::string_view name, std::string_view value) {
    std::array<char, 256> room;
    HeadWriter out(room);
    out.field(name, value);
    out.end();
    return out.ok();
  };
  EXPECT_TRUE(writes("a", "b"));
  EXPECT_FALSE(writes("a", "b\r\nc: d"));
  EXPECT_FALSE(writes("a", "b\nc: d"));
  EXPECT_FALSE(writes("a", "b\r"));
  EXPECT_FALSE(writes("a", std::string_view("\0", 1)));
  EXPECT_FALSE(writes("a", "0123456789abcdef0123456789\x1f"));
  EXPECT_FALSE(writes("a b", "c"));
  EXPECT_FALSE(writes("a:", "c"));
  EXPECT_FALSE(writes("", "c"));

  const auto requests = [](std::string_view method, std::string_view path, std::string_view query) {
    std::array<char, 256> room;
    HeadWriter out(room);
    Target target;
    target.path = path;
    target.query = query;
    target.has_query = true;
    out.request_line(method, target);
    return out.ok();
  };
  EXPECT_TRUE(requests("GET", "/", "x"));
  EXPECT_FALSE(requests("GET /", "/", "x"));
  EXPECT_FALSE(requests("GET", "/ HTTP/1.1", "x"));
  EXPECT_FALSE(requests("GET", "/", "x\r\n"));
  EXPECT_FALSE(requests("GET", "", "x"));
}

TEST(HeadWriter, StaysFailedWhenTheRoomIsTooSmall) {
  std::array<char, 20> room;
  HeadWriter out(room);
  out.status_line(200);
  EXPECT_TRUE(out.ok());
  out.field("a", "bcdef");
  EXPECT_FALSE(out.ok());
  out.end();
  EXPECT_FALSE(out.ok());
}

}  // namespace
}  // namespace popnet::http
