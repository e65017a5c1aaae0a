// With real sockets: a client that speaks TLS, its session in the relays, and a successor that speaks plainly.
#include "tls/relay/relays.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <future>
#include <string>

#include "tls/context.h"
#include "tls/test_certificate.h"

namespace popnet::tls {
namespace {

using How = Session::Result;

class RelaysTest : public ::testing::Test {
 protected:
  RelaysTest() { ::signal(SIGPIPE, SIG_IGN); }

  /// A connection whose server's side is in `relays`, not yet with keys; the client's first call shakes hands.
  void connect(Relays& relays, Duration takes_within = std::chrono::seconds(10)) {
    const rt::UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&here), size), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&here), &size), 0);
    fd_ = rt::UniqueFd(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&here), size), 0);
    rt::UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    plain_ = rt::UniqueFd(ends[1]);
    auto session = server_context_->accept(accepted.get());
    relays.add(std::move(accepted), std::move(session), rt::UniqueFd(ends[0]), takes_within);
    client_ = client_context_->connect(fd_.get(), "dns.test");
    ASSERT_EQ(client_->shake_hands().result, How::done) << client_->why_broken();
  }

  void client_sends(std::string_view text) {
    while (!text.empty()) {
      const auto progress = client_->write(text);
      ASSERT_EQ(progress.result, How::done);
      text.remove_prefix(progress.size);
    }
  }
  void successor_sends(std::string_view text) const {
    ASSERT_EQ(::send(plain_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// Behind the tickets, of which a read says that they were no data.
  Session::Progress client_reads(std::span<char> room) {
    auto progress = client_->read(room);
    for (int tickets = 2; progress.result == How::wants_read && tickets > 0; --tickets)
      progress = client_->read(room);
    return progress;
  }
  /// Until that many, or the end.
  std::string client_hears(size_t size) {
    std::string heard;
    std::array<char, 3000> room;
    while (heard.size() < size) {
      const auto progress = client_reads(std::span(room).first(std::min(room.size(), size - heard.size())));
      if (progress.result != How::done) break;
      heard.append(room.data(), progress.size);
    }
    return heard;
  }
  [[nodiscard]] std::string successor_hears(size_t size) const {
    std::string heard(size, 0);
    const ssize_t n = ::recv(plain_.get(), heard.data(), size, MSG_WAITALL);
    heard.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
    return heard;
  }
  void expect_in_order_end() {
    char byte = 0;
    EXPECT_EQ(client_reads(std::span(&byte, 1)).result, How::closed);
    EXPECT_EQ(::recv(fd_.get(), &byte, 1, 0), 0) << "a FIN, not a reset";
  }
  static void expect_empty(Relays& relays) {
    std::promise<void> empty;
    relays.when_empty([&] { empty.set_value(); });
    EXPECT_EQ(empty.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
    EXPECT_EQ(relays.count(), 0u);
  }
  static std::string much(size_t size) {
    std::string text(size, 0);
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
    return text;
  }

  const TestCertificate certificate_;
  const std::shared_ptr<const ServerContext> server_context_ =
      *ServerContext::load(certificate_.certificate_path(), certificate_.key_path(), "dot");
  const std::shared_ptr<const ClientContext> client_context_ =
      *ClientContext::make({.ca_file = certificate_.certificate_path()});
  rt::UniqueFd fd_, plain_;
  std::unique_ptr<Session> client_;
};

TEST_F(RelaysTest, MoreThanEverybodyHoldsGoesBothWays) {
  Relays relays;
  connect(relays);
  const std::string up = much(2'000'000), down = much(3'000'000);
  auto successor = std::async(std::launch::async, [&] {
    const std::string heard = successor_hears(up.size());
    successor_sends(down);
    return heard == up;
  });
  client_sends(up);
  EXPECT_TRUE(client_hears(down.size()) == down);
  EXPECT_TRUE(successor.get());
  EXPECT_EQ(relays.count(), 1u);
}

TEST_F(RelaysTest, WhatTheSuccessorHasSaidArrivesBeforeTheEnd) {
  Relays relays;
  connect(relays);
  client_sends("a question that the successor does not read");
  successor_sends(much(100'000));
  plain_.reset();
  client_sends("and one that comes after its end");
  EXPECT_TRUE(client_hears(100'000) == much(100'000));
  expect_in_order_end();
  client_.reset();
  fd_.reset();
  expect_empty(relays);
}

TEST_F(RelaysTest, AClientThatEndsItsHalfIsAnswered) {
  Relays relays;
  connect(relays);
  client_sends("question");
  EXPECT_EQ(client_->end_writing().result, How::done);
  EXPECT_EQ(successor_hears(100), "question");
  successor_sends("answer");
  EXPECT_EQ(client_hears(6), "answer");
  plain_.reset();
  expect_in_order_end();
}

TEST_F(RelaysTest, AClientThatIsGoneEndsIt) {
  for (const bool reset : {false, true}) {
    Relays relays;
    connect(relays);
    client_sends("question");
    EXPECT_EQ(successor_hears(8), "question");
    const linger at_once{1, 0};
    if (reset) ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
    client_.reset();  // without a word: it has no socket
    EXPECT_EQ(successor_hears(1), "");
    plain_.reset();
    expect_empty(relays);
  }
}

TEST_F(RelaysTest, AClientThatReadsNothingIsNotWaitedForForEver) {
  Relays relays;
  connect(relays, std::chrono::milliseconds(300));
  const std::string text = much(1'000'000);
  while (::send(plain_.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0) {
  }
  EXPECT_EQ(errno, EPIPE);
  plain_.reset();
  expect_empty(relays);
}

// A secondary that is busy with the first part of a zone. The time is that of `dns.tcp_idle`, not that for ends.
TEST_F(RelaysTest, AClientMayPauseForAsLongAsWasSaid) {
  Relays relays(std::chrono::milliseconds(300));
  connect(relays);
  const std::string text = much(10'000'000);
  auto successor = std::async(std::launch::async, [&] { successor_sends(text); });
  std::this_thread::sleep_for(std::chrono::milliseconds(900));
  EXPECT_TRUE(client_hears(text.size()) == text);
  successor.get();
}

TEST_F(RelaysTest, ASilentClientIsTheSuccessorsToEnd) {
  Relays relays(std::chrono::milliseconds(300));
  connect(relays);
  successor_sends("answer");
  EXPECT_EQ(client_hears(6), "answer");
  std::this_thread::sleep_for(std::chrono::milliseconds(700));  // more than what it is patient for
  client_sends("question");
  EXPECT_EQ(successor_hears(8), "question");
  plain_.reset();
  expect_in_order_end();  // and does not end itself
  expect_empty(relays);
}

TEST_F(RelaysTest, AtTheEndWhatHasBeenAskedIsAnswered) {
  Relays relays;
  connect(relays);
  client_sends("question");
  EXPECT_EQ(successor_hears(8), "question");
  client_sends("another");
  relays.finish();
  EXPECT_EQ(successor_hears(100), "another") << "and then the end";
  client_sends("too late");
  successor_sends("answers");
  plain_.reset();
  EXPECT_EQ(client_hears(7), "answers");
  expect_in_order_end();
  client_.reset();
  fd_.reset();
  expect_empty(relays);
}

TEST(Relays, WithoutOneAreEmpty) {
  Relays relays;
  bool told = false;
  relays.when_empty([&] { told = true; });
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace popnet::tls
