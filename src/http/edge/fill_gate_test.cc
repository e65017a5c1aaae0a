#include "http/edge/fill_gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "rt/loop.h"

namespace popnet::http {
namespace {

using Wait = FillGate::Wait;

class FillGateTest : public ::testing::Test {
 protected:
  FillGateTest() {
    limits_.origin_requests = 2;
    limits_.requests = 3;
    limits_.queue = 2;
  }
  Wait wait(const char& name, bool again = false) {
    return gate_.wait(
        &name, loop_, [this, &name] { told_ += name; }, limits_, again);
  }
  /// Who was told until now, in order.
  std::string told() {
    loop_.post([this] { loop_.stop(); });
    loop_.run();
    return told_;
  }

  model::FillOptions limits_;
  FillGate gate_;
  std::atomic<uint32_t> one_{0}, other_{0};
  rt::Loop loop_;
  std::string told_;
  const char a_ = 'a', b_ = 'b', c_ = 'c';
};

TEST_F(FillGateTest, LimitsAreOfEachOriginAndOfTheSite) {
  EXPECT_TRUE(gate_.enter(one_, limits_, false));
  EXPECT_TRUE(gate_.enter(one_, limits_, false));
  EXPECT_FALSE(gate_.enter(one_, limits_, false));
  EXPECT_TRUE(gate_.enter(other_, limits_, false));
  EXPECT_FALSE(gate_.enter(other_, limits_, false)) << "the third of the site was the last";
  EXPECT_EQ(one_, 2U);
  EXPECT_EQ(other_, 1U);
  EXPECT_EQ(gate_.running(), 3U);
  gate_.leave(one_);
  EXPECT_TRUE(gate_.enter(other_, limits_, false));
}

TEST_F(FillGateTest, WhoWaitsIsToldInOrderAndGoesBeforeThoseWhoCome) {
  limits_.origin_requests = 1;
  ASSERT_TRUE(gate_.enter(one_, limits_, false));
  EXPECT_EQ(wait(a_), Wait::alone);
  EXPECT_EQ(wait(b_), Wait::behind);
  EXPECT_EQ(wait(c_), Wait::refused) << "two may wait";
  EXPECT_FALSE(gate_.enter(other_, limits_, false)) << "there is room, but others came before";
  gate_.leave(one_);
  gate_.pass_on();  // a has no use for it
  EXPECT_EQ(told(), "ab");
  EXPECT_EQ(gate_.waiting(), 0U);
}

TEST_F(FillGateTest, WhoFindsNoRoomAgainIsInFrontAndWhoCancelsIsNotTold) {
  EXPECT_EQ(wait(a_), Wait::alone);
  EXPECT_EQ(wait(b_), Wait::behind);
  EXPECT_EQ(wait(c_, true), Wait::behind) << "was in the queue before: it is not refused";
  EXPECT_TRUE(gate_.cancel(&a_));
  gate_.pass_on();
  EXPECT_FALSE(gate_.cancel(&c_)) << "too late";
  EXPECT_EQ(told(), "c");
  EXPECT_EQ(gate_.waiting(), 1U);
}

TEST_F(FillGateTest, RaisedLimitsAreFilledUpFromTheQueue) {
  limits_.requests = 1;
  ASSERT_TRUE(gate_.enter(one_, limits_, false));
  wait(a_), wait(b_);
  limits_.requests = 3;
  gate_.leave(one_);
  ASSERT_TRUE(gate_.enter(one_, limits_, true)) << "a, who was told";
  EXPECT_EQ(told(), "ab") << "and there is room for one more";
}

// Where nobody runs, nobody waits for long: who left has told the next one, or the next one has found the room.
TEST_F(FillGateTest, NobodyWaitsForNobody) {
  limits_.requests = limits_.origin_requests = 1;
  limits_.queue = 100;
  constexpr int each = 2'000;
  std::shared_mutex telling;  // who is told may be back before the one who tells him has let go of his loop
  const auto end = [&](const rt::Loop* loop) {
    const std::unique_lock nobody_tells(telling);
    delete loop;
  };
  const auto tell = [&](auto call) {
    const std::shared_lock lock(telling);
    call();
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        bool waited = false;
        while (!gate_.enter(one_, limits_, waited)) {
          const std::unique_ptr<rt::Loop, decltype(end)> loop(new rt::Loop, end);
          bool turn = false;
          const auto place = gate_.wait(
              loop.get(), *loop, [&] { turn = true, loop->stop(); }, limits_, waited);
          waited = true;
          if (place == Wait::alone && gate_.enter(one_, limits_, true)) {
            if (!gate_.cancel(loop.get())) {
              loop->run();
              tell([&] { gate_.pass_on(); });
            }
            break;
          }
          rt::Timer patience(*loop, [&] { loop->stop(); });
          patience.arm_after(std::chrono::seconds(5));
          loop->run();
          ASSERT_TRUE(turn) << gate_.running() << " run, " << gate_.waiting() << " wait";
        }
        if (i % 3 == 0) std::this_thread::yield();
        tell([&] { gate_.leave(one_); });
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gate_.running(), 0U);
  EXPECT_EQ(gate_.waiting(), 0U);
}

}  // namespace
}  // namespace popnet::http
