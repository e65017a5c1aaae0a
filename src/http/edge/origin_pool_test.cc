#include "http/edge/origin_pool.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <future>

#include "rt/shards.h"
#include "rt/socket.h"
#include "tls/test_certificate.h"

namespace popnet::http {
namespace {
using namespace std::chrono_literals;

/// An origin of which the test is every step.
class Origin {
 public:
  [[nodiscard]] OriginPeer peer() const { return {rt::local_endpoint(listener_.get())}; }
  /// The next connection that was made to it.
  rt::UniqueFd accept() {
    pollfd ready{listener_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 10'000) != 1) return {};
    return rt::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  const rt::UniqueFd listener_ = std::move(*rt::listen_tcp({IpAddress::v4(127, 0, 0, 1), 0}));
};

/// One use of a connection; what happens in it is a result that the test waits for.
struct Use final : OriginConnection::User {
  std::unique_ptr<OriginConnection> connection;
  std::promise<void> connected;
  std::promise<std::string> received;  // "": the end
  bool waits = false;

  void on_connected() override { connected.set_value(); }
  void on_connect_failed(const Error& error) override { ADD_FAILURE() << error.message; }
  void on_writable() override {}
  void on_readable() override {
    std::array<char, 100> room;
    const ssize_t n = connection->read(room);
    if (!std::exchange(waits, false)) return;
    received.set_value(std::string(room.data(), static_cast<size_t>(std::max<ssize_t>(n, 0))));
  }
  std::future<std::string> expect() {
    waits = true;
    received = {};
    return received.get_future();
  }
};

class Pools : public ::testing::Test {
 protected:
  Pools() {
    shards_.on_each([&](int i) { pool(i) = std::make_unique<OriginPool>(shards_.loop(i), all_); });
  }
  ~Pools() override {
    shards_.on_each([&](int i) { pool(i).reset(); });
  }
  std::unique_ptr<OriginPool>& pool(int thread) { return pools_[static_cast<size_t>(thread)]; }
  /// On that thread, in one turn of its loop.
  void on(int thread, const std::function<void(OriginPool&)>& work) {
    shards_.on_each([&](int i) {
      if (i == thread) work(*pool(i));
    });
  }
  void connect(int thread, Use& use) {
    on(thread, [&](OriginPool& p) { use.connection = std::move(*p.connect(origin_.peer(), use)); });
    use.connected.get_future().get();
  }
  void give_back(int thread, Use& use) {
    on(thread, [&](OriginPool& p) { p.give_back(std::move(use.connection), true); });
  }
  bool take(int thread, Use& use) {
    on(thread, [&](OriginPool& p) { use.connection = p.take(origin_.peer(), use); });
    return use.connection != nullptr;
  }

  Origin origin_;
  rt::Epoch epoch_;
  IdleConnections all_{20s, 2};
  std::array<std::unique_ptr<OriginPool>, 2> pools_;
  rt::Shards shards_{"pool", 2, epoch_};
};

TEST_F(Pools, AConnectionIsTakenAgain) {
  Use use;
  connect(0, use);
  EXPECT_FALSE(use.connection->reused());
  const rt::UniqueFd there = origin_.accept();
  for (int i = 0; i < 3; ++i) {
    give_back(0, use);
    ASSERT_TRUE(take(0, use));
    EXPECT_TRUE(use.connection->reused());
    auto answer = use.expect();
    ASSERT_EQ(::send(there.get(), "hello", 5, 0), 5);
    EXPECT_EQ(answer.get(), "hello");
  }
  give_back(0, use);
}

TEST_F(Pools, AThreadWithoutTakesThatOfAnother) {
  Use first, second;
  connect(0, first);
  const rt::UniqueFd there = origin_.accept();
  give_back(0, first);
  for (const int thread : {1, 0, 1}) {
    ASSERT_TRUE(take(thread, second));
    EXPECT_FALSE(take(1 - thread, first)) << "it is in use";
    auto answer = second.expect();
    ASSERT_EQ(::send(there.get(), "hello", 5, 0), 5);
    EXPECT_EQ(answer.get(), "hello");
    give_back(thread, second);
  }
  // That of the other one is closed, too, when the origin says so: for it, and for no other.
  ASSERT_EQ(::shutdown(there.get(), SHUT_WR), 0);
  char byte;
  EXPECT_EQ(::recv(there.get(), &byte, 1, 0), 0);
  EXPECT_FALSE(take(0, first));
  EXPECT_FALSE(take(1, second));
}

TEST_F(Pools, OneThatTheOriginHasClosedIsNotTaken) {
  Use use;
  connect(0, use);
  rt::UniqueFd there = origin_.accept();
  give_back(0, use);
  ASSERT_EQ(::shutdown(there.get(), SHUT_WR), 0);
  char byte;
  EXPECT_EQ(::recv(there.get(), &byte, 1, 0), 0) << "closed as soon as the loop hears of it";
  EXPECT_FALSE(take(0, use));
  EXPECT_FALSE(take(1, use));
}

TEST_F(Pools, OneThatTalksUnaskedIsNotTakenInTheTurnInWhichItWasGivenBack) {
  Use use;
  connect(0, use);
  const rt::UniqueFd there = origin_.accept();
  on(0, [&](OriginPool& p) {
    ASSERT_EQ(::send(there.get(), "more", 4, 0), 4);
    p.give_back(std::move(use.connection), true);
    use.connection = p.take(origin_.peer(), use);
  });
  EXPECT_EQ(use.connection, nullptr);
}

TEST_F(Pools, WhatCameBeforeTheRequestIsNoAnswer) {
  Use first, second;
  connect(0, first);
  const rt::UniqueFd first_there = origin_.accept();
  connect(0, second);
  const rt::UniqueFd second_there = origin_.accept();
  give_back(0, second);
  // While its thread is busy both connections become readable: the one in use, whose end makes the other be used, and
  // that other.
  struct Chain final : OriginConnection::User {
    Use* next = nullptr;
    OriginPool* pool = nullptr;
    OriginPeer peer;
    std::unique_ptr<OriginConnection> connection;
    void on_connected() override {}
    void on_connect_failed(const Error&) override {}
    void on_writable() override {}
    void on_readable() override {
      pool->give_back(std::move(connection), false);
      next->connection = pool->take(peer, *next);
    }
  } chain;
  chain.next = &second;
  chain.peer = origin_.peer();
  std::future<std::string> answer;
  give_back(0, first);
  on(0, [&](OriginPool& p) {
    chain.pool = &p;
    chain.connection = p.take(chain.peer, chain);
    answer = second.expect();
  });
  ASSERT_NE(chain.connection, nullptr);
  on(0, [&](OriginPool&) {
    ASSERT_EQ(::send(first_there.get(), "end", 3, 0), 3);
    ASSERT_EQ(::send(second_there.get(), "unasked", 7, 0), 7);
  });
  EXPECT_EQ(answer.get(), "") << "as if closed";
  on(0, [&](OriginPool& p) { p.give_back(std::move(second.connection), false); });
}

TEST_F(Pools, NoMoreAreKeptThanMayBe) {
  std::array<Use, 3> uses;
  std::array<rt::UniqueFd, 3> there;
  for (size_t i = 0; i < 3; ++i) {
    connect(0, uses[i]);
    there[i] = origin_.accept();
  }
  for (Use& use : uses) give_back(0, use);
  char byte;
  EXPECT_EQ(::recv(there[0].get(), &byte, 1, 0), 0) << "the one that was idle for the longest";
  EXPECT_TRUE(take(0, uses[0]));
  EXPECT_TRUE(take(1, uses[1]));
  EXPECT_FALSE(take(0, uses[2]));
  give_back(0, uses[0]);
  give_back(1, uses[1]);
}

TEST(Pool, ClosesWhatIsIdleForTooLong) {
  Origin origin;
  rt::Epoch epoch;
  IdleConnections all(1ms, 2);
  rt::Shards shards("pool", 1, epoch);
  std::unique_ptr<OriginPool> pool;
  Use use;
  shards.on_each([&](int) {
    pool = std::make_unique<OriginPool>(shards.loop(0), all);
    use.connection = std::move(*pool->connect(origin.peer(), use));
  });
  use.connected.get_future().get();
  const rt::UniqueFd there = origin.accept();
  shards.on_each([&](int) { pool->give_back(std::move(use.connection), true); });
  char byte;
  EXPECT_EQ(::recv(there.get(), &byte, 1, 0), 0);
  shards.on_each([&](int) { pool.reset(); });
}

TEST(Pool, TellsOnceThatASecureOriginHasGoneWhileNobodyReads) {
  struct User final : OriginConnection::User {
    std::unique_ptr<OriginConnection> connection;
    std::promise<void> connected, gone;
    int told = 0;
    void on_connected() override { connected.set_value(); }
    void on_connect_failed(const Error& error) override { ADD_FAILURE() << error.message; }
    void on_readable() override {  // tickets, that TLS sends by itself
      std::array<char, 100> room;
      EXPECT_LT(connection->read(room), 0);
    }
    void on_writable() override {
      if (++told == 1) gone.set_value();
    }
  } user;
  const tls::TestCertificate certificate("origin.example", "");
  const auto server =
      *tls::ServerContext::load(certificate.certificate_path(), certificate.key_path(), "http/1.1");
  Origin origin;
  OriginPeer peer = origin.peer();
  peer.tls = *tls::ClientContext::make({.verify = false});
  peer.name = "origin.example";
  rt::Epoch epoch;
  IdleConnections all(20s, 2);
  rt::Shards shards("pool", 1, epoch);
  std::unique_ptr<OriginPool> pool;
  shards.on_each([&](int) {
    pool = std::make_unique<OriginPool>(shards.loop(0), all);
    user.connection = std::move(*pool->connect(peer, user));
  });
  rt::UniqueFd there = origin.accept();
  auto session = server->accept(there.get());
  ASSERT_EQ(session->shake_hands().result, tls::Session::Result::done);
  user.connected.get_future().get();
  shards.on_each([&](int) { user.connection->want_read(false); });
  const linger at_once{1, 0};
  ASSERT_EQ(::setsockopt(there.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  there.reset();
  user.gone.get_future().get();
  for (int turns = 0; turns < 20; ++turns) shards.on_each([](int) {});
  shards.on_each([&](int) {
    EXPECT_EQ(user.told, 1);
    pool->give_back(std::move(user.connection), false);
  });
  shards.on_each([&](int) { pool.reset(); });
}

}  // namespace
}  // namespace popnet::http
