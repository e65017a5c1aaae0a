// The chunked coding, RFC 9112 section 7.1.
#include "http/wire/chunked.h"

#include <gtest/gtest.h>

#include <string>

namespace popnet::http {
namespace {

struct Decoded {
  std::string body;
  std::string trailers;
  std::string left;  // bytes behind the message
  ChunkedReader::State end = ChunkedReader::State::need_more;
  Fault fault = Fault::none;

  bool operator==(const Decoded&) const = default;
};

/// Feeds the bytes in pieces of that size, keeping what the reader does not consume.
Decoded decode(std::string_view bytes, size_t piece, ChunkExtensions extensions) {
  ChunkedReader reader(extensions);
  Decoded out;
  std::string buffer;
  using State = ChunkedReader::State;
  while (!bytes.empty() && out.end == State::need_more) {
    buffer += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      const auto step = reader.next(buffer);
      out.body += step.data;
      out.trailers += step.trailers;
      out.end = step.state == State::data ? State::need_more : step.state;
      out.fault = step.fault;
      buffer.erase(0, step.consumed);
      if (step.state != State::data) break;
    }
  }
  out.left = buffer + std::string(bytes);
  return out;
}

Decoded decode_in_any_split(std::string_view bytes, ChunkExtensions extensions = ChunkExtensions::refuse) {
  const Decoded whole = decode(bytes, bytes.size(), extensions);
  for (size_t piece = 1; piece < bytes.size(); ++piece) {
    Decoded split = decode(bytes, piece, extensions);
    if (whole.end == ChunkedReader::State::error) split.left = whole.left;
    EXPECT_EQ(split, whole) << bytes << " in pieces of " << piece;
  }
  return whole;
}

TEST(ChunkedReader, JoinsChunks) {
  const auto got = decode_in_any_split("4\r\nWiki\r\n00B\r\npedia in \r\n\r\n1\r\n!\r\n0\r\n\r\nGET /");
  EXPECT_EQ(got.body, "Wikipedia in \r\n!");
  EXPECT_EQ(got.end, ChunkedReader::State::done);
  EXPECT_EQ(got.left, "GET /");
}

TEST(ChunkedReader, HandsOutTrailers) {  // section 7.1.2
  const auto got = decode_in_any_split("1\r\na\r\n0\r\nETag: \"x\"\r\nA: b\r\n\r\nrest");
  EXPECT_EQ(got.end, ChunkedReader::State::done);
  EXPECT_EQ(got.trailers, "ETag: \"x\"\r\nA: b\r\n\r\n");
  EXPECT_EQ(got.left, "rest");
}

TEST(ChunkedReader, RefusesOrIgnoresExtensions) {  // section 7.1.1
  for (const char* text : {"1;a\r\nx\r\n0\r\n\r\n", "1 ; a=\"b;c\"\r\nx\r\n0;z\r\n\r\n"}) {
    EXPECT_EQ(decode_in_any_split(text).fault, Fault::bad_chunk) << text;
    EXPECT_EQ(decode_in_any_split(text, ChunkExtensions::ignore).body, "x") << text;
  }
}

TEST(ChunkedReader, RefusesWhatOthersMightReadDifferently) {
  const std::string cases[] = {
      "\r\n",
      "g\r\n",
      "-1\r\n",
      "+1\r\nx\r\n0\r\n\r\n",
      "0x1\r\nx\r\n0\r\n\r\n",
      " 1\r\nx\r\n0\r\n\r\n",
      "1 \r\nx\r\n0\r\n\r\n",
      "1\nx\r\n0\r\n\r\n",
      "1\r\nx\n0\r\n\r\n",
      "1\r\nxy\r\n0\r\n\r\n",
      "1\r\n\r\n0\r\n\r\n",
      "1\r\nx\r\r\n0\r\n\r\n",
      "1\r\r\nx\r\n0\r\n\r\n",
      "1;a\nb\r\nx\r\n0\r\n\r\n",
      std::string("1;a\0\r\nx\r\n0\r\n\r\n", 15),
      "1000000000000000\r\n",
      "ffffffffffffffffff\r\n",
      std::string(2000, '0'),
      "0\r\nA b\r\n\r\n",
      "0\r\n A: b\r\n\r\n",
      "0\r\nA: " + std::string(9000, 'b') + "\r\n\r\n",
  };
  for (const std::string& text : cases) {
    EXPECT_EQ(decode(text, text.size(), ChunkExtensions::ignore).end, ChunkedReader::State::error) << text;
    EXPECT_EQ(decode(text, 1, ChunkExtensions::ignore).end, ChunkedReader::State::error) << text;
  }
}

TEST(ChunkHead, IsReadBack) {
  EXPECT_EQ(ChunkHead(1).text(), "1\r\n");
  EXPECT_EQ(ChunkHead(0x1a2b).text(), "1a2b\r\n");
  EXPECT_EQ(ChunkHead(UINT64_MAX).text(), "ffffffffffffffff\r\n");
  const std::string body(300, 'x');
  const std::string message =
      std::string(ChunkHead(body.size()).text()) + body + std::string(chunk_end) + std::string(last_chunk);
  EXPECT_EQ(decode_in_any_split(message).body, body);
}

}  // namespace
}  // namespace popnet::http
