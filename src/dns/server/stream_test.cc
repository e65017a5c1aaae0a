// DNS over TLS and behind a PROXY header, on real sockets of the loopback.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "dns/server/server.h"
#include "dns/server/test_world.h"
#include "rt/clock.h"
#include "rt/socket.h"
#include "tls/context.h"
#include "tls/test_certificate.h"

namespace popnet::dns {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t proxy_head[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/// "this is from 203.0.113.9": near nyc, where the loopback is near nothing.
Bytes proxied(uint8_t transport) {
  Bytes bytes(std::begin(proxy_head), std::end(proxy_head));
  for (const int b : {0x21, 0x10 | transport, 0, 12, 203, 0, 113, 9, 127, 0, 0, 1, 0x30, 0x39, 0, 53})
    bytes.push_back(static_cast<uint8_t>(b));
  return bytes;
}

Bytes framed(std::span<const uint8_t> message) {
  Bytes out = {static_cast<uint8_t>(message.size() >> 8), static_cast<uint8_t>(message.size())};
  for (const uint8_t b : message) out.push_back(b);
  return out;
}

rt::UniqueFd connect_to(const Endpoint& server, int kind) {
  rt::UniqueFd fd(::socket(AF_INET, kind | SOCK_CLOEXEC, 0));
  const timeval bound{5, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  const rt::SocketAddress to(server);
  EXPECT_EQ(::connect(fd.get(), to.raw(), to.length), 0);
  return fd;
}

/// A resolver's TLS session over a connected socket.
class TlsClient {
 public:
  TlsClient(int fd, const char* protocol) : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    session_.reset(SSL_new(context_.get()));
    if (protocol != nullptr) {
      Bytes list = {static_cast<uint8_t>(std::strlen(protocol))};
      for (const char* c = protocol; *c != 0; ++c) list.push_back(static_cast<uint8_t>(*c));
      SSL_set_alpn_protos(session_.get(), list.data(), static_cast<unsigned>(list.size()));
    }
    SSL_set_fd(session_.get(), fd);
    connected_ = SSL_connect(session_.get()) == 1;
  }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(session_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  [[nodiscard]] std::string subject() const {
    const std::unique_ptr<X509, void (*)(X509*)> peer(SSL_get1_peer_certificate(session_.get()), X509_free);
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name, sizeof name);
    return name;
  }
  [[nodiscard]] bool was_closed_in_order() const {
    return (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  void send(const Bytes& bytes) {
    EXPECT_EQ(SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  /// Sends it again and again without a pause, and reads what comes, until told to stop. For a socket that does not block.
  void flood(const Bytes& bytes, const std::atomic<bool>& stop) {
    Bytes room(1 << 16);
    while (!stop) {
      (void)SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
      for (int i = 0; i < 8 && SSL_read(session_.get(), room.data(), static_cast<int>(room.size())) > 0;) ++i;
    }
  }
  /// KeyUpdate after KeyUpdate (RFC 8446 section 4.6.3), until told to stop.
  void change_keys(const std::atomic<bool>& stop) {
    while (!stop && SSL_key_update(session_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(session_.get()) == 1) {
    }
    EXPECT_TRUE(stop) << "not refused";
  }
  TestReply receive() {
    const Bytes length = read(2);
    return length.size() < 2 ? TestReply{}
                             : TestReply::read(read(static_cast<size_t>(length[0] << 8 | length[1])));
  }

 private:
  Bytes read(size_t size) {
    Bytes bytes(size);
    for (size_t at = 0; at < size;) {
      const int n = SSL_read(session_.get(), bytes.data() + at, static_cast<int>(size - at));
      if (n <= 0) return {};
      at += static_cast<size_t>(n);
    }
    return bytes;
  }
  struct Free {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, Free> session_;
  bool connected_ = false;
};

class StreamTest : public ::testing::Test {
 protected:
  void start(bool behind_proxy = false, int threads = 2) {
    ::signal(SIGPIPE, SIG_IGN);  // as popnet does
    config_ = test_config();
    config_.node.dns_server.tls_certificate = certificate_.certificate_path();
    config_.node.dns_server.tls_key = certificate_.key_path();
    if (behind_proxy) config_.node.dns_server.proxies = {Prefix::parse("127.0.0.1").value()};
    world_ = std::make_unique<TestWorld>(test_zone, config_);
    Server::Options options;
    const Endpoint any_port = {IpAddress::v4(127, 0, 0, 1), 0};
    options.listen = {any_port};
    options.tls_listen = {any_port};
    options.threads = threads;
    auto server = Server::start(options, epoch_, world_->view().snapshot, world_->view().names);
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
  }
  /// To another client, over TLS, promptly.
  void expect_answers_beside(const std::function<void(const std::atomic<bool>& stop)>& flood) {
    const auto fd = connect_to(tls(), SOCK_STREAM);
    TlsClient client(fd.get(), "dot");
    std::atomic<bool> stop = false;
    std::thread flooding([&] { flood(stop); });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    Duration slowest = {};
    for (const auto end = rt::monotonic_now() + std::chrono::seconds(2);
         rt::monotonic_now() < end && slowest < std::chrono::seconds(1);) {
      const auto asked = rt::monotonic_now();
      client.send(framed(TestQuery("www.example.com", type::a)));
      EXPECT_EQ(client.receive().answer.size(), 2u);
      slowest = std::max<Duration>(slowest, rt::monotonic_now() - asked);
    }
    EXPECT_LT(slowest, std::chrono::milliseconds(500));
    stop = true;
    flooding.join();
  }
  [[nodiscard]] Endpoint tls() const { return server_->listening_tls().at(0); }
  [[nodiscard]] Endpoint plain() const { return server_->listening().at(0); }

  tls::TestCertificate certificate_;
  model::Config config_;
  rt::Epoch epoch_;
  std::unique_ptr<TestWorld> world_;
  std::unique_ptr<Server> server_;
};

TEST_F(StreamTest, ManyQueriesInOneTlsSession) {
  start();
  const auto fd = connect_to(tls(), SOCK_STREAM);
  TlsClient client(fd.get(), "dot");
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.protocol(), "dot");
  Bytes all;
  for (int i = 0; i < 50; ++i) {
    const Bytes one =
        framed(TestQuery(i % 2 ? "www.example.com" : "big.example.com", i % 2 ? type::a : type::txt).edns());
    all.insert(all.end(), one.begin(), one.end());
  }
  client.send(all);
  for (int i = 0; i < 50; ++i) {
    const TestReply reply = client.receive();
    EXPECT_EQ(reply.answer.size(), i % 2 ? 2u : 5u);
    EXPECT_EQ(reply.bytes.size() % padding_block, 0u) << "padded";
  }
}

TEST_F(StreamTest, AClientThatNeverPausesHoldsUpNobody) {
  start(false, 1);
  const auto fd = connect_to(tls(), SOCK_STREAM);
  TlsClient flooding(fd.get(), "dot");
  const Bytes query = framed(TestQuery("www.example.com", type::a).edns());
  Bytes many;
  while (many.size() + query.size() < 16'000) many.insert(many.end(), query.begin(), query.end());
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  expect_answers_beside([&](const std::atomic<bool>& stop) { flooding.flood(many, stop); });
}

TEST_F(StreamTest, AClientThatChangesItsKeysWithoutEndHoldsUpNobody) {
  start(false, 1);
  const auto fd = connect_to(tls(), SOCK_STREAM);
  TlsClient flooding(fd.get(), "dot");
  expect_answers_beside([&](const std::atomic<bool>& stop) { flooding.change_keys(stop); });
}

TEST_F(StreamTest, OtherProtocolsAreRefusedAndNoneIsFine) {
  start();
  const auto http = connect_to(tls(), SOCK_STREAM);
  EXPECT_FALSE(TlsClient(http.get(), "h2").connected());
  const auto silent = connect_to(tls(), SOCK_STREAM);
  TlsClient client(silent.get(), nullptr);
  ASSERT_TRUE(client.connected());
  client.send(framed(TestQuery("www.example.com", type::a)));
  EXPECT_EQ(client.receive().answer.size(), 2u);
}

TEST_F(StreamTest, WhatIsNotTlsEndsTheConnection) {
  start();
  const auto fd = connect_to(tls(), SOCK_STREAM);
  const Bytes query = framed(TestQuery("www.example.com", type::a));
  ASSERT_EQ(::send(fd.get(), query.data(), query.size(), MSG_NOSIGNAL), static_cast<ssize_t>(query.size()));
  Bytes rest(64);
  ssize_t n;
  while ((n = ::recv(fd.get(), rest.data(), rest.size(), 0)) > 0) {  // an alert at most
  }
  EXPECT_TRUE(n == 0 || errno == ECONNRESET);
}

TEST_F(StreamTest, ANewCertificateAtReloadAndTheOldOneWhenItIsBroken) {
  start();
  const auto old_fd = connect_to(tls(), SOCK_STREAM);
  TlsClient old_session(old_fd.get(), "dot");
  const auto reload = [&](const std::string& certificate, const std::string& key) {
    config_.node.dns_server.tls_certificate = certificate;
    config_.node.dns_server.tls_key = key;
    ++config_.generation;
    world_ = std::make_unique<TestWorld>(test_zone, config_);
    server_->publish(world_->view().snapshot, world_->view().names);
  };
  const auto subject = [&] {
    const auto fd = connect_to(tls(), SOCK_STREAM);
    return TlsClient(fd.get(), "dot").subject();
  };
  EXPECT_EQ(subject(), "dns.test");
  const tls::TestCertificate renewed("renewed.test");
  reload(renewed.certificate_path(), renewed.key_path());
  EXPECT_EQ(subject(), "renewed.test");
  reload("/nowhere/certificate.pem", "/nowhere/key.pem");
  EXPECT_EQ(subject(), "renewed.test");
  old_session.send(framed(TestQuery("www.example.com", type::a)));
  EXPECT_EQ(old_session.receive().answer.size(), 2u) << "sessions under way go on";
}

// The session began with a context that nothing else has any more.
TEST_F(StreamTest, AHandshakeMayBeginAfterAReload) {
  start();
  const auto fd = connect_to(tls(), SOCK_STREAM);
  const auto accepted = [&] {
    std::vector<CounterValue> counters;
    server_->collect(counters);
    return std::ranges::any_of(counters, [](const CounterValue& c) {
      return c.name.find("tcp") != std::string::npos && c.value > 0;
    });
  };
  while (!accepted()) std::this_thread::yield();
  ++config_.generation;
  world_ = std::make_unique<TestWorld>(test_zone, config_);
  server_->publish(world_->view().snapshot, world_->view().names);
  while (epoch_.retired() > 0) epoch_.reclaim();
  const std::vector<std::unique_ptr<Bytes>> others = [] {
    std::vector<std::unique_ptr<Bytes>> some;
    for (int i = 0; i < 100; ++i) some.push_back(std::make_unique<Bytes>(20 + i, 0xee));
    return some;
  }();
  TlsClient client(fd.get(), "dot");
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.protocol(), "dot");
}

// `serve --replace`, of which this is the old process.
TEST_F(StreamTest, ATlsConnectionThatCannotBePassedOnIsLetGoInAPause) {
  start();
  const auto fd = connect_to(tls(), SOCK_STREAM);
  TlsClient client(fd.get(), "dot");
  const Bytes query = framed(TestQuery("www.example.com", type::a).edns());
  const Bytes close_it = {0, edns::tcp_keepalive, 0, 2, 0, 0};
  const auto tells_to_close = [&](const TestReply& reply) {
    return std::search(reply.bytes.begin(), reply.bytes.end(), close_it.begin(), close_it.end()) !=
           reply.bytes.end();
  };
  client.send(query);
  EXPECT_FALSE(tells_to_close(client.receive()));
  const auto begin = rt::monotonic_now();
  std::thread stop(
      [&] { server_->stop(std::chrono::seconds(5), {.take = [](const auto&) { return false; }}); });
  bool told = false;
  for (int i = 0; i < 500 && !told; ++i) {  // until the other thread has got there
    client.send(query);
    const TestReply reply = client.receive();
    ASSERT_EQ(reply.answer.size(), 2u);
    told = tells_to_close(reply);
  }
  EXPECT_TRUE(told) << "by the replies to queries that said nothing of it";
  EXPECT_TRUE(client.receive().bytes.empty());
  EXPECT_TRUE(client.was_closed_in_order());
  const Bytes late(100);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(::send(fd.get(), late.data(), late.size(), MSG_NOSIGNAL), 100) << "what comes is no reset";
  ::shutdown(fd.get(), SHUT_WR);
  stop.join();
  EXPECT_LT(rt::monotonic_now() - begin, std::chrono::seconds(4));
}

// `serve --replace`, twice: the session stays where its keys are, and the queries go to whoever serves.
TEST_F(StreamTest, ATlsConnectionIsPassedOnDecrypted) {
  start();
  const auto fd = connect_to(tls(), SOCK_STREAM);
  TlsClient client(fd.get(), "dot");
  const Endpoint reached = tls();
  const Bytes query = framed(TestQuery("www.example.com", type::a).edns());
  const Bytes close_it = {0, edns::tcp_keepalive, 0, 2, 0, 0};
  client.send(query);
  EXPECT_EQ(client.receive().answer.size(), 2u);
  client.send({query.begin(), query.begin() + 5});
  tls::Relays relays;
  for (int i = 0; i < 2; ++i) {
    rt::UniqueFd passed;
    ConnectionPeer peer;
    Bytes received;
    server_->stop(std::chrono::seconds(5), {.take =
                                                [&](const PassedConnection& connection) {
                                                  passed = rt::UniqueFd(::dup(connection.fd));
                                                  peer = connection.peer;
                                                  received.assign(connection.received.begin(),
                                                                  connection.received.end());
                                                  return true;
                                                },
                                            .relays = &relays});
    ASSERT_TRUE(passed.valid());
    EXPECT_EQ(peer.decrypted_at, reached) << "of all, the first one";
    EXPECT_EQ(relays.count(), 1u);
    start();
    server_->adopt(std::move(passed), peer, received);
    client.send({query.begin() + 5, query.end()});
    const TestReply reply = client.receive();
    EXPECT_EQ(reply.answer.size(), 2u);
    EXPECT_NE(std::search(reply.bytes.begin(), reply.bytes.end(), close_it.begin(), close_it.end()),
              reply.bytes.end())
        << "a connection of its own would be better";
    client.send({query.begin(), query.begin() + 5});
  }
  std::promise<void> empty;
  relays.when_empty([&] { empty.set_value(); });
  server_->stop();
  EXPECT_TRUE(client.receive().bytes.empty());
  EXPECT_TRUE(client.was_closed_in_order());
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_EQ(empty.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST_F(StreamTest, ATlsConnectionOfAProxyIsPassedOnOnceItsHeaderIsRead) {
  start(true);
  const auto fd = connect_to(tls(), SOCK_STREAM);
  const Bytes head = proxied(1);
  ASSERT_EQ(::send(fd.get(), head.data(), 20, MSG_NOSIGNAL), 20);
  tls::Relays relays;
  std::promise<std::pair<rt::UniqueFd, ConnectionPeer>> passed;
  std::thread stop([&] {
    server_->stop(std::chrono::seconds(5),
                  {.take =
                       [&](const PassedConnection& connection) {
                         passed.set_value({rt::UniqueFd(::dup(connection.fd)), connection.peer});
                         return true;
                       },
                   .relays = &relays});
  });
  ASSERT_EQ(::send(fd.get(), head.data() + 20, head.size() - 20, MSG_NOSIGNAL),
            static_cast<ssize_t>(head.size()) - 20);
  TlsClient client(fd.get(), "dot");
  ASSERT_TRUE(client.connected());
  stop.join();
  auto [theirs, peer] = passed.get_future().get();
  start(true);
  server_->adopt(std::move(theirs), peer, {});
  client.send(framed(TestQuery("img.shop.test", type::a).bytes()));
  EXPECT_EQ(client.receive().answer.at(0), "img.shop.test. 20 IN A 192.0.2.2") << "for whom the proxy speaks";
}

// `serve --replace`: the other process goes on with what this one has heard.
TEST_F(StreamTest, AConnectionOfAProxyIsPassedOnWithWhomItSpeaksFor) {
  Bytes for_itself(std::begin(proxy_head), std::end(proxy_head));
  for (const uint8_t b : {0x20, 0, 0, 0}) for_itself.push_back(b);
  const Bytes query = framed(TestQuery("img.shop.test", type::a).edns());
  struct Case {
    Bytes head;
    size_t before;  // bytes of the head that come before the other process has the connection
    bool asks_before;
    std::string answer;
  };
  const Bytes head = proxied(1);
  const std::string nyc = "img.shop.test. 20 IN A 192.0.2.2", own = "img.shop.test. 20 IN A 192.0.2.1";
  for (const Case& c :
       {Case{head, head.size(), true, nyc}, Case{head, head.size(), false, nyc}, Case{head, 9, false, nyc},
        Case{head, 0, false, nyc}, Case{for_itself, for_itself.size(), true, own}}) {
    start(true);
    const auto fd = connect_to(plain(), SOCK_STREAM);
    const auto send = [&](std::span<const uint8_t> bytes) {
      ASSERT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(bytes.size()));
    };
    const auto ask = [&] {
      send(query);
      Bytes room(2);
      EXPECT_EQ(::recv(fd.get(), room.data(), 2, MSG_WAITALL), 2);
      room.resize(static_cast<size_t>(room[0] << 8 | room[1]));
      EXPECT_EQ(::recv(fd.get(), room.data(), room.size(), MSG_WAITALL), static_cast<ssize_t>(room.size()));
      return room.size() < 12 ? std::string() : TestReply::read(room).answer.at(0);
    };
    send(std::span(c.head).first(c.before));
    if (c.asks_before) {
      EXPECT_EQ(ask(), c.answer);
    }
    rt::UniqueFd passed;
    ConnectionPeer peer;
    Bytes received;
    server_->stop(std::chrono::seconds(5), {.take = [&](const PassedConnection& connection) {
                    passed = rt::UniqueFd(::dup(connection.fd));
                    peer = connection.peer;
                    received.assign(connection.received.begin(), connection.received.end());
                    return true;
                  }});
    ASSERT_TRUE(passed.valid());
    EXPECT_TRUE(peer.proxy);
    start(true);
    server_->adopt(std::move(passed), peer, received);
    send(std::span(c.head).subspan(c.before));
    EXPECT_EQ(ask(), c.answer) << c.before;
  }
}

TEST_F(StreamTest, AProxyTellsWhoAsks) {
  start(true);
  const Bytes query = TestQuery("img.shop.test", type::a).bytes();
  const std::string nyc = "img.shop.test. 20 IN A 192.0.2.2";
  // UDP: the header is before each message.
  const auto udp = connect_to(plain(), SOCK_DGRAM);
  Bytes message = proxied(2);
  message.insert(message.end(), query.begin(), query.end());
  ASSERT_EQ(::send(udp.get(), query.data(), query.size(), 0),
            static_cast<ssize_t>(query.size()));  // without: silence
  ASSERT_EQ(::send(udp.get(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
  Bytes room(1500);
  ssize_t n = ::recv(udp.get(), room.data(), room.size(), 0);
  ASSERT_GT(n, 0);
  EXPECT_EQ(TestReply::read(std::span(room).first(static_cast<size_t>(n))).answer.at(0), nyc);
  // TCP: once, in pieces.
  const auto tcp = connect_to(plain(), SOCK_STREAM);
  Bytes stream = proxied(1);
  const Bytes one = framed(query);
  stream.insert(stream.end(), one.begin(), one.end());
  for (const uint8_t byte : stream) ASSERT_EQ(::send(tcp.get(), &byte, 1, MSG_NOSIGNAL), 1);
  ASSERT_EQ(::recv(tcp.get(), room.data(), 2, MSG_WAITALL), 2);
  n = ::recv(tcp.get(), room.data(), static_cast<size_t>(room[0] << 8 | room[1]), MSG_WAITALL);
  EXPECT_EQ(TestReply::read(std::span(room).first(static_cast<size_t>(n))).answer.at(0), nyc);
  // TLS: before the handshake.
  const auto secure = connect_to(tls(), SOCK_STREAM);
  const Bytes header = proxied(1);
  ASSERT_EQ(::send(secure.get(), header.data(), header.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(header.size()));
  TlsClient client(secure.get(), "dot");
  ASSERT_TRUE(client.connected());
  client.send(one);
  EXPECT_EQ(client.receive().answer.at(0), nyc);
}

TEST_F(StreamTest, AProxyWithoutItsHeaderIsClosed) {
  start(true);
  const auto tcp = connect_to(plain(), SOCK_STREAM);
  const Bytes query = framed(TestQuery("www.example.com", type::a));
  ASSERT_EQ(::send(tcp.get(), query.data(), query.size(), MSG_NOSIGNAL), static_cast<ssize_t>(query.size()));
  uint8_t byte;
  const ssize_t n = ::recv(tcp.get(), &byte, 1, 0);
  EXPECT_TRUE(n == 0 || (n < 0 && errno == ECONNRESET));
}

TEST_F(StreamTest, AHeaderFromSomebodyElseIsNoQuery) {
  start();
  const auto udp = connect_to(plain(), SOCK_DGRAM);
  Bytes message = proxied(2);
  const Bytes query = TestQuery("img.shop.test", type::a).bytes();
  message.insert(message.end(), query.begin(), query.end());
  ASSERT_EQ(::send(udp.get(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
  ASSERT_EQ(::send(udp.get(), query.data(), query.size(), 0), static_cast<ssize_t>(query.size()));
  Bytes room(1500);
  const ssize_t n = ::recv(udp.get(), room.data(), room.size(), 0);
  ASSERT_GE(n, 2);
  const TestReply first = TestReply::read(std::span(room).first(static_cast<size_t>(n)));
  EXPECT_TRUE(first.answer.empty() || first.bytes[0] == 0x12) << "the header is not believed";
}

TEST(Certificates, ErrorsNameTheFileAndWhatWouldBeRight) {
  const tls::TestCertificate one, two;
  const auto missing = tls::ServerContext::load("/nowhere/certificate.pem", one.key_path(), "dot");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, ::testing::HasSubstr("/nowhere/certificate.pem"));
  const auto mixed = tls::ServerContext::load(one.certificate_path(), two.key_path(), "dot");
  ASSERT_FALSE(mixed.ok());
  EXPECT_THAT(mixed.error().message, ::testing::HasSubstr(two.key_path()));
  EXPECT_TRUE(tls::ServerContext::load(one.certificate_path(), one.key_path(), "dot").ok());
}

}  // namespace
}  // namespace popnet::dns
