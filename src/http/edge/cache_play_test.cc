// What users see of the cache: hits, misses, one fill for many, stale answers, purges.
#include "http/edge/play.h"

namespace popnet::http::play {
namespace {
using namespace std::chrono_literals;

TEST(Cache, FirstFetchFillsAndTheSecondReachesNoOrigin) {
  Play play;
  play.origin().on("/a", ok("hello"));
  const Response first = play.get("/a");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "hello");
  EXPECT_EQ(first.field("cache-status"), "popnet-ams; fwd=uri-miss; stored");
  EXPECT_EQ(first.field("via"), "1.1 popnet-ams-064d7c07");
  EXPECT_TRUE(first.has("date")) << "RFC 9110 section 6.6.1: a recipient without Date adds one";
  const Response second = play.get("/a");
  EXPECT_EQ(second.body, "hello");
  EXPECT_TRUE(second.field("cache-status").starts_with("popnet-ams; hit; ttl="))
      << second.field("cache-status");
  EXPECT_EQ(second.field("content-length"), "5");
  EXPECT_TRUE(second.has("age"));
  EXPECT_EQ(play.origin().count("/a"), 1);
  EXPECT_EQ(play.counter("popnet_http_requests_total", "hit"), 1);
  EXPECT_EQ(play.counter("popnet_http_requests_total", "miss"), 1);
  EXPECT_EQ(play.edge().totals().requests, 2U);
  EXPECT_EQ(play.edge().totals().hits, 1U);
}

TEST(Cache, ManyRequestsOnOneConnectionPipelinedInOrder) {
  Play play;
  play.origin().on("/a", ok("AAA"));
  play.origin().on("/b", ok(std::string(100'000, 'b')));
  play.get("/a");
  Browser browser = play.browser();
  std::string requests;
  for (int i = 0; i < 20; ++i)
    requests +=
        std::string("GET ") + (i % 3 == 2 ? "/b" : "/a") + " HTTP/1.1\r\nHost: www.shop.example\r\n\r\n";
  browser.send(requests);
  for (int i = 0; i < 20; ++i) {
    const Response r = browser.read();
    ASSERT_TRUE(r.complete) << i;
    EXPECT_EQ(r.body, i % 3 == 2 ? std::string(100'000, 'b') : "AAA") << i;
  }
  EXPECT_EQ(play.origin().count("/b"), 1);
}

TEST(Cache, LargeObjectArrivesWholeOnAMissAndOnAHit) {
  Play play;
  std::string body;
  for (int i = 0; body.size() < 5'000'000; ++i) body += std::to_string(i) + " ";
  play.origin().on("/big", ok(body));
  EXPECT_EQ(play.get("/big").body, body);
  EXPECT_EQ(play.get("/big").body, body);
  EXPECT_EQ(play.origin().count("/big"), 1);
}

TEST(Cache, ChunkedAnswerIsStreamedChunkedAndThenServedWithItsLength) {
  Gate gate;
  Play play;
  play.origin().on("/c", [&](Asked& asked) {
    asked.line.send(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    gate.wait();
    asked.line.send("6\r\n world\r\n0\r\n\r\n");
  });
  Browser browser = play.browser();
  browser.send("GET /c HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  while (browser.in.find("hello") == std::string::npos)
    ASSERT_TRUE(browser.more());  // before the end is there
  gate.open();
  const Response first = browser.read();
  EXPECT_TRUE(first.chunked);
  EXPECT_EQ(first.body, "hello world");
  const Response second = play.get("/c");
  EXPECT_FALSE(second.chunked);
  EXPECT_EQ(second.field("content-length"), "11");
  EXPECT_EQ(second.body, "hello world");
}

TEST(Cache, OneFillServesAllWhoWaitWhileItComes) {
  Gate head, rest;
  const std::string first(50'000, 'x'), second(50'000, 'y');
  Play play;
  play.origin().on("/w", [&](Asked& asked) {
    head.wait();
    asked.line.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100000\r\n\r\n" + first);
    rest.wait();
    asked.line.send(second);
  });
  std::list<Browser> users;
  for (int i = 0; i < 200; ++i) {
    users.emplace_back(play.address());
    users.back().send("GET /w HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  }
  ASSERT_TRUE(Play::eventually([&] { return play.origin().count("/w") == 1; }));
  head.open();
  for (Browser& user : users)
    while (user.in.size() < 50'000) ASSERT_TRUE(user.more());
  for (int i = 0; i < 10; ++i) {  // who comes while it is coming joins
    users.emplace_back(play.address());
    users.back().send("GET /w HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  }
  users.front().reset();  // the one who asked first leaves
  users.pop_front();
  rest.open();
  for (Browser& user : users) {
    const Response r = user.read();
    ASSERT_TRUE(r.complete);
    EXPECT_EQ(r.body, first + second);
  }
  EXPECT_EQ(play.origin().count("/w"), 1);
}

TEST(Cache, HeadIsAnsweredFromTheStoredGet) {
  Play play;
  play.origin().on("/a", ok("hello"));
  Browser browser = play.browser();
  EXPECT_EQ(browser.ask("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n").body, "hello");
  for (int i = 0; i < 2; ++i) {
    const Response r = browser.ask("HEAD /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n", Method::head);
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.field("content-length"), "5");
    EXPECT_EQ(r.body, "");
  }
  EXPECT_EQ(browser.ask("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n").body, "hello");
  EXPECT_EQ(play.origin().count("/a"), 1);
}

TEST(Cache, VaryKeepsVariantsApart) {
  Play play;
  play.origin().on("/v", [](Asked& asked) {
    asked.line.send(ok("for " + asked.field("accept-encoding"),
                       "Vary: Accept-Encoding\r\nCache-Control: max-age=60\r\n"));
  });
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(play.get("/v", "Accept-Encoding: gzip\r\n").body, "for gzip");
    EXPECT_EQ(play.get("/v", "Accept-Encoding: br\r\n").body, "for br");
  }
  EXPECT_EQ(play.get("/v", "Accept-Encoding:  GZIP\r\n").body, "for gzip");
  EXPECT_EQ(play.origin().count("/v"), 2);
  EXPECT_TRUE(play.get("/v", "Accept-Encoding: zstd\r\n").field("cache-status").find("fwd=vary-miss") !=
              std::string::npos);
}

TEST(Cache, UsersOfAnotherVariantWhoWaitedGetTheirOwnFill) {
  Gate gate;
  Play play;
  play.origin().on("/v", [&](Asked& asked) {
    if (asked.field("accept-language") == "de") gate.wait();
    asked.line.send(
        ok("in " + asked.field("accept-language"), "Vary: Accept-Language\r\nCache-Control: max-age=60\r\n"));
  });
  Browser german = play.browser();
  german.send("GET /v HTTP/1.1\r\nHost: www.shop.example\r\nAccept-Language: de\r\n\r\n");
  ASSERT_TRUE(Play::eventually([&] { return play.origin().count("/v") == 1; }));
  Browser french = play.browser();
  french.send("GET /v HTTP/1.1\r\nHost: www.shop.example\r\nAccept-Language: fr\r\n\r\n");
  gate.open();
  EXPECT_EQ(german.read().body, "in de");
  EXPECT_EQ(french.read().body, "in fr");
}

TEST(Cache, UncacheableAnswersAreNotSharedAndDoNotWaitForEachOther) {
  Gate gate;
  Gate both;
  std::atomic<int> number{0};
  Play play;
  play.origin().on("/me", [&](Asked& asked) {
    const int mine = ++number;
    if (mine == 1) gate.wait();
    asked.line.send(ok("user " + std::to_string(mine), "Cache-Control: private\r\n"));
  });
  Browser first = play.browser(), second = play.browser();
  first.send("GET /me HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  ASSERT_TRUE(Play::eventually([&] { return play.origin().count("/me") == 1; }));
  second.send("GET /me HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  gate.open();
  EXPECT_EQ(first.read().body, "user 1");
  EXPECT_EQ(second.read().body, "user 2") << "an answer for one user is given to nobody else";
  // From now on it is known: two can be under way at once.
  play.origin().on("/me", [&](Asked& asked) {
    if (++number == 4) both.open();
    EXPECT_TRUE(both.wait());
    asked.line.send(ok("later", "Cache-Control: private\r\n"));
  });
  for (Browser* user : {&first, &second}) user->send("GET /me HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  EXPECT_EQ(first.read().body, "later");
  EXPECT_EQ(second.read().body, "later");
}

TEST(Cache, StaleObjectIsConfirmedByA304AndServedWithItsNewFields) {
  Play play;
  play.origin().on("/r", [&](Asked& asked) {
    if (asked.field("if-none-match") == "\"v1\"")
      asked.line.send(
          "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nCache-Control: max-age=60\r\nX-Round: 2\r\n\r\n");
    else
      asked.line.send(ok("body", "ETag: \"v1\"\r\nCache-Control: max-age=0\r\nX-Round: 1\r\n"));
  });
  EXPECT_EQ(play.get("/r").field("x-round"), "1");
  const Response second = play.get("/r");
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, "body");
  EXPECT_EQ(second.field("x-round"), "2");
  EXPECT_EQ(second.field("cache-status"), "popnet-ams; fwd=stale; fwd-status=304; stored");
  EXPECT_EQ(play.get("/r").body, "body");
  EXPECT_EQ(play.origin().count("/r"), 2) << "fresh again";
}

TEST(Cache, StaleObjectIsReplacedByANewAnswer) {
  Play play;
  play.origin().on("/r", ok("body 1", "ETag: \"1\"\r\nCache-Control: max-age=0\r\n"));
  EXPECT_EQ(play.get("/r").body, "body 1");
  play.origin().on("/r", ok("body 2", "ETag: \"2\"\r\nCache-Control: max-age=60\r\n"));
  EXPECT_EQ(play.get("/r").body, "body 2");
  EXPECT_EQ(play.get("/r").body, "body 2");
  EXPECT_EQ(play.origin().count("/r"), 2);
}

TEST(Cache, ClientsConditionsAreAnsweredFromTheStore) {
  Play play;
  play.origin().on("/a",
                   ok("hello", "ETag: \"x\"\r\nCache-Control: max-age=60\r\nContent-Type: text/css\r\n"));
  play.get("/a");
  const Response same = play.get("/a", "If-None-Match: \"x\"\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.field("etag"), "\"x\"");
  EXPECT_FALSE(same.has("content-type"));
  EXPECT_EQ(play.get("/a", "If-None-Match: \"y\"\r\n").status, 200);
  EXPECT_EQ(play.origin().count("/a"), 1);
  // RFC 9111 section 4.3.2: these are for an origin alone.
  EXPECT_EQ(play.get("/a", "If-Match: \"y\"\r\n").status, 200);
  EXPECT_NE(play.origin().last_head().find("If-Match: \"y\""), std::string::npos);
  EXPECT_EQ(play.origin().count("/a"), 2);
  // On a miss they do not reach the origin either: the whole object is fetched.
  play.origin().on("/b", ok("hello", "ETag: \"x\"\r\nCache-Control: max-age=60\r\n"));
  EXPECT_EQ(play.get("/b", "If-None-Match: \"x\"\r\n").status, 304);
  EXPECT_EQ(play.origin().last_head().find("If-None-Match"), std::string::npos);
}

TEST(Cache, RangesOfAStoredObject) {
  Play play;
  std::string body;
  for (int i = 0; body.size() < 700'000; ++i) body += std::to_string(i) + " ";
  play.origin().on("/a", ok(body, "ETag: \"x\"\r\nCache-Control: max-age=60\r\n"));
  EXPECT_EQ(play.get("/a", "Range: bytes=600000-600009\r\n").body, body.substr(600'000, 10)) << "on a miss";
  const Response part = play.get("/a", "Range: bytes=299990-300009\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, body.substr(299'990, 20));
  EXPECT_EQ(part.field("content-range"), "bytes 299990-300009/" + std::to_string(body.size()));
  EXPECT_EQ(play.get("/a", "Range: bytes=-5\r\n").body, body.substr(body.size() - 5));
  EXPECT_EQ(play.get("/a", "Range: bytes=100000-\r\n").body, body.substr(100'000));
  const Response beyond = play.get("/a", "Range: bytes=9000000-\r\n");
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.field("content-range"), "bytes */" + std::to_string(body.size()));
  EXPECT_EQ(play.get("/a", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n").status, 200);
  EXPECT_EQ(play.origin().count("/a"), 1);
}

TEST(Cache, AllOriginsDeadStoredContentIsServedStale) {
  Play play({.origins = 2});
  const std::string once = ok("precious", "Cache-Control: max-age=0\r\nETag: \"1\"\r\n");
  for (size_t i : {size_t{0}, size_t{1}}) play.origin(i).on("/a", once);
  EXPECT_EQ(play.get("/a").body, "precious");
  play.origin(0).kill();
  play.origin(1).kill();
  for (int i = 0; i < 3; ++i) {
    const Response r = play.get("/a");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, "precious");
  }
  EXPECT_EQ(play.get("/never-stored").status, 502);
  EXPECT_EQ(play.counter("popnet_http_requests_total", "stale"), 3);
}

TEST(Cache, NeverStaleUnderMustRevalidate) {
  Play play;
  play.origin().on("/a", ok("x", "Cache-Control: max-age=0, must-revalidate\r\nETag: \"1\"\r\n"));
  play.get("/a");
  play.origin().kill();
  EXPECT_EQ(play.get("/a").status, 504);
}

TEST(Cache, AnErrorOfTheOriginLetsTheStaleObjectServe) {
  Play play;
  play.origin().on("/a", ok("good", "Cache-Control: max-age=0\r\nETag: \"1\"\r\n"));
  play.get("/a");
  play.origin().on("/a", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
  EXPECT_EQ(play.get("/a").body, "good");
  const Response nothing_stored = play.get("/b");
  EXPECT_EQ(nothing_stored.status, 404);
  play.origin().on("/c", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
  EXPECT_EQ(play.get("/c").status, 503);
  EXPECT_EQ(play.get("/c").body, "busy") << "an error is passed on, not stored";
}

TEST(Cache, StaleWhileRevalidateServesAtOnceAndRefreshesBehind) {
  Play play;
  play.origin().on("/a", ok("round 1", "Cache-Control: max-age=0, stale-while-revalidate=60\r\n"));
  EXPECT_EQ(play.get("/a").body, "round 1");
  play.origin().on("/a", ok("round 2"));
  EXPECT_EQ(play.get("/a").body, "round 1");
  ASSERT_TRUE(Play::eventually([&] { return play.get("/a").body == "round 2"; }));
  EXPECT_EQ(play.origin().count("/a"), 2);
}

TEST(Cache, WhatIsPopularIsRefreshedBeforeItIsStale) {
  Play play;
  play.origin().on("/a", [](Asked& asked) {
    std::this_thread::sleep_for(300ms);  // what a refresh saves its users
    asked.line.send(ok("x", "Cache-Control: max-age=600\r\nAge: 598\r\n"));
  });
  EXPECT_EQ(play.get("/a").status, 200);
  Browser user = play.browser();
  const TimePoint end = rt::monotonic_now() + patience;
  while (play.origin().count("/a") < 2 && rt::monotonic_now() < end) {
    const Response answer = user.ask("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
    ASSERT_NE(answer.field("cache-status").find("; hit"), std::string::npos) << answer.field("cache-status");
  }
  EXPECT_EQ(play.origin().count("/a"), 2);
}

TEST(Cache, RuleGivesALifetime) {
  Play play({.site = [](model::Site& site) {
    site.rules.push_back({"*.png", model::Action::cache, std::chrono::hours(1), {}});
  }});
  play.origin().on("/a.png", ok("png", ""));
  play.get("/a.png");
  EXPECT_TRUE(play.get("/a.png").field("cache-status").find("; hit;") != std::string::npos);
  EXPECT_EQ(play.origin().count("/a.png"), 1);
}

TEST(Cache, CacheStatusClaimsNothingOfWhatIsNotKept) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n";
  Play play({.site = [](model::Site& site) { site.cache.object_size_max = 1000; }});
  play.origin().on("/bad", [&](Asked& asked) { asked.line.send(head + "zz\r\n"); });
  play.origin().on("/large", [&](Asked& asked) {
    asked.line.send(head + "7d0\r\n" + std::string(2000, 'x') + "\r\n0\r\n\r\n");
  });
  play.origin().on("/small", [&](Asked& asked) { asked.line.send(head + "1\r\nx\r\n0\r\n\r\n"); });
  const Response bad = play.get("/bad");
  EXPECT_EQ(bad.status, 502);
  EXPECT_FALSE(bad.has("cache-status")) << "RFC 9211 section 2: the edge has made it up";
  EXPECT_EQ(play.get("/large").field("cache-status"), "popnet-ams; fwd=uri-miss");
  const std::string small = play.get("/small").field("cache-status");
  EXPECT_TRUE(small == "popnet-ams; fwd=uri-miss; stored" || small == "popnet-ams; fwd=uri-miss") << small;
}

TEST(Cache, WhatNobodyWaitsForIsFetchedNoFurtherUnlessItIsSmall) {
  Gate gate;
  std::atomic<uint64_t> taken{0};
  Play play;
  play.origin().on("/endless", [&](Asked& asked) {
    asked.line.send(
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    gate.wait();
    while (taken < (uint64_t{200} << 20) && asked.line.send("8000\r\n" + std::string(0x8000, 'x') + "\r\n"))
      taken += 0x8000;
    asked.line.shut();
  });
  play.origin().on("/small", [&](Asked& asked) {
    asked.line.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 400001\r\n\r\nx");
    gate.wait();
    asked.line.send(std::string(400'000, 'y'));
  });
  for (const std::string path : {"/endless", "/small"}) {
    Browser user = play.browser();
    user.send("GET " + path + " HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
    ASSERT_TRUE(user.more());
    user.reset();
  }
  ASSERT_TRUE(Play::eventually([&] { return play.edge().totals().connections == 0; }));
  gate.open();
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_store_fills") == 0; }));
  EXPECT_LT(taken, uint64_t{100} << 20);
  EXPECT_EQ(play.get("/small").body.size(), 400'001U);
  EXPECT_EQ(play.origin().count("/small"), 1) << "it was finished, and kept";
}

TEST(Cache, TrickleOfASharedAnswerIsNotWaitedForForever) {
  std::atomic<bool> trickling{true};
  Play play({.site = [](model::Site& site) { site.fill.between_bytes_timeout = 1s; }});
  play.origin().on("/shared", [&](Asked& asked) {
    asked.line.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (trickling && asked.line.send("1\r\nx\r\n")) std::this_thread::sleep_for(20ms);
  });
  Browser user = play.browser();
  user.send("GET /shared HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  EXPECT_FALSE(user.read().complete) << "one byte now and then holds up all who ask for it";
  EXPECT_EQ(play.counter("popnet_http_origin_failures_total"), 1);

  play.origin().on("/events", [&](Asked& asked) {
    asked.line.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 40; ++i) {
      asked.line.send("1\r\nx\r\n");
      std::this_thread::sleep_for(50ms);
    }
    asked.line.send("0\r\n\r\n");
  });
  EXPECT_EQ(play.get("/events").body, std::string(40, 'x')) << "what one user alone waits for may be slow";
  trickling = false;
}

TEST(Cache, PurgeFindsAnObjectHoweverItsHostIsWritten) {
  std::atomic<int> round{0};
  Play play;
  play.origin().on("/a", [&](Asked& asked) {
    asked.line.send(ok("round " + std::to_string(++round) + " " + asked.field("host")));
  });
  const auto ask = [&](const std::string& host) {
    return play.browser().ask("GET /a HTTP/1.1\r\nHost: " + host + "\r\n\r\n").body;
  };
  int expected = 0;
  for (const char* url :
       {"http://www.shop.example/a", "http://WWW.Shop.Example.:8080/a", "https://www.shop.example/a"}) {
    const std::string now = "round " + std::to_string(++expected) + " www.shop.example";
    for (const char* host :
         {"WWW.shop.example.:81", "www.shop.example", "www.shop.example.", "www.shop.example:8080"})
      EXPECT_EQ(ask(host), now) << host << ": one object, asked for under one name";
    EXPECT_TRUE(play.edge().purge(of_url(url, "", false)).ok());
  }
  EXPECT_EQ(ask("www.shop.example:99"), "round 4 www.shop.example");
}

TEST(Cache, PurgeByUrlAndBySite) {
  Play play;
  std::atomic<int> round{0};
  play.origin().on("", [&](Asked& asked) {
    asked.line.send(ok("round " + std::to_string(++round), "Cache-Control: max-age=600\r\nETag: \"e\"\r\n"));
  });
  const std::string port = std::to_string(play.address().port);
  EXPECT_EQ(play.get("/a?x=1").body, "round 1");
  EXPECT_EQ(play.get("/b").body, "round 2");
  EXPECT_TRUE(play.edge().purge(of_url("http://www.shop.example/a?x=1", "", false)).ok());
  EXPECT_EQ(play.get("/a?x=1").body, "round 3");
  EXPECT_EQ(play.get("/b").body, "round 2");
  EXPECT_TRUE(play.edge().purge(of_site("shop", false)).ok());
  EXPECT_EQ(play.get("/b").body, "round 4");

  EXPECT_TRUE(play.edge().purge(of_url("http://www.shop.example/b", "shop", true)).ok());
  EXPECT_EQ(play.get("/b").body, "round 5") << "soft: stale, so it is asked for again";
  EXPECT_TRUE(play.edge().purge(of_url("http://www.shop.example/b", "shop", true)).ok());
  play.origin().kill();
  EXPECT_EQ(play.get("/b").body, "round 5") << "soft: it still serves while no origin answers";

  EXPECT_EQ(play.edge().purge(of_url("no url", "", false)).error().code, ErrorCode::invalid);
  EXPECT_EQ(play.edge().purge(of_url("http://other.example/", "", false)).error().code, ErrorCode::not_found);
  EXPECT_EQ(play.edge().purge(of_url("http://www.shop.example/", "news", false)).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(play.edge().purge(of_site("news", false)).error().code, ErrorCode::not_found);
}

TEST(Cache, PurgeByTagAndByPrefix) {
  Play play;
  std::atomic<int> round{0};
  play.origin().on("", [&](Asked& asked) {
    const bool red = asked.target.find("red") != std::string::npos;
    const bool validating = asked.fields.count("if-none-match") > 0;
    const std::string fields = "Cache-Control: max-age=600\r\nETag: \"e\"\r\n" +
                               std::string(red ? "Surrogate-Key: color red\r\nCache-Tag: x, y z\r\n" : "");
    ++round;
    asked.line.send(validating ? "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=600\r\n\r\n"
                               : ok("round " + std::to_string(round.load()), fields));
  });
  const Response first = play.get("/a/red");
  EXPECT_EQ(first.body, "round 1");
  EXPECT_EQ(first.field("surrogate-key") + first.field("cache-tag"), "") << "they are for caches";
  EXPECT_EQ(play.get("/a/red").field("surrogate-key"), "");
  EXPECT_EQ(play.get("/a/blue").body, "round 2");
  EXPECT_TRUE(play.edge().purge(of_tags("shop", {"other", "y z"})).ok());
  EXPECT_EQ(play.get("/a/red").body, "round 3");
  EXPECT_EQ(play.get("/a/blue").body, "round 2");

  EXPECT_TRUE(play.edge().purge(of_tags("shop", {"red"}, true)).ok());
  EXPECT_EQ(play.get("/a/red").body, "round 3") << "stale, and confirmed by a 304";
  EXPECT_EQ(round, 4);
  EXPECT_EQ(play.get("/a/red").body, "round 3") << "fresh again";
  EXPECT_EQ(round, 4);
  EXPECT_TRUE(play.edge().purge(of_tags("shop", {"red"})).ok());
  EXPECT_EQ(play.get("/a/red").body, "round 5") << "a 304 that names no tags leaves them as they were";

  EXPECT_TRUE(play.edge().purge(of_prefix("http://www.shop.example/a/")).ok());
  EXPECT_EQ(play.get("/a/red").body, "round 6");
  EXPECT_EQ(play.get("/a/blue").body, "round 7");
  EXPECT_TRUE(play.edge().purge(of_prefix("http://www.shop.example/b")).ok());
  EXPECT_EQ(play.get("/a/blue").body, "round 7");
  EXPECT_EQ(play.edge().purge(of_prefix("http://other.example/")).error().code, ErrorCode::not_found);
  EXPECT_EQ(play.edge().purge(of_tags("news", {"red"})).error().code, ErrorCode::not_found);
  EXPECT_EQ(play.edge().purge(of_tags("shop", {})).error().code, ErrorCode::invalid);
}

TEST(Cache, PurgeByTagReachesWhatIsBeingFetched) {
  Gate gate;
  Play play;
  play.origin().on("/a", [&](Asked& asked) {
    gate.wait();
    asked.line.send(ok("old", "Cache-Control: max-age=60\r\nSurrogate-Key: red\r\n"));
  });
  Browser user = play.browser(), later = play.browser();
  user.send("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  ASSERT_TRUE(Play::eventually([&] { return play.origin().count("/a") == 1; }));
  EXPECT_TRUE(play.edge().purge(of_tags("shop", {"red"})).ok());
  play.origin().on("/a", ok("new", "Cache-Control: max-age=60\r\nSurrogate-Key: red\r\n"));
  later.send("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");  // joins, for nobody knows the tags yet
  EXPECT_EQ(play.origin().count("/a"), 1);
  gate.open();
  EXPECT_EQ(user.read().body, "old");
  EXPECT_EQ(later.read().body, "new");
  EXPECT_EQ(play.get("/a").body, "new");
}

TEST(Cache, PurgeRequestsOfWhomTheSiteLets) {
  std::mutex mutex;
  std::vector<std::string> told;
  Play play({.site = [](model::Site& site) { site.purge_from = {*Prefix::parse("127.0.0.1/32")}; },
             .config =
                 [](model::Config& config) {
                   model::Site& other = config.sites.emplace_back(config.sites[0]);
                   other.name = "news";
                   other.content_prefix = "news";
                   other.hostnames[0].name = "www.news.example";
                   other.purge_from = {*Prefix::parse("127.0.0.2/32"), *Prefix::parse("2001:db8::/32")};
                   config.sites.emplace_back(other).name = "none";
                   config.sites[2].content_prefix = "none";
                   config.sites[2].hostnames[0].name = "www.none.example";
                   config.sites[2].purge_from.clear();
                 },
             .options =
                 [&](Edge::Options& o) {
                   o.on_purge = [&](const model::PurgeOrder& order) {
                     const std::lock_guard lock(mutex);
                     told.push_back(to_string(order) + (order.soft ? " soft" : ""));
                   };
                 }});
  std::atomic<int> round{0};
  play.origin().on("", [&](Asked& asked) {
    asked.line.send(
        ok("round " + std::to_string(++round), "Cache-Control: max-age=60\r\nSurrogate-Key: red\r\n"));
  });
  const auto purge = [&](const std::string& what, const std::string& host = "www.shop.example",
                         const std::string& fields = {}) {
    return play.browser()
        .ask("PURGE " + what + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n")
        .status;
  };
  EXPECT_EQ(play.get("/a/1").body, "round 1");
  EXPECT_EQ(purge("/a/1"), 200);
  EXPECT_EQ(play.get("/a/1").body, "round 2") << "carried out before it is answered";
  EXPECT_EQ(purge("/a/*"), 200);
  EXPECT_EQ(play.get("/a/1").body, "round 3");
  EXPECT_EQ(purge("/", "www.shop.example", "Surrogate-Key: red\r\n"), 200);
  EXPECT_EQ(play.get("/a/1").body, "round 4");
  EXPECT_EQ(purge("/a/1", "www.shop.example", "Soft-Purge: 1\r\n"), 200);
  EXPECT_EQ(play.get("/a/1").body, "round 5");
  EXPECT_EQ(told, (std::vector<std::string>{"http://www.shop.example/a/1", "http://www.shop.example/a/*",
                                            "tag red of site shop", "http://www.shop.example/a/1 soft"}));
  EXPECT_EQ(purge("/a/1", "www.news.example"), 403) << "only from elsewhere";
  EXPECT_EQ(purge("/a/1", "www.news.example", "X-Forwarded-For: 127.0.0.2\r\n"), 403)
      << "what users claim is nothing";
  EXPECT_EQ(purge("/a/1", "www.none.example"), 405);
  EXPECT_EQ(purge("/a/1", "www.other.example"), 421);
  EXPECT_EQ(told.size(), 4U);
  EXPECT_EQ(play.get("/a/1").body, "round 5");
  EXPECT_EQ(play.origin().count("/"), 0) << "never handed on";
}

TEST(Cache, FillFromBeforeAPurgeNeverComesBack) {
  Gate gate;
  Play play;
  play.origin().on("/a", [&](Asked& asked) {
    gate.wait();
    asked.line.send(ok("old"));
  });
  Browser user = play.browser();
  user.send("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  ASSERT_TRUE(Play::eventually([&] { return play.origin().count("/a") == 1; }));
  EXPECT_TRUE(play.edge().purge(of_site("shop", false)).ok());
  play.origin().on("/a", ok("new"));
  gate.open();
  EXPECT_EQ(user.read().body, "old");
  EXPECT_EQ(play.get("/a").body, "new");
  EXPECT_EQ(play.get("/a").body, "new");
}

TEST(Cache, SuccessfulUnsafeMethodInvalidates) {
  Play play;
  std::atomic<int> round{0};
  play.origin().on("/a", [&](Asked& asked) {
    if (asked.method == "POST")
      asked.line.send("HTTP/1.1 204 No Content\r\n\r\n");
    else
      asked.line.send(ok("round " + std::to_string(++round)));
  });
  EXPECT_EQ(play.get("/a").body, "round 1");
  EXPECT_EQ(play.get("/a").body, "round 1");
  EXPECT_EQ(
      play.browser().ask("POST /a HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 2\r\n\r\nhi").status,
      204);
  EXPECT_EQ(play.get("/a").body, "round 2");
}

TEST(Cache, ObjectTooLargeToStoreIsStreamedToAll) {
  Play play({.site = [](model::Site& site) { site.cache.object_size_max = 100'000; }});
  const std::string body(3'000'000, 'x');
  play.origin().on("/known", ok(body));
  play.origin().on("/unknown", [&](Asked& asked) {
    asked.line.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\n" + body);
    asked.line.shut();
  });
  for (const char* path : {"/known", "/unknown"}) {
    for (int i = 0; i < 2; ++i) {
      const Response r = play.get(path);
      EXPECT_TRUE(r.complete);
      EXPECT_EQ(r.body.size(), body.size());
    }
    EXPECT_EQ(play.origin().count(path), 2);
  }
  EXPECT_LT(play.counter("popnet_http_store_bytes"), 10'000);
}

TEST(Cache, OnlyIfCachedAsksNoOrigin) {
  Play play;
  play.origin().on("/a", ok("x"));
  EXPECT_EQ(play.get("/a", "Cache-Control: only-if-cached\r\n").status, 504);
  EXPECT_EQ(play.origin().count("/a"), 0);
  play.get("/a");
  EXPECT_EQ(play.get("/a", "Cache-Control: only-if-cached\r\n").body, "x");
}

TEST(Cache, BrokenAnswerIsNotStoredAndTheUserSeesThatItBroke) {
  Play play;
  play.origin().on("/a", [&](Asked& asked) {
    asked.line.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100000\r\n\r\n" +
                    std::string(70'000, 'x'));
    asked.line.shut();
  });
  EXPECT_FALSE(play.get("/a").complete);
  play.origin().on("/a", ok("whole"));
  EXPECT_EQ(play.get("/a").body, "whole");
}

}  // namespace
}  // namespace popnet::http::play
