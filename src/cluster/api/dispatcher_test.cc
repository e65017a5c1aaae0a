#include "cluster/api/dispatcher.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

namespace popnet::cluster {
namespace {

/// Waits until everything given so far has been handed over.
void drain(Dispatcher& dispatcher) {
  std::promise<void> done;
  dispatcher.loop().post([&] { done.set_value(); });
  done.get_future().wait();
}

TEST(Dispatcher, hands_over_in_the_order_given_what_came_before_the_start_included) {
  std::vector<std::string> heard;
  BusHandlers handlers;
  handlers.on_connected = [&](bool now) { heard.push_back(now ? "connected" : "cut"); };
  handlers.on_config = [&](uint64_t revision, const std::string& text) {
    heard.push_back(text + std::to_string(revision));
  };
  handlers.on_purge = [&](const PurgeOrder& order) { heard.push_back(order.url); };
  Dispatcher dispatcher("test");
  dispatcher.connected(true);
  dispatcher.config(3, "config ");
  dispatcher.start(handlers);
  PurgeOrder order;
  order.url = "http://cdn.example/";
  dispatcher.purge(order);
  dispatcher.connected(false);
  drain(dispatcher);
  EXPECT_EQ(heard, (std::vector<std::string>{"connected", "config 3", "http://cdn.example/", "cut"}));
}

TEST(Dispatcher, drops_reports_for_a_node_that_is_stuck_and_goes_on_when_it_is_not) {
  std::promise<void> let_go;
  auto gone = let_go.get_future().share();
  int heard = 0;
  BusHandlers handlers;
  handlers.on_report = [&](const Report&) {
    gone.wait();
    ++heard;
  };
  Dispatcher dispatcher("test");
  dispatcher.start(handlers);
  const auto report = std::make_shared<const Report>();
  int taken = 0;
  for (int i = 0; i < Dispatcher::reports_waiting_max + 100; ++i) taken += dispatcher.report(report) ? 1 : 0;
  EXPECT_GE(taken, Dispatcher::reports_waiting_max);
  EXPECT_LE(taken, Dispatcher::reports_waiting_max + 1);  // and the one that the handler has in its hands
  let_go.set_value();
  drain(dispatcher);
  EXPECT_EQ(heard, taken);
  EXPECT_TRUE(dispatcher.report(report));
}

TEST(Dispatcher, hands_nothing_over_after_stop) {
  int heard = 0;
  BusHandlers handlers;
  handlers.on_report = [&](const Report&) { ++heard; };
  Dispatcher dispatcher("test");
  dispatcher.start(handlers);
  dispatcher.report(std::make_shared<const Report>());
  dispatcher.stop();
  const int at_stop = heard;
  dispatcher.report(std::make_shared<const Report>());
  dispatcher.stop();
  EXPECT_EQ(heard, at_stop);
}

}  // namespace
}  // namespace popnet::cluster
