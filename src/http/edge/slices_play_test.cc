// Huge objects, fetched and stored in slices (slices.h).
#include "common/text.h"
#include "http/edge/play.h"
#include "http/wire/range.h"

namespace popnet::http::play {
namespace {
using namespace std::chrono_literals;

constexpr uint64_t slice = 64 * 1024;

/// What an object of that version has at that place.
std::string bytes_of(const std::string& version, uint64_t first, uint64_t size) {
  std::string bytes(size, ' ');
  const uint64_t salt = std::hash<std::string>()(version);
  for (uint64_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(((first + i) * 2654435761U ^ salt) >> 7);
  return bytes;
}

/// A file on an origin that answers ranges and conditions as RFC 9110 wants; may be replaced while it is read.
class File {
 public:
  File(uint64_t size, std::string version) : size_(size), version_(std::move(version)) {}

  void replace(std::string version) {
    const std::lock_guard lock(mutex_);
    version_ = std::move(version);
  }
  [[nodiscard]] std::string content(uint64_t first = 0, uint64_t last = UINT64_MAX) const {
    return bytes_of(version_, first, std::min(last, size_ - 1) - first + 1);
  }
  /// Called with the number of each slice that is asked for, before it is answered.
  std::function<void(uint64_t)> on_slice = [](uint64_t) {};
  std::string more_fields = "Surrogate-Key: films\r\n";
  bool has_tag = true;

  void operator()(Asked& asked) {
    std::string version;
    ByteRange range{0, size_ - 1};
    const RangeRequest wanted = parse_range(asked.field("range"), size_);
    if (wanted.kind == RangeRequest::Kind::satisfiable) on_slice(wanted.range.first / slice);
    {
      const std::lock_guard lock(mutex_);
      version = "\"" + version_ + "\"";
      ++asked_;
      if (!asked.field("if-range").empty()) ++conditional_;
    }
    const std::string tag = has_tag ? "ETag: " + version + "\r\n" : "";
    if (asked.field("if-none-match") == version) {
      asked.line.send("HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\n" + tag + "\r\n");
      return;
    }
    const bool same = asked.field("if-range").empty() || asked.field("if-range") == version;
    std::string head = "HTTP/1.1 200 OK\r\n";
    if (same && wanted.kind == RangeRequest::Kind::unsatisfiable) {
      asked.line.send("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nContent-Range: bytes */" +
                      std::to_string(size_) + "\r\n\r\n");
      return;
    }
    if (same && wanted.kind == RangeRequest::Kind::satisfiable) {
      range = wanted.range;
      head = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(range.first) + "-" +
             std::to_string(range.last) + "/" + std::to_string(size_) + "\r\n";
    }
    head += "Cache-Control: max-age=60\r\n" + tag + more_fields +
            "Content-Length: " + std::to_string(range.size()) + "\r\n\r\n";
    asked.line.send(head + bytes_of(version.substr(1, version.size() - 2), range.first, range.size()));
  }
  [[nodiscard]] int asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  [[nodiscard]] int conditional() const {
    const std::lock_guard lock(mutex_);
    return conditional_;
  }

 private:
  const uint64_t size_;
  mutable std::mutex mutex_;
  std::string version_;
  int asked_ = 0, conditional_ = 0;
};

Setting in_slices(int origins = 1) {
  return {.site = [](model::Site& site) { site.cache.slice = slice; }, .origins = origins};
}
void serve(Play& play, const std::string& path, File& file, size_t origin = 0) {
  play.origin(origin).on(path, [&file](Asked& asked) { file(asked); });
}
std::string range(uint64_t first, uint64_t last) {
  return "Range: bytes=" + std::to_string(first) + "-" + std::to_string(last) + "\r\n";
}

TEST(Slices, AWholeIsFetchedSliceBySliceAndStored) {
  Play play(in_slices());
  File file(10 * slice + 100, "v1");
  serve(play, "/film", file);
  for (int i = 0; i < 2; ++i) {
    const Response r = play.get("/film");
    ASSERT_EQ(r.status, 200);
    EXPECT_EQ(r.field("content-length"), std::to_string(10 * slice + 100));
    EXPECT_FALSE(r.has("content-range"));
    EXPECT_FALSE(r.has("surrogate-key"));
    EXPECT_TRUE(r.body == file.content());
    EXPECT_EQ(r.field("cache-status").find("hit") != std::string::npos, i == 1) << r.field("cache-status");
  }
  EXPECT_EQ(file.asked(), 11) << "each slice once";
  EXPECT_EQ(file.conditional(), 10) << "all but the first say of which version they must be";
}

TEST(Slices, ARangeFetchesOnlyTheSlicesThatItTouches) {
  Play play(in_slices());
  File file(10 * slice, "v1");
  serve(play, "/film", file);
  Response r = play.get("/film", range(5 * slice + 10, 6 * slice + 9));
  ASSERT_EQ(r.status, 206);
  EXPECT_EQ(r.field("content-range"), "bytes 327690-393225/655360");
  EXPECT_TRUE(r.body == file.content(5 * slice + 10, 6 * slice + 9));
  EXPECT_EQ(file.asked(), 2);
  r = play.get("/film", range(5 * slice, 5 * slice));
  EXPECT_EQ(r.body.size(), 1U);
  EXPECT_NE(r.field("cache-status").find("hit"), std::string::npos);
  EXPECT_EQ(file.asked(), 2);
  EXPECT_TRUE(play.get("/film").body == file.content());
  EXPECT_EQ(file.asked(), 10) << "the other eight";
}

TEST(Slices, RangesFromTheEndAndBeyondItHeadAndConditions) {
  Play play(in_slices());
  File file(10 * slice, "v1");
  serve(play, "/film", file);
  EXPECT_EQ(play.get("/film", range(20 * slice, 21 * slice)).status, 416) << "nothing is known of it yet";
  EXPECT_TRUE(play.get("/film", "Range: bytes=-10\r\n").body == file.content(10 * slice - 10));
  const Response beyond = play.get("/film", range(10 * slice, 10 * slice));
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.field("content-range"), "bytes */655360");
  EXPECT_EQ(play.get("/film", "If-None-Match: \"v1\"\r\n").status, 304);
  EXPECT_EQ(play.get("/film", range(0, 9) + "If-Range: \"v0\"\r\n").status, 200);
  const int before = file.asked();
  const Response head =
      play.browser().ask("HEAD /film HTTP/1.1\r\nHost: www.shop.example\r\n\r\n", Method::head);
  EXPECT_EQ(head.field("content-length"), "655360");
  EXPECT_EQ(file.asked(), before) << "from the stored head";
}

TEST(Slices, SmallObjectsAreStoredAsAlways) {
  Play play(in_slices());
  File file(1000, "v1");
  serve(play, "/small", file);
  for (int i = 0; i < 2; ++i) {
    const Response r = play.get("/small");
    EXPECT_EQ(r.status, 200);
    EXPECT_FALSE(r.has("content-range"));
    EXPECT_TRUE(r.body == file.content());
  }
  EXPECT_EQ(play.get("/small", range(10, 19)).body, file.content(10, 19));
  EXPECT_EQ(file.asked(), 1);
}

TEST(Slices, AnOriginThatIgnoresRangesIsTakenAtItsWord) {
  Play play(in_slices());
  const std::string body(3 * slice, 'x');
  play.origin().on("/film", ok(body, "Cache-Control: max-age=60\r\nETag: \"1\"\r\n"));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(play.get("/film").body == body);
  EXPECT_EQ(play.origin().count("/film"), 1);
  play.origin().on("/empty", "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(play.get("/empty").status, 416) << "also to the request without Range";
  EXPECT_EQ(play.origin().count("/empty"), 2);
}

TEST(Slices, WithoutAStrongValidatorTheWholeIsFetched) {
  Play play(in_slices());
  File file(3 * slice, "v1");
  file.has_tag = false;
  serve(play, "/film", file);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(play.get("/film").body == file.content());
  EXPECT_EQ(file.asked(), 2) << "a slice, which is of no use, and the whole";
}

TEST(Slices, WhatMayNotBeStoredIsAskedForAsTheUserWantsIt) {
  Play play(in_slices());
  File file(10 * slice, "v1");
  file.more_fields = "Cache-Control: private\r\n";
  serve(play, "/mine", file);
  const Response r = play.get("/mine", range(5 * slice, 5 * slice + 9));
  EXPECT_EQ(r.status, 206);
  EXPECT_EQ(r.body, file.content(5 * slice, 5 * slice + 9));
  EXPECT_EQ(r.field("content-range"), "bytes 327680-327689/655360");
  EXPECT_TRUE(play.get("/mine").body == file.content());
  EXPECT_EQ(file.asked(), 3) << "the second time it is known, and not asked for in slices";
}

TEST(Slices, OfAnotherVersionAreNeverJoined) {
  Play play(in_slices());
  File file(10 * slice, "v1");
  // A megabyte is enough to wait for the client, who reads only when the file has been replaced.
  file.on_slice = [&](uint64_t number) {
    if (number == 6) file.replace("v2");
  };
  serve(play, "/film", file);
  const Response broken = play.get("/film");
  EXPECT_FALSE(broken.complete) << "the length was announced: a shorter answer is a broken one";
  file.on_slice = [](uint64_t) {};
  EXPECT_TRUE(play.get("/film").body == file.content()) << "the next user gets the new version";

  file.replace("v3");
  EXPECT_TRUE(play.edge().purge(of_url("http://www.shop.example/film")).ok());
  EXPECT_TRUE(play.get("/film", range(0, 9)).body == file.content(0, 9));
  file.replace("v4");
  const Response r = play.get("/film", range(5 * slice, 5 * slice + 9));
  EXPECT_EQ(r.status, 206);
  EXPECT_TRUE(r.body == file.content(5 * slice, 5 * slice + 9)) << "nothing was sent yet: it begins anew";
}

TEST(Slices, OriginsWithDifferentVersionsAreAskedForTheRightOne) {
  Play play(in_slices(2));
  File file(10 * slice, "v1"), other(10 * slice, "v2");
  serve(play, "/film", file, 0);
  serve(play, "/film", other, 1);
  for (int i = 0; i < 4; ++i) {
    const Response r = play.get("/film");
    EXPECT_TRUE(r.body == file.content() || r.body == other.content());
    EXPECT_TRUE(play.edge().purge(of_site("shop")).ok());
  }
}

TEST(Slices, ArePurgedTogether) {
  Play play(in_slices());
  File file(4 * slice, "v1");
  serve(play, "/film", file);
  const std::vector<model::PurgeOrder> orders = {of_url("http://www.shop.example/film"),
                                                 of_prefix("http://www.shop.example/fi"),
                                                 of_tags("shop", {"films"}), of_site("shop")};
  int asked = 0;
  for (const model::PurgeOrder& order : orders) {
    EXPECT_TRUE(play.get("/film").body == file.content());
    EXPECT_EQ(file.asked(), asked += 4);
    EXPECT_TRUE(play.edge().purge(order).ok());
  }
  EXPECT_EQ(play.get("/film", range(3 * slice, 3 * slice + 9)).body, file.content(3 * slice, 3 * slice + 9));
  EXPECT_EQ(file.asked(), asked + 1);
  EXPECT_TRUE(Play::eventually([&] { return play.counter("popnet_http_store_objects") <= 2; }))
      << "purged slices lose their memory";
}

TEST(Slices, OneQuestionRefreshesThemAll) {
  Play play(in_slices());
  File file(4 * slice, "v1");
  serve(play, "/film", file);
  EXPECT_TRUE(play.get("/film").body == file.content());
  EXPECT_TRUE(play.edge().purge(of_url("http://www.shop.example/film", {}, true)).ok());
  EXPECT_TRUE(play.get("/film").body == file.content());
  EXPECT_EQ(file.asked(), 5) << "304";
  file.replace("v2");
  EXPECT_TRUE(play.edge().purge(of_url("http://www.shop.example/film", {}, true)).ok());
  EXPECT_TRUE(play.get("/film").body == file.content());
  EXPECT_EQ(file.asked(), 9) << "a new version, slice by slice";
}

TEST(Slices, ManyReadersShareThem) {
  Play play(in_slices());
  File file(20 * slice, "v1");
  Gate gate;
  file.on_slice = [&](uint64_t) { gate.wait(); };
  serve(play, "/film", file);
  std::vector<std::thread> readers;
  std::atomic<int> right{0};
  for (int i = 0; i < 16; ++i)
    readers.emplace_back([&, i] {
      if (i % 2 == 0)
        right += play.get("/film").body == file.content();
      else
        right += play.get("/film", range(i * slice, (i + 2) * slice)).body ==
                 file.content(i * slice, (i + 2) * slice);
    });
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_connections_total") >= 16; }));
  gate.open();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(right, 16);
  EXPECT_EQ(file.asked(), 20);
}

TEST(Slices, AnOriginThatFailsIsAnErrorBeforeTheFirstByteAndACutAfterIt) {
  Play play(in_slices());
  File file(40 * slice, "v1");
  serve(play, "/film", file);
  EXPECT_EQ(play.get("/film", range(0, 0)).status, 206);
  play.origin().on("/film", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(play.get("/film", range(30 * slice, 30 * slice)).status, 502);
  EXPECT_EQ(play.get("/film", range(0, 9)).status, 206) << "what is here is served";
  const Response r = play.get("/film");
  EXPECT_EQ(r.status, 200);
  EXPECT_FALSE(r.complete);
}

TEST(Slices, MemoryIsThatOfTheStoreHoweverLargeTheObject) {
  constexpr uint64_t memory = 4 << 20;
  Play play({.site = [](model::Site& site) { site.cache.slice = 256 * 1024; },
             .options = [](Edge::Options& o) { o.cache_memory = memory; }});
  File file(40 << 20, "v1");
  serve(play, "/film", file);
  std::atomic<bool> done{false};
  double most = 0;
  std::thread watch([&] {
    while (!done) {
      most = std::max(most, play.counter("popnet_http_store_bytes"));
      std::this_thread::sleep_for(1ms);
    }
  });
  EXPECT_TRUE(play.get("/film").body == file.content());
  done = true;
  watch.join();
  EXPECT_LE(most, memory + 512 * 1024);
  EXPECT_GT(most, memory / 2) << "it is used";
  EXPECT_EQ(play.get("/film", range(39 << 20, (39 << 20) + 9)).body, file.content(39 << 20, (39 << 20) + 9));
}

TEST(Slices, MadeUpUrlsCostNoMore) {
  constexpr uint64_t large = 32 << 20;
  Play play({.site = [](model::Site& site) { site.cache.slice = large; },
             .options = [](Edge::Options& o) { o.cache_memory = 256 << 20; }});
  // Of each slice by itself: the origin may still be at one that was given up when it is asked for the next.
  std::atomic<uint64_t> taken[4] = {};
  play.origin().on("", [&](Asked& asked) {
    const ByteRange part = parse_range(asked.field("range"), 4 * large).range;
    std::atomic<uint64_t>& sent = taken[part.first / large];
    asked.line.send(
        "HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"1\"\r\nContent-Range: bytes " +
        std::to_string(part.first) + "-" + std::to_string(part.last) + "/" + std::to_string(4 * large) +
        "\r\nContent-Length: " + std::to_string(large) + "\r\n\r\n");
    const std::string piece(64 * 1024, 'x');
    while (sent < large && asked.line.send(piece)) sent += piece.size();
  });
  const auto settled = [&] { return play.counter("popnet_http_store_fills") == 0; };
  EXPECT_EQ(play.get("/made-up", range(0, 0)).body, "x");
  ASSERT_TRUE(Play::eventually(settled));
  EXPECT_LT(taken[0], large / 2) << "one byte was wanted, by one who has left";
  EXPECT_EQ(play.get("/made-up", range(large, large)).body, "x");
  ASSERT_TRUE(Play::eventually(settled));
  EXPECT_TRUE(Play::eventually([&] { return taken[1] == large; }))
      << "it is not made up: others will want it";
}

}  // namespace
}  // namespace popnet::http::play
