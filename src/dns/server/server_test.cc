// The server on real sockets of the loopback: a resolver's view.
#include "dns/server/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <numeric>
#include <set>
#include <thread>

#include "dns/server/test_world.h"
#include "rt/socket.h"

namespace popnet::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr int patience_ms = 5000;

Endpoint loopback(uint16_t port = 0) {
  return {IpAddress::v4(127, 0, 0, 1), port};
}

/// A resolver: one socket, blocking calls with a bound.
class Client {
 public:
  Client(int kind, const Endpoint& server, const char* from = "127.0.0.1")
      : fd_(::socket(family(server), kind | SOCK_CLOEXEC, 0)) {
    const timeval bound{patience_ms / 1000, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    if (server.address.is_v4()) {
      const rt::SocketAddress local({IpAddress::parse(from).value(), 0});
      EXPECT_EQ(::bind(fd_.get(), local.raw(), local.length), 0);
    }
    const rt::SocketAddress to(server);
    EXPECT_EQ(::connect(fd_.get(), to.raw(), to.length), 0);
  }
  static int family(const Endpoint& e) { return e.address.is_v4() ? AF_INET : AF_INET6; }

  void send(std::span<const uint8_t> bytes) const {
    EXPECT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// With the length that leads messages on TCP.
  void send_framed(std::span<const uint8_t> bytes) const { send(framed(bytes)); }
  static std::vector<uint8_t> framed(std::span<const uint8_t> bytes) {
    std::vector<uint8_t> out = {static_cast<uint8_t>(bytes.size() >> 8), static_cast<uint8_t>(bytes.size())};
    out.insert(out.end(), bytes.begin(), bytes.end());
    return out;
  }
  [[nodiscard]] TestReply receive() const {
    std::vector<uint8_t> room(message_size_max);
    const ssize_t n = ::recv(fd_.get(), room.data(), room.size(), 0);
    return n < 0 ? TestReply{} : TestReply::read(std::span(room).first(static_cast<size_t>(n)));
  }
  [[nodiscard]] TestReply receive_framed() const {
    uint8_t length[2];
    if (::recv(fd_.get(), length, 2, MSG_WAITALL) != 2) return {};
    std::vector<uint8_t> room(static_cast<size_t>(length[0] << 8 | length[1]));
    if (::recv(fd_.get(), room.data(), room.size(), MSG_WAITALL) != static_cast<ssize_t>(room.size()))
      return {};
    return TestReply::read(room);
  }
  /// Whether the server closed the connection, within the bound.
  [[nodiscard]] bool closed() const {
    uint8_t byte;
    const ssize_t n = ::recv(fd_.get(), &byte, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  rt::UniqueFd fd_;
};

class ServerTest : public ::testing::Test {
 protected:
  void start(const Server::Options& options) {
    auto server = Server::start(options, epoch_, world_.view().snapshot, world_.view().names);
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
    at_ = server_->listening().at(0);
  }
  void start(int threads = 2) { start(Server::Options{{loopback()}, threads}); }

  [[nodiscard]] Client udp(const char* from = "127.0.0.1") const { return {SOCK_DGRAM, at_, from}; }
  [[nodiscard]] Client tcp() const { return {SOCK_STREAM, at_}; }
  [[nodiscard]] TestReply ask(const TestQuery& query, const char* from = "127.0.0.1") const {
    const Client client = udp(from);
    client.send(query);
    return client.receive();
  }
  [[nodiscard]] double counter(const std::string& name, const std::string& label = "") const {
    std::vector<CounterValue> values;
    server_->collect(values);
    double sum = 0;
    for (const auto& v : values)
      if (v.name == name && (label.empty() || (!v.labels.empty() && v.labels[0].second == label)))
        sum += v.value;
    return sum;
  }

  rt::Epoch epoch_;
  TestWorld world_;
  std::unique_ptr<Server> server_;
  Endpoint at_;
};

TestQuery www() {
  return TestQuery("www.example.com", type::a);
}

TEST_F(ServerTest, AnswersOverUdpAndTcpOnTheSamePort) {
  start();
  EXPECT_THAT(ask(www()).answer, SizeIs(2));
  const Client client = tcp();
  client.send_framed(www());
  EXPECT_THAT(client.receive_framed().answer, SizeIs(2));
}

TEST_F(ServerTest, AnswersOverIpv6) {
  start({{{IpAddress::parse("::1").value(), 0}}, 1});
  EXPECT_THAT(ask(www()).answer, SizeIs(2));
}

// RFC 2181 section 4.1: from the address the query was sent to; a connected socket sees no other reply.
TEST_F(ServerTest, BoundToAllAddressesItRepliesFromTheOneThatWasAsked) {
  start({{{IpAddress::v4(0, 0, 0, 0), 0}, {IpAddress(), 0}}, 1});
  for (const char* to : {"127.0.0.1", "127.0.5.9", "127.99.0.1"}) {
    at_.address = IpAddress::parse(to).value();
    EXPECT_THAT(ask(www()).answer, SizeIs(2)) << to;
  }
  at_ = {IpAddress::parse("::1").value(), server_->listening()[1].port};
  EXPECT_THAT(ask(www()).answer, SizeIs(2));
}

TEST_F(ServerTest, SilenceForRepliesAndShreds) {
  start();
  const Client client = udp();
  client.send(www().set_flags(flag::qr));
  client.send(www().cut_to(5));
  client.send(www());
  EXPECT_THAT(client.receive().answer, SizeIs(2))
      << "the first thing that comes back belongs to the third message";
  EXPECT_EQ(counter("popnet_dns_dropped_total"), 2);
}

TEST_F(ServerTest, ABurstOfMoreThanABatchIsAnsweredWhole) {
  start(1);
  const Client client = udp();
  std::set<int> missing;
  for (int i = 0; i < 200; ++i) {
    client.send(www().set_word(0, static_cast<uint16_t>(i)));
    missing.insert(i);
  }
  while (!missing.empty()) {
    const TestReply reply = client.receive();
    ASSERT_TRUE(reply.readable) << missing.size() << " replies missing";
    missing.erase(reply.bytes[0] << 8 | reply.bytes[1]);
  }
  EXPECT_EQ(counter("popnet_dns_queries_total", "udp"), 200);
}

TEST_F(ServerTest, PipelinedQueriesOverTcpAreAnsweredInOrder) {
  start(1);
  const Client client = tcp();
  std::vector<uint8_t> all;
  for (uint16_t i = 0; i < 50; ++i) {
    const auto one = Client::framed(www().set_word(0, i));
    all.insert(all.end(), one.begin(), one.end());
  }
  client.send(std::span(all).first(777));  // cut in the middle of a message
  client.send(std::span(all).subspan(777));
  for (int i = 0; i < 50; ++i) {
    const TestReply reply = client.receive_framed();
    ASSERT_TRUE(reply.readable);
    EXPECT_EQ(reply.bytes[1], i);
  }
}

TEST_F(ServerTest, AResolverMayCloseItsSideAndStillGetsTheReply) {
  start(1);
  const Client client = tcp();
  client.send_framed(www());
  ::shutdown(client.fd(), SHUT_WR);
  EXPECT_THAT(client.receive_framed().answer, SizeIs(2));
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTest, WhatIsNoDnsClosesTheConnection) {
  start(1);
  const Client web = tcp();
  web.send(std::vector<uint8_t>{'\0', '\5', 'h', 'e', 'l', 'l', 'o'});  // too short for a header
  EXPECT_TRUE(web.closed());
  const Client echo = tcp();
  echo.send_framed(www().set_flags(flag::qr));
  EXPECT_TRUE(echo.closed());
}

TEST_F(ServerTest, IdleConnectionsEnd) {
  Server::Options options{{loopback()}, 1};
  options.tcp.idle = std::chrono::milliseconds(50);
  start(options);
  const Client silent = tcp();
  const Client dribbling = tcp();
  dribbling.send(std::vector<uint8_t>{0, 30, 1});
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(dribbling.closed());
}

TEST_F(ServerTest, TheLongestIdleConnectionMakesRoom) {
  Server::Options options{{loopback()}, 1};
  options.tcp.connections_max = 2;
  start(options);
  const auto works = [](const Client& c) {
    c.send_framed(www());
    return c.receive_framed().readable;
  };
  const Client one = tcp(), two = tcp();
  EXPECT_TRUE(works(one) && works(two) && works(one));
  const Client three = tcp();
  EXPECT_TRUE(works(three));
  EXPECT_TRUE(two.closed());
  EXPECT_TRUE(works(one));
  EXPECT_EQ(counter("popnet_dns_tcp_evicted_total"), 1);
  EXPECT_EQ(counter("popnet_dns_tcp_accepted_total") - counter("popnet_dns_tcp_closed_total"), 2);
}

TEST_F(ServerTest, ASourcesConnectionsOverItsLimitAreClosedAtOnce) {
  Server::Options options{{loopback()}, 2};
  options.tcp.per_source = 2;
  start(options);
  const Client one = tcp(), two = tcp();
  for (const Client* c : {&one, &two}) {
    c->send_framed(www());
    EXPECT_TRUE(c->receive_framed().readable);
  }
  EXPECT_TRUE(tcp().closed());
  const Client elsewhere(SOCK_STREAM, at_, "127.0.0.2");
  elsewhere.send_framed(www());
  EXPECT_TRUE(elsewhere.receive_framed().readable);
  EXPECT_EQ(counter("popnet_dns_tcp_refused_total"), 1);
}

// A peer that asks and asks but never reads must not fill our memory.
TEST_F(ServerTest, APeerThatDoesNotReadIsNotReadFrom) {
  Server::Options options{{loopback()}, 1};
  options.tcp.idle = std::chrono::milliseconds(300);
  start(options);
  const Client client = tcp();
  const auto query = Client::framed(TestQuery("big.example.com", type::txt));
  std::vector<uint8_t> many;
  while (many.size() < 60000) many.insert(many.end(), query.begin(), query.end());
  size_t sent = 0;
  for (bool taken = true; taken && sent < (256U << 20);) {
    pollfd writable{client.fd(), POLLOUT, 0};
    taken = ::poll(&writable, 1, patience_ms) == 1 && (writable.revents & POLLOUT) != 0;
    const ssize_t n = taken ? ::send(client.fd(), many.data(), many.size(), MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
    taken = taken && n > 0;
    if (n > 0) sent += static_cast<size_t>(n);
  }
  EXPECT_LT(sent, 256U << 20) << "the server reads on and on, or closed never";
}

TEST_F(ServerTest, PublishingChangesAnswersWithoutLosingOne) {
  start(2);
  std::atomic<bool> over{false};
  std::atomic<int> lost{0}, answered{0};
  std::vector<std::thread> resolvers;
  for (int r = 0; r < 2; ++r) {
    resolvers.emplace_back([&] {
      while (!over) ask(TestQuery("img.shop.test", type::a)).answer.empty() ? ++lost : ++answered;
    });
  }
  for (uint64_t generation = 2; generation < 200 || answered < 200; ++generation) {
    server_->publish(test_snapshot(world_.config(), generation), world_.view().names);
    std::this_thread::yield();
  }
  over = true;
  for (auto& r : resolvers) r.join();
  EXPECT_EQ(lost, 0);
  const model::AnswerCounts counts = server_->answer_counts(*world_.config());
  EXPECT_EQ(counts.pops.at(0) + counts.pops.at(1), static_cast<uint64_t>(answered))
      << "publishing keeps the counts";
}

TEST_F(ServerTest, ReloadsLoseNoCount) {
  start(2);
  std::atomic<bool> over{false};
  std::atomic<uint64_t> pages{0}, zone{0};
  std::vector<std::thread> resolvers;
  for (int r = 0; r < 3; ++r) {
    resolvers.emplace_back([&] {
      const Client client = udp();
      while (!over) {
        client.send(TestQuery("www.shop.test", type::a));
        if (!client.receive().answer.empty()) ++pages;
        client.send(www());
        if (!client.receive().answer.empty()) ++zone;
      }
    });
  }
  const auto counted = [&] { return counter("popnet_dns_zone_answers_total", "example.com."); };
  double before = 0;
  for (uint64_t generation = 2; generation < 150 || zone < 500; ++generation) {
    model::Config config = test_config();
    config.generation = generation;
    const TestWorld next(test_zone, std::move(config));
    server_->publish(next.view().snapshot, next.view().names);
    const double now = counted();
    ASSERT_GE(now, before) << "counters only grow";
    before = now;
    epoch_.reclaim();
  }
  over = true;
  for (auto& r : resolvers) r.join();
  server_->stop();
  EXPECT_EQ(counted(), static_cast<double>(zone));
  const model::AnswerCounts counts = server_->answer_counts(*world_.config());
  EXPECT_EQ(std::accumulate(counts.origins[0].begin(), counts.origins[0].end(), uint64_t{0}), pages);
}

TEST_F(ServerTest, ANewConfigServesNewNamesAndKeepsTheCountsOfItsTargets) {
  start(1);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(ask(TestQuery("www.shop.test", type::a)).answer.empty());
  const model::AnswerCounts before = server_->answer_counts(*world_.config());
  model::Config changed = test_config();
  changed.generation = 8;
  changed.sites[0].hostnames[0].name = "new.shop.test";
  std::swap(changed.sites[0].origins[0], changed.sites[0].origins[2]);
  const TestWorld next(test_zone, changed);
  server_->publish(next.view().snapshot, next.view().names);
  EXPECT_EQ(ask(TestQuery("www.shop.test", type::a)).rcode, 5);
  EXPECT_FALSE(ask(TestQuery("new.shop.test", type::a)).answer.empty());
  const model::AnswerCounts after = server_->answer_counts(changed);
  const auto sum = [](const std::vector<uint64_t>& v) {
    return std::accumulate(v.begin(), v.end(), uint64_t{0});
  };
  EXPECT_EQ(sum(before.origins.at(0)), 10U);
  EXPECT_EQ(sum(after.origins.at(0)), 11U);
  EXPECT_GE(after.origins[0][0], before.origins[0][2]) << "counts follow names, not places";
  EXPECT_GE(after.origins[0][2], before.origins[0][0]);
  const model::AnswerCounts as_before = server_->answer_counts(*world_.config());
  EXPECT_EQ(as_before.origins[0][0], after.origins[0][2]) << "who still has the old config can read them too";
  EXPECT_EQ(as_before.origins[0][2], after.origins[0][0]);
}

TEST_F(ServerTest, ResolversThatAskForContentAreNotedForMeasuring) {
  start(1);
  EXPECT_THAT(server_->take_resolvers(), SizeIs(0));
  (void)ask(TestQuery("img.shop.test", type::a), "127.0.0.7");
  (void)ask(TestQuery("img.shop.test", type::a), "127.0.0.7");
  (void)ask(TestQuery("www.shop.test", type::a), "127.0.0.8");
  EXPECT_THAT(server_->take_resolvers(), ElementsAre(IpAddress::v4(127, 0, 0, 7)));
  EXPECT_THAT(server_->take_resolvers(), SizeIs(0));
}

TEST_F(ServerTest, APortInUseIsAnErrorThatNamesIt) {
  start(1);
  const auto again = [&] {
    return Server::start({{at_}, 1}, epoch_, world_.view().snapshot, world_.view().names);
  };
  auto refused = again();
  ASSERT_FALSE(refused.ok()) << "by ourselves";
  EXPECT_EQ(refused.error().code, ErrorCode::machine);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr(at_.to_string()));
  server_.reset();
  auto listener = rt::listen_tcp(at_);
  ASSERT_TRUE(listener.ok());
  EXPECT_FALSE(again().ok()) << "by another program, for TCP only";
  listener->reset();
  EXPECT_TRUE(again().ok());
}

TEST_F(ServerTest, StopAnswersWhatWasReceived) {
  start(1);
  const Client u = udp(), t = tcp();
  t.send_framed(www());
  EXPECT_TRUE(t.receive_framed().readable);
  for (uint16_t i = 0; i < 30; ++i) u.send(www().set_word(0, i));
  t.send_framed(www());
  server_->stop();
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(u.receive().readable);
  EXPECT_TRUE(t.receive_framed().readable);
  EXPECT_TRUE(t.closed());
  server_->stop();
}

TEST_F(ServerTest, AnIdleServerStopsAtOnce) {
  start(2);
  server_.reset();
}

}  // namespace
}  // namespace popnet::dns
