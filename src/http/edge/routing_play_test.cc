// Which site, which rule, which origin: the variants of the job, and what happens when origins fail.
#include "http/edge/origin_health.h"
#include "http/edge/play.h"

namespace popnet::http::play {
namespace {
using namespace std::chrono_literals;

std::string request(const std::string& host, const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

TEST(Routing, OneHostnameForPagesAndContentIsSplitByRules) {
  Play play({.site = [](model::Site& site) {
    site.rules.push_back({"/static/*", model::Action::cache, {}, {}});
    site.rules.push_back({"/old/*", model::Action::redirect, {}, {}});
    site.rules.push_back({"/moved/*", model::Action::redirect, {}, "new.shop.example"});
    site.rules.push_back({"/private/*", model::Action::deny, {}, {}});
    site.rules.push_back({"*", model::Action::proxy, {}, {}});
  }});
  play.origin().on("/static/a.png", ok("png"));
  play.origin().on("/page", ok("page"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(play.get("/static/a.png").body, "png");
    const Response page = play.get("/page");
    EXPECT_EQ(page.body, "page");
    EXPECT_EQ(page.field("cache-status"), "popnet-ams; fwd=bypass");
    EXPECT_FALSE(page.has("age"));
  }
  EXPECT_EQ(play.origin().count("/static/a.png"), 1);
  EXPECT_EQ(play.origin().count("/page"), 2) << "proxied answers are never stored";

  const Response old = play.get("/old/x?y=1");
  EXPECT_EQ(old.status, 302);
  EXPECT_EQ(old.field("location"), "http://" + play.origin().endpoint().to_string() + "/old/x?y=1");
  EXPECT_EQ(play.get("/moved/x").field("location"), "http://new.shop.example/moved/x");
  EXPECT_EQ(play.get("/private/x").status, 403);
  EXPECT_EQ(play.get("/%70rivate/x").status, 403) << "another spelling of the same path";
  EXPECT_EQ(play.get("/static/../private/x").status, 400);
  EXPECT_EQ(play.get("/static/%2e%2E/private/x").status, 400);
}

TEST(Routing, PagesAreProxiedAndContentCachedWithoutRules) {
  Play play({.site = [](model::Site& site) {
    site.hostnames.push_back(
        {"page.shop.example", model::Resolve::origin, model::Select::least_load, 20s, 2});
  }});
  play.origin().on("/", ok("x"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(play.browser().ask(request("page.shop.example", "/")).body, "x");
  EXPECT_EQ(play.origin().count("/"), 2);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(play.get("/").body, "x");
  EXPECT_EQ(play.origin().count("/"), 3);
}

TEST(Routing, SharedContentHostnameNamesTheSiteByTheFirstPathSegment) {
  Play play({.site = [](model::Site& site) { site.origin_host = "origin.shop.example"; }});
  play.origin().on("/img/a.png?v=2", ok("png"));
  play.origin().on("/", ok("root"));
  const Response r = play.browser().ask(request("static.cdn.example", "/shop/img/a.png?v=2"));
  EXPECT_EQ(r.body, "png");
  EXPECT_NE(play.origin().last_head().find("\r\nHost: origin.shop.example\r\n"), std::string::npos);
  EXPECT_EQ(play.browser().ask(request("STATIC.cdn.example.", "/shop")).body, "root");
  EXPECT_EQ(play.browser().ask(request("static.cdn.example", "/news/img/a.png")).status, 404);
  EXPECT_EQ(play.browser().ask(request("static.cdn.example", "/")).status, 404);
  EXPECT_TRUE(play.edge().purge(of_url("http://static.cdn.example/shop/img/a.png?v=2")).ok());
  play.browser().ask(request("static.cdn.example", "/shop/img/a.png?v=2"));
  EXPECT_EQ(play.origin().count("/img/a.png?v=2"), 2);
}

TEST(Routing, ManySitesNeverSeeEachOthersObjects) {
  ScriptedOrigin news_origin;
  Play play({.config = [&](model::Config& config) {
    model::Site& news = config.sites.emplace_back(config.sites[0]);
    news.name = news.content_prefix = "news";
    news.hostnames[0].name = "www.news.example";
    news.origins[0].endpoint = news_origin.endpoint();
  }});
  play.origin().on("/a", ok("shop"));
  news_origin.on("/a", ok("news"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(play.get("/a").body, "shop");
    EXPECT_EQ(play.browser().ask(request("www.news.example", "/a")).body, "news");
    EXPECT_EQ(play.browser().ask(request("static.cdn.example", "/shop/a")).body, "shop");
    EXPECT_EQ(play.browser().ask(request("static.cdn.example", "/news/a")).body, "news");
  }
  EXPECT_TRUE(play.edge().purge(of_site("shop")).ok());
  play.origin().on("/a", ok("shop 2"));
  EXPECT_EQ(play.get("/a").body, "shop 2");
  EXPECT_EQ(play.browser().ask(request("www.news.example", "/a")).body, "news");
  EXPECT_EQ(play.counter("popnet_http_site_requests_total", "news"), 5);
}

TEST(Routing, WhatBelongsToNobodyIsSaidSo) {
  Play play;
  EXPECT_EQ(play.browser().ask(request("other.example", "/")).status, 421);
  EXPECT_EQ(play.browser().ask(request("ams.cdn.example", "/")).status, 404);
  for (const char* host : {"other.example", "ams.cdn.example", "www.shop.example", "127.0.0.1"}) {
    const Response health = play.browser().ask(request(host, model::edge_health_path));
    EXPECT_EQ(health.status, 200) << host;
    EXPECT_EQ(health.body, "ok\n");
  }
  EXPECT_EQ(play.origin().connections(), 0);
  play.publish([](model::Config& config) { config.sites[0].any_host = true; });
  play.origin().on("/", ok("any"));
  EXPECT_EQ(play.browser().ask(request("other.example", "/")).body, "any");
  EXPECT_EQ(play.browser().ask("GET / HTTP/1.0\r\n\r\n").body, "any");
}

TEST(Routing, NewSnapshotCountsForNewRequests) {
  Play play;
  play.origin().on("/a", ok("x"));
  Browser browser = play.browser();
  EXPECT_EQ(browser.ask(request("www.shop.example", "/a")).status, 200);
  play.publish([](model::Config& config) {
    config.sites[0].rules.push_back({"/a", model::Action::deny, {}, {}});
  });
  EXPECT_EQ(browser.ask(request("www.shop.example", "/a")).status, 403);
  play.publish([](model::Config& config) { config.sites[0].rules.clear(); });
  EXPECT_EQ(browser.ask(request("www.shop.example", "/a")).body, "x");
  EXPECT_EQ(play.origin().count("/a"), 1) << "what was stored stays";
}

// --- origins ---

TEST(Origins, RequestIsWrittenAnewForTheOrigin) {
  Play play({.site = [](model::Site& site) { site.rules.push_back({"*", model::Action::proxy, {}, {}}); }});
  play.origin().on("", ok("x"));
  play.get(
      "/a?b=c",
      "Connection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: 5\r\nTE: gzip\r\nUpgrade: foo\r\n"
      "Proxy-Authorization: secret\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nAccept: "
      "text/html\r\n"
      "Cookie: a=b\r\nX-Request-Id: mine-1\r\nVia: 1.0 fred\r\n");
  EXPECT_EQ(play.origin().last_head(),
            "GET /a?b=c HTTP/1.1\r\nHost: www.shop.example\r\nAccept: text/html\r\nCookie: a=b\r\n"
            "Via: 1.0 fred, 1.1 popnet-ams-064d7c07\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: "
            "www.shop.example\r\n"
            "X-Forwarded-Proto: http\r\nX-Request-Id: mine-1\r\n\r\n");
}

TEST(Origins, ResponseIsWrittenAnewForTheClient) {
  Play play;
  play.origin().on(
      "/a",
      "HTTP/1.1 200 Whatever\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nETag: \"e\"\r\n"
      "Cache-Control: max-age=60\r\nAge: 7\r\nContent-Length: 1\r\n\r\nx");
  const Response r = play.get("/a");
  EXPECT_FALSE(r.has("x-hop"));
  EXPECT_FALSE(r.has("keep-alive"));
  EXPECT_EQ(r.field("etag"), "\"e\"");
  EXPECT_EQ(r.field("age"), "7");
}

TEST(Origins, ConnectionsAreKeptAndReused) {
  Play play({.options = [](Edge::Options& o) { o.threads = 1; }});
  play.origin().on("", ok("x"));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(play.get("/" + std::to_string(i)).body, "x");
  EXPECT_EQ(play.origin().connections(), 1);
}

TEST(Origins, DeadPooledConnectionIsNotTheUsersProblem) {
  Play play({.options = [](Edge::Options& o) { o.threads = 1; }});
  play.origin().on("", [](Asked& asked) {
    asked.line.send(ok("x"));
    asked.line.shut();  // without saying so before
  });
  for (int i = 0; i < 20; ++i) ASSERT_EQ(play.get("/" + std::to_string(i)).body, "x") << i;
  EXPECT_EQ(play.counter("popnet_http_origin_failures_total"), 0);
}

TEST(Origins, NextOneAnswersWhenOneFailsBeforeTheFirstByte) {
  Play play({.origins = 3});
  for (size_t i = 0; i < 3; ++i) play.origin(i).on("", ok("from " + std::to_string(i)));
  play.origin(0).kill();                                           // refuses
  play.origin(1).on("", [](Asked& asked) { asked.line.shut(); });  // closes without an answer
  for (int i = 0; i < 20; ++i) ASSERT_EQ(play.get("/" + std::to_string(i)).body, "from 2") << i;
  EXPECT_GT(play.counter("popnet_http_origin_failures_total", "web2"), 0);
  EXPECT_EQ(play.counter("popnet_http_origin_failures_total", "web3"), 0);
  EXPECT_EQ(play.counter("popnet_http_origin_in_flight"), 0);
}

TEST(Origins, OneThatFailsAgainAndAgainIsAskedLast) {
  Play play({.options = [](Edge::Options& o) { o.threads = 1; }, .origins = 2});
  play.origin(0).kill();
  play.origin(1).on("", ok("x", "Cache-Control: no-store\r\n"));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(play.get("/" + std::to_string(i)).status, 200);
  EXPECT_EQ(play.counter("popnet_http_origin_failures_total", "web1"), OriginHealth::failures_max);
  EXPECT_EQ(play.counter("popnet_http_origin_ejections_total", "web1"), 1);
  EXPECT_EQ(play.counter("popnet_http_origin_ejections_total", "web2"), 0);
  play.origin(1).kill();
  EXPECT_EQ(play.get("/last").status, 502);
  EXPECT_EQ(play.counter("popnet_http_origin_failures_total", "web1"), OriginHealth::failures_max + 1)
      << "still asked when no other answers";
}

TEST(Origins, WhenAllFailTheyAreNotAskedAllTheMore) {
  constexpr int requests = 400;
  Play play({.options = [](Edge::Options& o) { o.threads = 1; }, .origins = 4});
  for (size_t i = 0; i < 4; ++i) play.origin(i).on("", [](Asked& asked) { asked.line.shut(); });
  const TimePoint start = rt::monotonic_now();
  for (int i = 0; i < requests; ++i) EXPECT_EQ(play.get("/" + std::to_string(i)).status, 502);
  const double seconds = std::chrono::duration<double>(rt::monotonic_now() - start).count();
  const double most =
      RetryBudget::most + RetryBudget::each_request * requests + RetryBudget::each_second * seconds;
  EXPECT_LE(play.counter("popnet_http_site_retries_total"), most + 1);
  EXPECT_GT(play.counter("popnet_http_site_retries_total"), RetryBudget::most);
  EXPECT_GT(play.counter("popnet_http_site_retries_refused_total"), 0);
}

TEST(Origins, GarbageIsAFailureNotAnAnswer) {
  Play play({.origins = 2});
  play.origin(0).on("", "220 I am an FTP server\r\n\r\n");
  play.origin(1).on("", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy");
  EXPECT_EQ(play.get("/a").status, 502);
  play.origin(1).on("", ok("good"));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(play.get("/" + std::to_string(i)).body, "good");
}

TEST(Origins, SlowOriginIsLeftForTheNext) {
  Gate gate;
  Play play({.site = [](model::Site& site) { site.fill.first_byte_timeout = 50ms; }, .origins = 2});
  play.origin(0).on("", [&](Asked&) { gate.wait(); });
  play.origin(1).on("", ok("in time"));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(play.get("/" + std::to_string(i)).body, "in time");
  play.origin(1).on("", [&](Asked&) { gate.wait(); });
  EXPECT_EQ(play.get("/nobody").status, 504);
  gate.open();
}

TEST(Origins, PostIsNotSentTwice) {
  Play play({.origins = 2});
  std::atomic<int> posts{0};
  for (size_t i : {size_t{0}, size_t{1}})
    play.origin(i).on("/order", [&](Asked& asked) {
      ++posts;
      asked.line.shut();
    });
  EXPECT_EQ(play.browser()
                .ask("POST /order HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 3\r\n\r\nbuy")
                .status,
            502);
  EXPECT_EQ(posts, 1);
  // An origin that refuses the connection has seen nothing: the next one is tried.
  play.origin(0).kill();
  play.origin(1).on("/order", ok("bought", ""));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(play.browser()
                  .ask("POST /order HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 3\r\n\r\nbuy")
                  .body,
              "bought");
}

TEST(Origins, InterimAnswersAreNotTheAnswer) {
  Play play;
  play.origin().on(
      "/a", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok("final"));
  EXPECT_EQ(play.get("/a").body, "final");
  EXPECT_EQ(play.get("/a").body, "final");
  EXPECT_EQ(play.origin().count("/a"), 1);
}

TEST(Origins, BytesBehindAnAnswerAreNotTakenForTheNext) {
  Play play({.options = [](Edge::Options& o) { o.threads = 1; }});
  play.origin().on("/a", ok("a") + ok("smuggled"));
  play.origin().on("/b", ok("b"));
  EXPECT_EQ(play.get("/a").body, "a");
  EXPECT_EQ(play.get("/b").body, "b");
}

// RFC 9112 section 7.1.1.
TEST(Origins, ChunkExtensionsAreIgnored) {
  Play play;
  play.origin().on("/a",
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n");
  EXPECT_EQ(play.get("/a").body, "hello");
}

TEST(Origins, RequestThatHasBeenHereIsALoop) {
  Play play;
  EXPECT_EQ(play.get("/a", "Via: 1.1 popnet-ams-064d7c07\r\n").status, 508);
  EXPECT_NE(play.get("/a", "Via: 1.1 popnet-ams-064d7c08\r\n").status, 508)
      << "another process of the same POP";
}

}  // namespace
}  // namespace popnet::http::play
