#include "probe/kinds/curl/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>

#include "probe/kinds/curl/bench.h"

namespace popnet::probe {
namespace {

using ::testing::Contains;
using testing::CurlBench;
using ::testing::HasSubstr;
using testing::Line;
using testing::ScriptedServer;
using namespace std::chrono_literals;

CurlReply get(const ScriptedServer& server, Duration timeout = 5s) {
  CurlBench bench;
  return bench.fetch({.endpoint = server.endpoint(), .timeout = timeout});
}

TEST(CurlDriver, ConnectsToTheEndpointAndNamesTheHost) {
  std::promise<std::vector<std::string>> asked;
  const ScriptedServer server([&](Line& line) {
    asked.set_value(line.head());
    line.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  CurlBench bench;
  const CurlReply reply = bench.fetch(
      {.endpoint = server.endpoint(), .host = "www.shop.example", .path = "/health?deep=1", .timeout = 5s});
  EXPECT_EQ(reply.error, "");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "ok");
  EXPECT_GT(reply.first_byte, 0s);
  EXPECT_LE(reply.first_byte, reply.total);
  const auto head = asked.get_future().get();
  EXPECT_EQ(head.at(0), "GET /health?deep=1 HTTP/1.1");
  EXPECT_THAT(head, Contains("Host: www.shop.example"));
}

TEST(CurlDriver, ReachesIPv6AndNamesTheAddressWhereThereIsNoHost) {
  std::promise<std::vector<std::string>> asked;
  const ScriptedServer server(
      [&](Line& line) {
        asked.set_value(line.head());
        line.send("HTTP/1.1 204 No Content\r\n\r\n");
      },
      "::1");
  EXPECT_EQ(get(server).status, 204);
  EXPECT_THAT(asked.get_future().get(), Contains("Host: " + server.endpoint().to_string()));
}

TEST(CurlDriver, ProxiesOfTheEnvironmentAreIgnored) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const ScriptedServer server(testing::answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(get(server).error, "");
  ::unsetenv("http_proxy");
}

TEST(CurlDriver, RedirectsAreAnAnswerNotAnOrder) {
  const ScriptedServer elsewhere([](Line&) {});
  const ScriptedServer server(testing::answers("HTTP/1.1 302 Found\r\nLocation: http://" +
                                               elsewhere.endpoint().to_string() +
                                               "/\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(get(server).status, 302);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(CurlDriver, ReadsNoMoreBodyThanAllowed) {
  const ScriptedServer endless([](Line& line) {
    line.head();
    line.send("HTTP/1.1 200 OK\r\n\r\n");
    while (line.peer_is_there()) line.send(std::string(16 << 10, 'x'));
  });
  const CurlReply reply = get(endless);
  EXPECT_EQ(reply.error, "");
  EXPECT_TRUE(reply.body_cut);
  EXPECT_EQ(reply.body.size(), 64U << 10);

  const std::string exact(64 << 10, 'y');
  const ScriptedServer fits(testing::answers("HTTP/1.0 200 OK\r\n\r\n" + exact));
  const CurlReply whole = get(fits);
  EXPECT_FALSE(whole.body_cut);
  EXPECT_EQ(whole.body, exact);
}

TEST(CurlDriver, ReadsNoMoreHeadThanAllowed) {
  const ScriptedServer endless([](Line& line) {
    line.head();
    line.send("HTTP/1.1 200 OK\r\n");
    while (line.peer_is_there()) line.send("X-Filler: " + std::string(1000, 'x') + "\r\n");
  });
  EXPECT_EQ(get(endless).error, "the head of the answer is larger than 64KiB");
}

TEST(CurlDriver, SaysWhatWentWrong) {
  CurlBench bench;
  const Endpoint nobody{IpAddress::v4(127, 0, 0, 1), testing::free_port()};
  EXPECT_EQ(bench.fetch({.endpoint = nobody, .timeout = 5s}).error, "connection refused");

  const ScriptedServer closes([](Line& line) { line.head(); });
  EXPECT_EQ(get(closes).error, "closed without an answer");

  const ScriptedServer truncates(testing::answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
  EXPECT_EQ(get(truncates).error, "closed in the middle of the answer");

  const ScriptedServer chunks(
      testing::answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"));
  EXPECT_THAT(get(chunks).error, HasSubstr("chunk"));

  const ScriptedServer ssh(testing::answers("SSH-2.0-OpenSSH_9.2\r\n"));
  EXPECT_THAT(get(ssh).error, HasSubstr("the answer is not HTTP: "));
}

TEST(CurlDriver, LatenessSaysHowFarItCame) {
  const ScriptedServer silent([](Line& line) { line.until_closed(); });
  EXPECT_EQ(get(silent, 100ms).error, "no answer within 100ms");

  const ScriptedServer dripping([](Line& line) {
    line.head();
    line.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx");
    line.until_closed();
  });
  const CurlReply reply = get(dripping, 100ms);
  EXPECT_EQ(reply.error, "no complete answer within 100ms");
  EXPECT_EQ(reply.status, 200);
  EXPECT_LT(reply.first_byte, reply.total);
}

TEST(CurlDriver, ConnectionsThatNeverComeEndAtTheTimeoutOrWhenCancelled) {
  const testing::Deaf deaf;
  CurlBench bench;
  const auto start = [&](std::unique_ptr<Attempt>& attempt) {
    bench.on([&] {
      attempt = bench.driver()->start({.endpoint = deaf.endpoint(), .timeout = 5s}, [](const CurlReply&) {});
    });
  };
  std::unique_ptr<Attempt> cancelled;
  start(cancelled);
  EXPECT_EQ(bench.fetch({.endpoint = deaf.endpoint(), .timeout = 100ms}).error, "no connection within 100ms");
  bench.on([&] { cancelled.reset(); });
  const ScriptedServer server(testing::answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(bench.fetch({.endpoint = server.endpoint(), .timeout = 5s}).status, 200)
      << "with their descriptors";
}

TEST(CurlDriver, PlainServersFailTheHandshake) {
  CurlBench bench;
  const ScriptedServer plain(testing::answers("HTTP/1.1 200 OK\r\n\r\n"));
  const CurlReply reply = bench.fetch({.protocol = CurlRequest::Protocol::https,
                                       .endpoint = plain.endpoint(),
                                       .verify_tls = false,
                                       .timeout = 1s});
  EXPECT_THAT(reply.error, ::testing::AnyOf(HasSubstr("TLS handshake failed"), "no connection within 1s"));
}

TEST(CurlDriver, ManyTransfersShareTheLoop) {
  constexpr int count = 50;
  std::latch all_connected(count);
  const ScriptedServer server([&](Line& line) {
    line.head();
    all_connected.arrive_and_wait();  // nobody is answered before everybody is there
    line.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  CurlBench bench;
  std::vector<std::unique_ptr<Attempt>> attempts;
  std::latch all_done(count);
  std::atomic<int> good{0};
  bench.on([&] {
    for (int i = 0; i < count; ++i)
      attempts.push_back(
          bench.driver()->start({.endpoint = server.endpoint(), .timeout = 8s}, [&](const CurlReply& r) {
            if (r.status == 200) ++good;
            all_done.count_down();
          }));
  });
  all_done.wait();
  EXPECT_EQ(good, count);
  bench.on([&] { attempts.clear(); });
}

TEST(CurlDriver, CancelledTransfersAreSilentAtEveryStage) {
  const ScriptedServer silent([](Line& line) { line.until_closed(); });
  CurlBench bench;
  std::atomic<int> called{0};
  for (const auto stage : {0ms, 1ms, 20ms}) {
    std::unique_ptr<Attempt> attempt;
    bench.on([&] {
      attempt = bench.driver()->start({.endpoint = silent.endpoint(), .timeout = 5s},
                                      [&](const CurlReply&) { ++called; });
      if (stage == 0ms) attempt.reset();
    });
    std::this_thread::sleep_for(stage);  // lets the transfer come as far as it does in this time
    bench.on([&] { attempt.reset(); });
  }
  EXPECT_EQ(called, 0);
}

TEST(CurlDriver, DoneMayCancelTheOthersAndItself) {
  const ScriptedServer server([](Line& line) {
    line.head();
    line.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  CurlBench bench;
  std::vector<std::unique_ptr<Attempt>> attempts;
  std::promise<void> first;
  int called = 0;
  bench.on([&] {
    for (int i = 0; i < 5; ++i)
      attempts.push_back(
          bench.driver()->start({.endpoint = server.endpoint(), .timeout = 5s}, [&](const CurlReply&) {
            attempts.clear();
            if (++called == 1) first.set_value();
          }));
  });
  EXPECT_EQ(first.get_future().wait_for(5s), std::future_status::ready);
  bench.on([&] { EXPECT_EQ(called, 1); });
}

}  // namespace
}  // namespace popnet::probe
