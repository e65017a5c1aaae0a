#include "dns/transfer/notifier.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <set>
#include <string>

#include "dns/wire/protocol.h"
#include "rt/clock.h"
#include "rt/socket.h"

namespace popnet::dns {
namespace {

using namespace std::chrono_literals;

/// A secondary that answers each NOTIFY, on the loop's thread; what it says in it is the test's.
class Secondary final : public rt::Watcher {
 public:
  explicit Secondary(rt::Loop& loop)
      : loop_(loop), fd_(rt::bind_udp(*Endpoint::parse("127.0.0.1:0")).value()) {
    loop_.watch(fd_.get(), EPOLLIN, *this);
  }
  ~Secondary() { loop_.unwatch(fd_.get()); }

  [[nodiscard]] Endpoint endpoint() const { return rt::local_endpoint(fd_.get()); }

  void on_ready(uint32_t) override {
    for (;;) {
      uint8_t room[512];
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      const ssize_t n = recvfrom(fd_.get(), room, sizeof room, MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
      if (n < static_cast<ssize_t>(header_size)) return;
      ++messages;
      const size_t size = answer(room, static_cast<size_t>(n));
      zones.insert(
          Name(NameBytes(room + header_size, measure_name({room + header_size, 300}).size)).to_text());
      if (size > 0) (void)sendto(fd_.get(), room, size, 0, reinterpret_cast<sockaddr*>(&from), from_size);
      if (on_message) on_message();
    }
  }

  /// Makes the reply of the message; its size.
  std::function<size_t(uint8_t*, size_t)> answer = [](uint8_t* message, size_t size) {
    message[2] |= 0x80;
    return size;
  };
  std::function<void()> on_message;
  std::set<std::string> zones;
  size_t messages = 0;

 private:
  rt::Loop& loop_;
  rt::UniqueFd fd_;
};

class NotifierTest : public ::testing::Test {
 protected:
  void run_for(Duration at_most) {
    rt::Timer patience(loop_, [this] { loop_.stop(); });
    patience.arm_after(at_most);
    loop_.run();
  }

  rt::Loop loop_;
  Secondary secondary_{loop_};
  Notifier notifier_{loop_, Sources{}, 1};
};

// No buffer has room for them together; and together again they would be lost again.
TEST_F(NotifierTest, OfManyZonesAtOnceNoneIsLost) {
  constexpr size_t zones = 1500;
  secondary_.on_message = [&] {
    if (secondary_.zones.size() == zones) loop_.stop();
  };
  for (size_t i = 0; i < zones; ++i)
    notifier_.tell({*parse_name("z" + std::to_string(i) + ".test"), secondary_.endpoint(), {}});
  const TimePoint begin = rt::monotonic_now();
  run_for(10s);
  EXPECT_EQ(secondary_.zones.size(), zones);
  EXPECT_GE(rt::monotonic_now() - begin, 700ms) << "2,000 a second";
  EXPECT_LT(secondary_.messages, zones + zones / 10) << "all are answered: hardly one is said twice";
}

TEST_F(NotifierTest, WhatIsAnsweredIsNotSaidAgain) {
  notifier_.tell({*parse_name("Zone.test"), secondary_.endpoint(), {}});
  run_for(1500ms);
  EXPECT_EQ(secondary_.messages, 1U);
}

TEST_F(NotifierTest, AnAnswerForAnotherZoneOrWithAnotherIdIsNone) {
  secondary_.answer = [&](uint8_t* message, size_t size) {
    message[2] |= 0x80;
    if (secondary_.messages == 1)
      message[header_size + 1] ^= 1;
    else
      message[0] ^= 1;
    if (secondary_.messages == 3) loop_.stop();
    return size;
  };
  notifier_.tell({*parse_name("zone.test"), secondary_.endpoint(), {}});
  run_for(10s);
  EXPECT_EQ(secondary_.messages, 3U);
}

TEST_F(NotifierTest, AnErrorWithoutTheQuestionIsAnAnswer) {
  secondary_.answer = [](uint8_t* message, size_t) {
    message[2] |= 0x80;
    message[3] = 4;  // NOTIMP
    message[5] = 0;
    return header_size;
  };
  notifier_.tell({*parse_name("zone.test"), secondary_.endpoint(), {}});
  run_for(1500ms);
  EXPECT_EQ(secondary_.messages, 1U);
}

}  // namespace
}  // namespace popnet::dns
