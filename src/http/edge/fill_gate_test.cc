#include "http/edge/fill_gate.h"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace popnet::http
