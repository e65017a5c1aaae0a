#include "http/edge/origin_time.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <thread>

#include "common/log.h"
#include "http/edge/conversation.h"

namespace popnet::http {
namespace {
using namespace std::chrono_literals;
using conversation::Stage;

const TimePoint start{1000s};

OriginTime connected_after(Duration time) {
  OriginTime origin;
  origin.begin(start);
  origin.connected(start + time);
  return origin;
}

TEST(OriginTime, TheConnectCounts) {
  OriginTime origin = connected_after(30ms);
  EXPECT_EQ(origin.took(start + 30ms), 30ms) << "even when nothing is sent: it was too late";
  origin.leaves(start + 30ms);
  EXPECT_EQ(origin.took(start + 35ms), 35ms);
  EXPECT_EQ(origin.since(start + 35ms), start);
}

TEST(OriginTime, WhatKeepsThisThreadDoesNot) {
  OriginTime origin = connected_after(30ms);
  origin.leaves(start + 40ms);
  EXPECT_EQ(origin.took(start + 45ms), 35ms);
  OriginTime kept = connected_after(0ms);
  kept.leaves(start + 40ms);
  EXPECT_EQ(kept.took(start + 45ms), 5ms);
}

TEST(OriginTime, IsNeverNegative) {  // which would be of answers that are younger than when they were made
  OriginTime origin = connected_after(2ms);
  origin.leaves(start + 40ms);
  EXPECT_EQ(origin.took(start + 2ms), 0ms) << "the request has left behind the time of its turn";
  EXPECT_EQ(origin.since(start + 2ms), start + 2ms);
}

TEST(OriginTime, WhatAnOriginDoesNotTakeAtOnceIsItsOwnTime) {
  OriginTime origin = connected_after(0ms);
  origin.leaves(start + 1ms);
  origin.leaves(start + 20ms);
  EXPECT_EQ(origin.took(start + 25ms), 24ms);
}

TEST(OriginTime, EachConnectionHasItsOwn) {
  OriginTime origin = connected_after(30ms);
  origin.leaves(start + 40ms);
  origin.begin(start + 1s);
  EXPECT_EQ(origin.took(start + 1s + 3ms), 3ms);
  origin.connected(start + 1s);
  origin.leaves(start + 1s + 7ms);
  EXPECT_EQ(origin.took(start + 1s + 8ms), 1ms);
}

/// One user asks for one object, and every turn of the thread that serves him is the test's: the origin's connection
/// is there `connect` later, and in that turn other work keeps the thread for `kept`.
class OneTurn final : rt::Watcher {
 public:
  OneTurn(Duration connect, Duration kept, Duration total_timeout = {})
      : connect_(connect), kept_(kept), work_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    auto config = std::make_shared<model::Config>(*stage_.snapshot->config);
    config->sites[0].fill.total_timeout = total_timeout;
    auto snapshot = std::make_shared<routing::Snapshot>(*stage_.snapshot);
    snapshot->config = std::move(config);
    stage_.snapshot = std::move(snapshot);
  }

  /// What the user hears.
  std::string play() {
    Store store({stage_.options.cache_memory, 1, 4}, epoch_);
    Registry registry(store, 1);
    const auto view = make_view(stage_.snapshot, nullptr, registry, 1);
    const rt::Published<View> published(epoch_, view);
    EdgeShared shared(stage_.options, nullptr, store, published);
    rt::Loop loop(&epoch_);
    Worker worker(0, loop, shared, 1);
    worker_ = &worker;
    rt::Timer each_turn(loop, [&] { end_turn(each_turn); });
    each_turn_ = &each_turn;
    EXPECT_TRUE(loop.watch(work_.get(), EPOLLIN | EPOLLET, *this));
    EXPECT_TRUE(loop.post([&] { begin(); }));
    loop.run();
    first_bytes_ms = view->sites->find("a")->origins[0]->first_bytes.ms(begun_);  // nothing is forgotten yet
    return heard_;
  }

  Duration connected_after{}, answered_after{};  // at least, by the loop, and at most, by the clock
  double first_bytes_ms = 0;

 private:
  void begin() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    user_ = rt::UniqueFd(ends[0]);
    worker_->accepted(rt::UniqueFd(ends[1]), IpAddress::v4(127, 0, 0, 9), 8080);
    constexpr std::string_view request = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";
    ASSERT_EQ(::send(user_.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    begun_ = rt::monotonic_now();
    each_turn_->arm_after(0s);
  }

  void end_turn(rt::Timer& again) {
    if (asked_ == TimePoint{} && worker_->counters.origin_connections.get() > 0) {
      asked_ = worker_->loop.now();
      std::this_thread::sleep_for(connect_);
      const uint64_t one = 1;  // behind the connection, which is there already
      ASSERT_EQ(::write(work_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    }
    answer();
    char room[4096];
    const ssize_t n = ::recv(user_.get(), room, sizeof room, 0);
    if (n > 0) heard_.assign(room, static_cast<size_t>(n));
    if (n <= 0 && rt::monotonic_now() - begun_ < 20s) return again.arm_after(0s);
    answered_after = connected_after + (rt::monotonic_now() - worked_);
    worker_->loop.unwatch(work_.get());
    user_.reset();
    worker_->stop();
    worker_->loop.stop();
  }

  /// Other work, in the turn in which the connection is there.
  void on_ready(uint32_t) override {
    connected_after = worker_->loop.now() - asked_;
    std::this_thread::sleep_for(kept_);
    worked_ = rt::monotonic_now();
    worker_->loop.took_long();
  }

  void answer() {
    if (!origin_.valid())
      origin_ =
          rt::UniqueFd(::accept4(stage_.listeners[0].get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    char room[4096];
    constexpr std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    if (origin_.valid() && ::recv(origin_.get(), room, sizeof room, 0) > 0) {
      ASSERT_EQ(::send(origin_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
  }

  const Duration connect_, kept_;
  Stage stage_;
  rt::Epoch epoch_;
  const rt::UniqueFd work_;
  Worker* worker_ = nullptr;
  rt::Timer* each_turn_ = nullptr;
  rt::UniqueFd user_, origin_;
  TimePoint begun_{}, asked_{}, worked_{};
  std::string heard_;
};

TEST(OriginTime, OfAFetchIsThatOfItsConnectAndItsAnswer) {
  OneTurn turn(30ms, 200ms);
  EXPECT_TRUE(turn.play().starts_with("HTTP/1.1 200 "));
  EXPECT_GE(turn.connected_after, 30ms);
  EXPECT_GE(turn.first_bytes_ms, to_ms(turn.connected_after));
  EXPECT_LE(turn.first_bytes_ms, to_ms(turn.answered_after)) << "without the work of others";
}

TEST(OriginTime, OfAFetchThatIsGivenUpIsNotNegative) {
  log::set_level("error");
  OneTurn turn(2ms, 100ms, 1ms);  // the request leaves in the turn in which it is too late for it
  EXPECT_TRUE(turn.play().starts_with("HTTP/1.1 504 "));
  EXPECT_GE(turn.first_bytes_ms, 0);
  log::set_level("info");
}

}  // namespace
}  // namespace popnet::http
