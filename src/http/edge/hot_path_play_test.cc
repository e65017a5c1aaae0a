// What a hit may cost: no allocation.
#include "common/test_allocations.h"
#include "http/edge/play.h"

namespace popnet::http::play {
namespace {

/// A client thread's own allocations do not count; so do those of origins, which a hit never asks.
void expect_no_allocation(Setting setting) {
  if (!POPNET_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer allocates";
  Play play(std::move(setting));
  for (const auto& [path, size] : {std::pair{"/small", 1000}, {"/medium", 100'000}, {"/large", 1'000'000}})
    play.origin().on(path, ok(std::string(static_cast<size_t>(size), 'x'),
                              "Cache-Control: max-age=600\r\nETag: \"1\"\r\n"));
  Browser browser = play.browser();
  std::string host = "www.shop.example";
  const auto ask = [&](const std::string& path, const std::string& fields) {
    return browser.ask("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n").status;
  };
  const auto ask_each = [&] {
    for (const char* path : {"/small", "/medium", "/large"})
      for (const auto& [fields, status] :
           {std::pair{"", 200},
            {"Range: bytes=10-99\r\n", 206},
            {"If-None-Match: \"1\"\r\n", 304},
            {"Accept-Encoding: gzip\r\nUser-Agent: play\r\nCookie: a=b\r\n", 200}})
        EXPECT_EQ(ask(path, fields), status) << path << " " << fields;
  };
  const auto ask_all = [&] {
    for (const std::string& port : {std::string(), ":" + std::to_string(play.address().port)}) {
      host = "www.shop.example" + port;
      ask_each();
    }
  };
  ask_all();
  ask_all();
  const uint64_t before = testing::allocations_elsewhere();
  for (int i = 0; i < 10; ++i) ask_all();
  EXPECT_EQ(testing::allocations_elsewhere() - before, 0U) << "in 240 hits";
  EXPECT_EQ(play.counter("popnet_http_fills_total"), 6);
}

TEST(HotPath, NoHitAllocates) {
  expect_no_allocation({.options = [](Edge::Options& options) { options.threads = 1; }});
}

TEST(HotPath, NoHitAllocatesWithAllThatItTellsOfItself) {
  expect_no_allocation({.site =
                            [](model::Site& site) {
                              site.request_id = true;
                              site.server_timing = true;
                            },
                        .options =
                            [](Edge::Options& options) {
                              options.threads = 1;
                              options.access_log.file = "/dev/null";
                            }});
}

}  // namespace
}  // namespace popnet::http::play
