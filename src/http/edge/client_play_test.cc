// HTTP/1.1 as clients see it: framing, connections, uploads, and clients that misbehave.
#include "http/edge/play.h"

namespace popnet::http::play {
namespace {
using namespace std::chrono_literals;

const Setting proxy_all{.site = [](model::Site& site) {
  site.rules.push_back({"*", model::Action::proxy, {}, {}});
}};

std::string post(const std::string& fields, const std::string& body = {}) {
  return "POST /up HTTP/1.1\r\nHost: www.shop.example\r\n" + fields + "\r\n" + body;
}

TEST(Client, ConnectionStaysOpenUntilSomebodySaysClose) {
  Play play;
  play.origin().on("/a", ok("x"));
  Browser browser = play.browser();
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(browser.ask("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n").keep_alive);
  const Response last = browser.ask("GET /a HTTP/1.1\r\nHost: www.shop.example\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(last.body, "x");
  EXPECT_FALSE(last.keep_alive);
  EXPECT_TRUE(browser.at_end());
}

TEST(Client, Http10IsClosedUnlessItAsksOtherwise) {
  Play play;
  play.origin().on("/a", ok("x"));
  play.origin().on("/c",
                   "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  Browser once = play.browser();
  EXPECT_EQ(once.ask("GET /a HTTP/1.0\r\nHost: www.shop.example\r\n\r\n").body, "x");
  EXPECT_TRUE(once.at_end());
  Browser again = play.browser();
  const std::string keep = " HTTP/1.0\r\nHost: www.shop.example\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(again.ask("GET /a" + keep).field("connection"), "keep-alive");
  EXPECT_EQ(again.ask("GET /a" + keep).body, "x");
  const Response unknown_length = again.ask("GET /c" + keep);
  EXPECT_FALSE(unknown_length.chunked) << "HTTP/1.0 knows no chunks";
  EXPECT_EQ(unknown_length.body, "abc");
}

TEST(Client, HeadThatComesByteByByte) {
  Play play;
  play.origin().on("/a", ok("x"));
  Browser browser = play.browser();
  for (const char c : std::string("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n")) browser.send({&c, 1});
  EXPECT_EQ(browser.read().body, "x");
}

TEST(Client, WhatIsNoRequestIsA400AndTheEnd) {
  Play play;
  for (const char* bad :
       {"GET /a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\nHost : www.shop.example\r\n\r\n",
        "GET /a HTTP/1.1\nHost: www.shop.example\n\n",
        "POST /a HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"}) {
    Browser browser = play.browser();
    const Response r = browser.ask(std::string(bad) + "GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
    EXPECT_EQ(r.status, 400) << bad;
    EXPECT_FALSE(r.keep_alive);
    EXPECT_TRUE(browser.at_end()) << "nothing behind an error is read as a request";
  }
  EXPECT_EQ(play.origin().connections(), 0);
  EXPECT_EQ(play.counter("popnet_http_bad_requests_total"), 5);
}

TEST(Client, LimitsOfHeadAndAddress) {
  Play play;
  EXPECT_EQ(play.browser()
                .ask("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: www.shop.example\r\n\r\n")
                .status,
            414);
  EXPECT_EQ(play.get("/a", "X: " + std::string(40'000, 'a') + "\r\n").status, 431);
}

TEST(Client, BodyIsStreamedToTheOriginWithItsLength) {
  Play play(proxy_all);
  std::string body;
  for (int i = 0; body.size() < 3'000'000; ++i) body += std::to_string(i) + " ";
  play.origin().on("/up", [&](Asked& asked) {
    EXPECT_EQ(asked.field("content-length"), std::to_string(body.size()));
    EXPECT_TRUE(asked.body == body);
    asked.line.send(ok("thanks", ""));
  });
  Browser browser = play.browser();
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(browser.ask(post("Content-Length: " + std::to_string(body.size()) + "\r\n", body)).body,
              "thanks");
}

TEST(Client, ChunkedBodyIsChunkedAnewForTheOrigin) {
  Play play(proxy_all);
  play.origin().on("/up", [&](Asked& asked) {
    EXPECT_EQ(asked.field("transfer-encoding"), "chunked");
    asked.line.send(ok(asked.body, ""));
  });
  Browser browser = play.browser();
  browser.send(post("Transfer-Encoding: chunked\r\n", "5\r\nhel"));
  browser.send("lo\r\n6\r\n wor");
  browser.send("ld\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(browser.read().body, "hello world");
  EXPECT_EQ(browser.ask(post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n")).body, "x");
}

TEST(Client, WhoExpects100IsToldToGoOn) {
  Play play(proxy_all);
  play.origin().on("/up", [&](Asked& asked) { asked.line.send(ok(asked.body, "")); });
  Browser browser = play.browser();
  browser.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n"));
  while (browser.in.find("100 Continue\r\n\r\n") == std::string::npos) ASSERT_TRUE(browser.more());
  browser.send("hello");
  EXPECT_EQ(browser.read().body, "hello");
}

TEST(Client, BrokenChunksNeverReachTheOriginAsABody) {
  std::atomic<int> whole{0};
  Play play(proxy_all);
  play.origin().on("/up", [&](Asked&) { ++whole; });
  Browser browser = play.browser();
  Response refused = browser.ask(post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\nzz\r\n"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_FALSE(refused.keep_alive);
  browser.half_close();
  EXPECT_TRUE(browser.at_end());
  Browser later = play.browser();  // the bad chunk comes when the origin has the request already
  play.origin().on("/later", [&](Asked&) { ++whole; });
  later.send(
      "POST /later HTTP/1.1\r\nHost: www.shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  ASSERT_TRUE(Play::eventually([&] { return play.origin().count("/later") == 1; }));
  refused = later.ask("zz\r\n");
  EXPECT_EQ(refused.status, 400);
  Browser leaver = play.browser();
  play.origin().on("/half", [&](Asked&) { ++whole; });
  leaver.send("PUT /half HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 100\r\n\r\nhalf");
  ASSERT_TRUE(Play::eventually([&] { return play.origin().count("/half") == 1; }));
  leaver.reset();
  ASSERT_TRUE(Play::eventually([&] { return play.edge().totals().connections == 0; }));
  EXPECT_EQ(whole, 0);
}

TEST(Client, AnswerBeforeTheBodyIsOverEndsTheConnection) {
  Play play({.site = [](model::Site& site) { site.rules.push_back({"*", model::Action::deny, {}, {}}); }});
  Browser browser = play.browser();
  const Response r = browser.ask(post("Content-Length: 100000\r\n", "start"));
  EXPECT_EQ(r.status, 403);
  EXPECT_FALSE(r.keep_alive) << "what follows is the rest of the body, not a request";
  browser.half_close();
  EXPECT_TRUE(browser.at_end());
}

TEST(Client, SlowHeadIsNotWaitedForForever) {
  Play play({.options = [](Edge::Options& o) { o.timeouts.head = 50ms; }});
  Browser browser = play.browser();
  browser.send("GET /a HTTP/1.1\r\nHost: www");
  EXPECT_TRUE(browser.at_end());
  EXPECT_EQ(play.counter("popnet_http_slow_clients_total"), 1);
}

TEST(Client, IdleConnectionIsClosedAfterItsTime) {
  Play play({.options = [](Edge::Options& o) { o.timeouts.keep_alive = 50ms; }});
  play.origin().on("/a", ok("x"));
  Browser browser = play.browser();
  EXPECT_EQ(browser.ask("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n").body, "x");
  EXPECT_TRUE(browser.at_end());
  EXPECT_EQ(play.counter("popnet_http_slow_clients_total"), 0);
}

TEST(Client, WhoDoesNotReadIsDroppedAndHoldsUpNobody) {
  Play play({.site = [](model::Site& site) { site.cache.object_size_max = 64 << 20; },
             .options = [](Edge::Options& o) { o.timeouts.progress = 500ms; }});
  const std::string body(20'000'000, 'x');
  play.origin().on("/big", ok(body));
  Browser lazy = play.browser();
  lazy.send("GET /big HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  EXPECT_EQ(play.get("/big").body.size(), body.size());
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_slow_clients_total") == 1; }));
  EXPECT_EQ(play.origin().count("/big"), 1);
}

TEST(Client, WhoReadsSlowlyIsServedToTheEnd) {
  Play play({.site = [](model::Site& site) { site.cache.object_size_max = 64 << 20; },
             .options = [](Edge::Options& o) { o.timeouts.progress = 500ms; }});
  const std::string body(20'000'000, 'x');
  play.origin().on("/big", ok(body));
  Browser slow = play.browser();
  slow.send("GET /big HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  // Until all that the kernel holds is gone, nothing more is asked of the edge: much longer than the
  // deadline.
  while (slow.in.size() < 3'000'000) {
    ASSERT_TRUE(slow.more());
    std::this_thread::sleep_for(25ms);
  }
  EXPECT_EQ(slow.read().body.size(), body.size());
  EXPECT_EQ(play.counter("popnet_http_slow_clients_total"), 0);
}

TEST(Client, SlowUploaderIsDropped) {
  Play play({.site = proxy_all.site, .options = [](Edge::Options& o) { o.timeouts.progress = 50ms; }});
  Browser browser = play.browser();
  browser.send(post("Content-Length: 1000000\r\n", "x"));
  EXPECT_TRUE(browser.at_end());
  EXPECT_EQ(play.counter("popnet_http_slow_clients_total"), 1);
}

TEST(Client, PassedBodyOfASlowReaderIsNotPiledUp) {
  std::atomic<uint64_t> sent{0};
  const std::string piece(64 * 1024, 'x');
  Play play(proxy_all);
  play.origin().on("/endless", [&](Asked& asked) {
    asked.line.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    while (asked.line.send(piece)) sent += piece.size();
  });
  Browser browser = play.browser();
  browser.send("GET /endless HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  ASSERT_TRUE(browser.more());
  // Both ends' socket buffers and the window fill up; then nothing moves until the reader reads.
  uint64_t before = 0;
  ASSERT_TRUE(Play::eventually([&] {
    std::this_thread::sleep_for(20ms);
    return std::exchange(before, sent.load()) == sent.load() && before > 0;
  }));
  EXPECT_LT(before, 64U << 20);
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(browser.more());
  browser.reset();
  EXPECT_TRUE(Play::eventually([&] { return play.counter("popnet_http_origin_in_flight") == 0; }))
      << "when the only reader has gone, the origin is let go";
  EXPECT_LT(sent.load(), 500'000'000U);
}

constexpr const char* get_a = "GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n";

void three_at_most(Edge::Options& options) {
  options.limits.connections_max = 3;
  options.threads = 1;
}

TEST(Client, IdleConnectionsMakeRoomForNewOnes) {
  Play play({.options = three_at_most});
  play.origin().on("/a", ok("x"));
  std::list<Browser> browsers;
  for (int i = 0; i < 5; ++i) {
    browsers.emplace_back(play.address());
    EXPECT_EQ(browsers.back().ask(get_a).body, "x");
  }
  EXPECT_TRUE(browsers.front().at_end()) << "idle for the longest";
  EXPECT_EQ(browsers.back().ask(get_a).body, "x");
  EXPECT_EQ(play.counter("popnet_http_connections_evicted_total"), 2);
  EXPECT_EQ(play.counter("popnet_http_connections_refused_total"), 0);
}

TEST(Client, TooManyConnectionsAreClosedAtOnceWhereNoneIsIdle) {
  Play play({.options = three_at_most});
  Gate gate;
  play.origin().on("/a", [&](Asked& asked) {
    gate.wait();
    asked.line.send(ok("x"));
  });
  std::list<Browser> browsers;
  for (int i = 0; i < 3; ++i) browsers.emplace_back(play.address()).send(get_a);
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_store_waiting") == 3; }));
  EXPECT_TRUE(play.browser().at_end());
  EXPECT_EQ(play.counter("popnet_http_connections_refused_total"), 1);
  gate.open();
  for (Browser& browser : browsers) EXPECT_EQ(browser.read().body, "x");
}

TEST(Client, WhoLeavesWhileHeWaitsIsNotWaitedFor) {
  Play play;
  Gate gate;
  play.origin().on("/a", [&](Asked& asked) {
    gate.wait();
    asked.line.send(ok("x", "Cache-Control: max-age=600\r\n"));
  });
  Browser leaver = play.browser(), stays = play.browser();
  leaver.send(get_a);
  stays.send(get_a);
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_store_waiting") == 2; }));
  leaver.half_close();
  EXPECT_TRUE(leaver.at_end()) << "after the second in which he could have had an answer";
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_store_waiting") == 1; }));
  gate.open();
  EXPECT_EQ(stays.read().body, "x");
  EXPECT_EQ(play.origin().count("/a"), 1);
}

TEST(Client, WhoClosesHisSideRightBehindARequestIsAnswered) {
  Play play;
  play.origin().on("/a", ok("stored", "Cache-Control: max-age=600\r\n"));
  play.origin().on("/b", ok("passed", "Cache-Control: no-store\r\n"));
  play.origin().on("/put", ok("taken"));
  for (const auto& [request, body] :
       {std::pair{std::string(get_a), "stored"},
        {"GET /b HTTP/1.1\r\nHost: www.shop.example\r\n\r\n", "passed"},
        {"PUT /put HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 3\r\n\r\nnew", "taken"}}) {
    Browser browser = play.browser();
    browser.send(request);
    browser.half_close();
    EXPECT_EQ(browser.read().body, body);
    EXPECT_TRUE(browser.at_end());
  }
}

TEST(Client, WhoHasAskedForAllHeWantsStillGetsIt) {
  Play play;
  const std::string large(3'000'000, 'x');
  play.origin().on("/a", ok("x", "Cache-Control: max-age=600\r\n"));
  play.origin().on("/large", ok(large, "Cache-Control: max-age=600\r\n"));
  EXPECT_EQ(play.get("/a").body, "x");
  EXPECT_EQ(play.get("/large").body, large);
  Browser browser = play.browser();
  browser.send(std::string(get_a) + get_a + "GET /large HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  browser.half_close();
  EXPECT_EQ(browser.read().body, "x");
  EXPECT_EQ(browser.read().body, "x");
  EXPECT_EQ(browser.read().body, large);
  EXPECT_TRUE(browser.at_end());
}

TEST(Client, MethodsThatAreNotForUs) {
  Play play;
  EXPECT_EQ(play.browser().ask("TRACE /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n").status, 405);
  const Response options = play.browser().ask("OPTIONS * HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  EXPECT_EQ(options.status, 204);
  EXPECT_TRUE(options.has("allow"));
  EXPECT_EQ(
      play.browser().ask("GET https://www.shop.example/ HTTP/1.1\r\nHost: www.shop.example\r\n\r\n").status,
      421);
}

TEST(Drain, RunningAnswersEndAndIdleConnectionsClose) {
  Gate gate;
  // One thread: the end of the idle connection says that it drains.
  Play play({.options = [](Edge::Options& o) { o.threads = 1; }});
  play.origin().on("/slow", [&](Asked& asked) {
    gate.wait();
    asked.line.send(ok("done"));
  });
  Browser idle = play.browser(), busy = play.browser();
  EXPECT_EQ(idle.ask("GET /.well-known/popnet/health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  busy.send("GET /slow HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  ASSERT_TRUE(Play::eventually([&] { return play.origin().count("/slow") == 1; }));
  std::thread drainer([&] { play.edge().drain(20s); });
  EXPECT_TRUE(idle.at_end());
  gate.open();
  const Response r = busy.read();
  EXPECT_EQ(r.body, "done");
  EXPECT_FALSE(r.keep_alive);
  drainer.join();
  EXPECT_EQ(play.edge().totals().connections, 0U);
}

TEST(Drain, StopEndsEverythingEvenFillsInTheMiddle) {
  Gate gate;
  {
    Play play;
    play.origin().on("/slow", [&](Asked& asked) {
      asked.line.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nCache-Control: max-age=60\r\n\r\nhalf");
      gate.wait();
    });
    std::list<Browser> users;
    for (int i = 0; i < 10; ++i) {
      users.emplace_back(play.address());
      users.back().send("GET /slow HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
    }
    for (Browser& user : users) ASSERT_TRUE(user.more());
    play.edge().stop();
    for (Browser& user : users) EXPECT_FALSE(user.read().complete);
    gate.open();
  }
}

TEST(Start, PortInUseIsSaidInPlainWords) {
  Play play;
  rt::Epoch epoch;
  Edge::Options options;
  options.listen = {play.address()};
  const auto second =
      Edge::start(options, epoch, Play::snapshot(std::make_shared<model::Config>(play.config())));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::machine);
}

}  // namespace
}  // namespace popnet::http::play
