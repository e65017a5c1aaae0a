// How origins are asked: how many requests run at a time, who waits, and whose connections are used.
#include "http/edge/play.h"

namespace popnet::http::play {
namespace {
using namespace std::chrono_literals;

std::string request(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: www.shop.example\r\n\r\n";
}
Setting limited(const std::function<void(model::FillOptions&)>& change, int origins = 1) {
  return {.site = [change](model::Site& site) { change(site.fill); }, .origins = origins};
}
/// Answers nothing before the gate opens.
void hold(ScriptedOrigin& origin, const std::string& path, Gate& gate, const std::string& body = "x") {
  origin.on(path, [&gate, body](Asked& asked) {
    gate.wait();
    asked.line.send(ok(body));
  });
}

TEST(Fills, MoreThanMayRunWaitInTheirOrder) {
  Gate gate;
  Play play(limited([](model::FillOptions& fill) { fill.origin_requests = 1; }));
  hold(play.origin(), "/0", gate);
  std::vector<std::string> order;
  std::mutex mutex;
  for (int i = 1; i < 5; ++i)
    play.origin().on("/" + std::to_string(i), [&](Asked& asked) {
      const std::lock_guard lock(mutex);
      order.push_back(asked.target);
      asked.line.send(ok(asked.target));
    });
  std::vector<Browser> users;
  for (int i = 0; i < 5; ++i) {
    users.push_back(play.browser());
    users.back().send(request("/" + std::to_string(i)));
    ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_site_fills_waiting") == i; })) << i;
    ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_site_fills_running") == 1; })) << i;
  }
  gate.open();
  for (Browser& user : users) EXPECT_EQ(user.read().status, 200);
  EXPECT_EQ(order, (std::vector<std::string>{"/1", "/2", "/3", "/4"}));
  EXPECT_EQ(play.counter("popnet_http_site_fills_running"), 0);
  EXPECT_EQ(play.counter("popnet_http_site_fills_waiting"), 0);
  EXPECT_EQ(play.counter("popnet_http_site_fills_refused_total"), 0);
}

TEST(Fills, AFullQueueAndALongWaitAre503OrTheStaleObject) {
  Gate gate;
  Play play(limited([](model::FillOptions& fill) {
    fill.requests = 1;
    fill.queue = 1;
    fill.queue_timeout = 300ms;
  }));
  play.origin().on("/old", ok("old", "Cache-Control: max-age=0\r\nETag: \"1\"\r\n"));
  EXPECT_EQ(play.get("/old").body, "old");
  hold(play.origin(), "/held", gate);
  Browser first = play.browser(), second = play.browser();
  first.send(request("/held"));
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_site_fills_running") == 1; }));
  second.send(request("/waits"));
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_site_fills_waiting") == 1; }));
  EXPECT_EQ(play.get("/one-too-many").status, 503);
  const Response stale = play.get("/old");
  EXPECT_EQ(stale.body, "old");
  EXPECT_EQ(second.read().status, 503) << "300 ms were too long";
  EXPECT_EQ(play.counter("popnet_http_site_fills_refused_total"), 3);
  EXPECT_EQ(play.origin().count("/waits"), 0);
  gate.open();
  EXPECT_EQ(first.read().status, 200);
}

TEST(Fills, AFullOriginIsPassedByForAnother) {
  Gate gate;
  Play play(limited([](model::FillOptions& fill) { fill.origin_requests = 2; }, 2));
  for (size_t i : {size_t{0}, size_t{1}}) hold(play.origin(i), "", gate);
  std::vector<Browser> users;
  for (int i = 0; i < 4; ++i) {
    users.push_back(play.browser());
    users.back().send(request("/" + std::to_string(i)));
    ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_site_fills_running") == i + 1; }));
  }
  for (const char* origin : {"web1", "web2"})
    EXPECT_EQ(play.counter("popnet_http_origin_in_flight", origin), 2);
  gate.open();
  for (Browser& user : users) EXPECT_EQ(user.read().status, 200);
}

TEST(Fills, WhoseUsersHaveLeftTheQueueAreNotSent) {
  Gate gate;
  Play play(limited([](model::FillOptions& fill) { fill.requests = 1; }));
  hold(play.origin(), "/held", gate);
  play.origin().on("/last", ok("last"));
  Browser first = play.browser(), last = play.browser();
  first.send(request("/held"));
  ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_site_fills_running") == 1; }));
  {
    Browser leaves = play.browser();
    leaves.send(request("/left"));
    ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_site_fills_waiting") == 1; }));
    last.send(request("/last"));
    ASSERT_TRUE(Play::eventually([&] { return play.counter("popnet_http_site_fills_waiting") == 2; }));
    leaves.reset();
  }
  ASSERT_TRUE(Play::eventually([&] { return play.edge().totals().connections == 2; }));
  gate.open();
  EXPECT_EQ(last.read().body, "last");
  EXPECT_EQ(play.origin().count("/left"), 0);
}

TEST(Fills, AnAnswerThatTakesTooLongAsAWholeIsBrokenOff) {
  Play play(limited([](model::FillOptions& fill) { fill.total_timeout = 300ms; }));
  std::atomic<bool> trickling{true};
  play.origin().on("/slow", [&](Asked& asked) {
    asked.line.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (trickling && asked.line.send("1\r\nx\r\n")) std::this_thread::sleep_for(10ms);
  });
  const Response r = play.get("/slow");
  EXPECT_EQ(r.status, 200);
  EXPECT_FALSE(r.complete);
  Gate gate;
  hold(play.origin(), "/silent", gate);
  EXPECT_EQ(play.get("/silent").status, 504);
  gate.open();
  trickling = false;
}

TEST(Fills, AnIdleConnectionIsEverybodys) {
  Play play({.options = [](Edge::Options& o) { o.threads = 4; }});
  play.origin().on("", ok("x", "Cache-Control: no-store\r\n"));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(play.get("/" + std::to_string(i)).body, "x");
  EXPECT_EQ(play.origin().connections(), 1) << "of 40 users on four threads, one after the other";
  play.origin().drop_connections();
  EXPECT_EQ(play.get("/after").body, "x") << "one that was closed is not used";
  EXPECT_EQ(play.origin().connections(), 2);
  EXPECT_EQ(play.counter("popnet_http_origin_failures_total"), 0);
}

}  // namespace
}  // namespace popnet::http::play
