#include "node/purge_outbox.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "common/log.h"

namespace popnet::node {
namespace {

using model::PurgeOrder;

/// Runs the outbox on a loop of its own until `done`.
struct Bus {
  Bus() { log::set_level(log::Level::error); }
  Status take(const PurgeOrder& order) {
    ++asked;
    if (!there) return Error{ErrorCode::unavailable, "away"};
    if (order.url == "http://huge/") return Error{ErrorCode::invalid, "too large"};
    taken.push_back(order);
    return {};
  }
  template <class Done>
  void run_until(Done done) {
    rt::Timer look(loop, [&] { done() ? loop.stop() : look.arm_after(std::chrono::milliseconds(1)); });
    look.arm_after(Duration::zero());
    loop.run();
  }
  std::vector<std::string> urls() const {
    std::vector<std::string> urls;
    for (const PurgeOrder& order : taken) urls.push_back(order.url);
    return urls;
  }

  rt::Loop loop;
  bool there = true;
  int asked = 0;
  std::vector<PurgeOrder> taken;
  PurgeOutbox outbox{loop, [this](const PurgeOrder& order) { return take(order); }};
};

PurgeOrder url(const std::string& url, const std::string& site = "a", bool soft = false, uint64_t id = 0) {
  return {.scope = PurgeOrder::Scope::url, .site = site, .url = url, .tags = {}, .soft = soft, .id = id};
}

TEST(PurgeOutbox, KeepsInOrderWhatTheBusDoesNotTake) {
  Bus bus;
  bus.there = false;
  bus.outbox.add(url("http://1/"));
  bus.outbox.add(url("http://2/"));
  bus.run_until([&] {
    if (bus.asked > 0 && !bus.there) bus.there = true, bus.outbox.try_now();  // within retry_first
    return bus.outbox.waiting() == 0;
  });
  EXPECT_EQ(bus.urls(), (std::vector<std::string>{"http://1/", "http://2/"}));
  EXPECT_EQ(bus.asked, 3);
}

TEST(PurgeOutbox, TriesByItself) {
  Bus bus;
  bus.there = false;
  bus.outbox.add(url("http://1/"));
  bus.run_until([&] {
    bus.there = bus.asked > 0;
    return bus.outbox.waiting() == 0;
  });
  EXPECT_EQ(bus.asked, 2);
}

TEST(PurgeOutbox, IsNotHeldUpByWhatTheBusNeverTakes) {
  Bus bus;
  for (const char* each : {"http://huge/", "http://2/"}) bus.outbox.add(url(each));
  bus.run_until([&] { return bus.outbox.waiting() == 0; });
  EXPECT_EQ(bus.urls(), std::vector<std::string>{"http://2/"});
}

TEST(PurgeOutbox, GivesAwayWhatWaits) {
  Bus bus;
  bus.there = false;
  for (const char* each : {"http://1/", "http://2/"}) bus.outbox.add(url(each));
  size_t given = 0, left = 0;
  bus.run_until([&] {
    if (bus.asked > 0 && !bus.there) {
      given = bus.outbox.take().size();
      left = bus.outbox.waiting();
      bus.there = true;
      bus.outbox.add(url("http://3/"));
    }
    return bus.outbox.waiting() == 0;
  });
  EXPECT_EQ(given, 2U);
  EXPECT_EQ(left, 0U);
  EXPECT_EQ(bus.urls(), std::vector<std::string>{"http://3/"});
}

TEST(PurgeOutbox, OfTooManyEachSiteIsPurged) {
  Bus bus;
  bus.there = false;
  for (size_t i = 0; i <= PurgeOutbox::most; ++i)
    bus.outbox.add(url("http://x/", i % 2 == 0 ? "a" : "b", i % 2 == 0 || i == 1, i));
  EXPECT_EQ(bus.outbox.waiting(), 2U);
  bus.there = true;
  bus.run_until([&] { return bus.outbox.waiting() == 0; });
  ASSERT_EQ(bus.taken.size(), 2U);
  for (const PurgeOrder& order : bus.taken) EXPECT_EQ(order.scope, PurgeOrder::Scope::site);
  EXPECT_EQ(bus.taken[0].site, "a");
  EXPECT_TRUE(bus.taken[0].soft);
  EXPECT_FALSE(bus.taken[1].soft);
  // Not that of the first, which the bus may know already.
  EXPECT_EQ(bus.taken[0].id, PurgeOutbox::most);
  EXPECT_EQ(bus.taken[1].id, PurgeOutbox::most - 1);
}

}  // namespace
}  // namespace popnet::node
