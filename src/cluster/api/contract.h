// The contract of cluster/api/bus.h as tests, run over every implementation. An implementation's test names a
// World and instantiates the suite:
//
//   struct World {
//     std::unique_ptr<Bus> make();   // one more node of the same network, not yet subscribed
//     void cut(Bus& node);           // takes the network away from this node, and from no other
//     void restore(Bus& node);
//     void forget_purges();          // those so far are older than the history
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, BusContract, World);
//
// Waiting is for events, with a bound; nothing sleeps. To prove that something does not come, a test sends
// something after it and waits for that.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/api/bus.h"
#include "rt/clock.h"

namespace popnet::cluster::contract {

/// A node that writes down what it hears.
class Node {
 public:
  struct Heard {
    std::vector<Report> reports;
    std::vector<std::pair<uint64_t, std::string>> configs;
    std::vector<PurgeOrder> purges;
    std::vector<bool> connected;
    std::vector<size_t> missed;  // told that purges were missed, after so many purges
  };

  explicit Node(std::unique_ptr<Bus> bus) : bus_(std::move(bus)) {
    bus_->subscribe({
        [this](const Report& report) { note([&] { heard_.reports.push_back(report); }); },
        [this](uint64_t revision, const std::string& text) {
          note([&] { heard_.configs.emplace_back(revision, text); });
        },
        [this](const PurgeOrder& order) { note([&] { heard_.purges.push_back(order); }); },
        [this] { note([&] { heard_.missed.push_back(heard_.purges.size()); }); },
        [this](bool connected) { note([&] { heard_.connected.push_back(connected); }); },
    });
  }
  ~Node() { bus_->close(); }

  Bus& operator*() { return *bus_; }
  Bus* operator->() { return bus_.get(); }

  Heard heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  /// False when it did not come about within half a minute.
  bool wait(const std::function<bool(const Heard&)>& come_about) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return come_about(heard_); });
  }
  bool wait_connected(bool now = true) {
    return wait([&](const Heard& h) { return !h.connected.empty() && h.connected.back() == now; });
  }
  bool wait_config(const std::string& text) {
    return wait([&](const Heard& h) { return !h.configs.empty() && h.configs.back().second == text; });
  }
  bool wait_reports(size_t count) {
    return wait([&](const Heard& h) { return h.reports.size() >= count; });
  }
  bool wait_purges(size_t count) {
    return wait([&](const Heard& h) { return h.purges.size() >= count; });
  }
  /// Handlers that ran while another one of this node was running.
  [[nodiscard]] int overlaps() const { return overlaps_; }

 private:
  void note(const std::function<void()>& write) {
    if (running_.fetch_add(1) > 0) ++overlaps_;
    {
      const std::lock_guard lock(mutex_);
      write();
    }
    changed_.notify_all();
    --running_;
  }

  std::mutex mutex_;  // guards heard_
  std::condition_variable changed_;
  Heard heard_;
  std::atomic<int> running_{0};
  std::atomic<int> overlaps_{0};
  std::unique_ptr<Bus> bus_;
};

template <class T>
::testing::AssertionResult went_well(const Result<T>& result) {
  if (result.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.error().message;
}

inline Report report_by(const std::string& author, int number) {
  Report report;
  report.author = author;
  model::ProbeSample sample;
  sample.prober = author;
  sample.target = model::TargetId::origin("shop", "web1");
  sample.probe = "http";
  sample.ok = true;
  sample.readings = {{model::Metric::http_ms, static_cast<double>(number)}};
  sample.at = rt::monotonic_now();
  sample.max_age = std::chrono::seconds(30);
  report.samples = {sample};
  return report;
}

inline PurgeOrder purge_of(const std::string& url, uint64_t id) {
  PurgeOrder order;
  order.url = url;
  order.id = id;
  return order;
}

inline std::vector<uint64_t> ids(const std::vector<PurgeOrder>& orders) {
  std::vector<uint64_t> ids;
  for (const PurgeOrder& order : orders) ids.push_back(order.id);
  return ids;
}

/// The numbers of the reports of one author, in the order in which they came.
inline std::vector<double> numbers(const std::vector<Report>& reports, const std::string& author) {
  std::vector<double> numbers;
  for (const Report& report : reports)
    if (report.author == author) numbers.push_back(report.samples.at(0).readings.at(0).value);
  return numbers;
}

template <class World>
class BusContract : public ::testing::Test {
 protected:
  /// A node that is connected.
  std::unique_ptr<Node> node() {
    auto node = std::make_unique<Node>(world.make());
    EXPECT_TRUE(node->wait_connected());
    return node;
  }
  World world;
};

TYPED_TEST_SUITE_P(BusContract);

TYPED_TEST_P(BusContract, a_report_reaches_every_node_its_author_included) {
  auto ams = this->node(), fra = this->node(), nyc = this->node();
  const Report sent = report_by("ams", 7);
  (*ams)->publish(sent);
  for (Node* node : {ams.get(), fra.get(), nyc.get()}) {
    ASSERT_TRUE(node->wait_reports(1));
    const Report got = node->heard().reports.at(0);
    EXPECT_EQ(got.author, "ams");
    ASSERT_EQ(got.samples.size(), 1U);
    EXPECT_EQ(got.samples[0].target, sent.samples[0].target);
    EXPECT_EQ(got.samples[0].readings.at(0).value, 7);
    EXPECT_LE(got.samples[0].at, rt::monotonic_now());
    EXPECT_LT(rt::monotonic_now() - got.samples[0].at, std::chrono::seconds(30));
  }
}

TYPED_TEST_P(BusContract, reports_of_one_author_keep_their_order) {
  auto ams = this->node(), fra = this->node();
  constexpr int count = 100;
  std::thread other([&] {
    for (int i = 0; i < count; ++i) (*fra)->publish(report_by("fra", i));
  });
  for (int i = 0; i < count; ++i) (*ams)->publish(report_by("ams", i));
  other.join();
  for (Node* node : {ams.get(), fra.get()}) {
    ASSERT_TRUE(node->wait_reports(2 * count));
    for (const char* author : {"ams", "fra"}) {
      const auto got = numbers(node->heard().reports, author);
      ASSERT_EQ(got.size(), static_cast<size_t>(count));
      EXPECT_TRUE(std::is_sorted(got.begin(), got.end())) << author;
    }
    EXPECT_EQ(node->overlaps(), 0);
  }
}

TYPED_TEST_P(BusContract, a_new_config_reaches_every_node) {
  auto ams = this->node(), fra = this->node();
  ASSERT_TRUE(went_well((*ams)->put_config("network: {name: one}")));
  EXPECT_TRUE(ams->wait_config("network: {name: one}"));
  EXPECT_TRUE(fra->wait_config("network: {name: one}"));
}

TYPED_TEST_P(BusContract, a_node_that_joins_late_gets_the_present_config_and_no_older_one) {
  auto ams = this->node();
  ASSERT_TRUE(went_well((*ams)->put_config("first")));
  ASSERT_TRUE(went_well((*ams)->put_config("second")));
  auto late = this->node();
  ASSERT_TRUE(late->wait_config("second"));
  EXPECT_EQ(late->heard().configs.size(), 1U);
}

TYPED_TEST_P(BusContract, revisions_only_grow_and_all_end_with_the_same_config) {
  auto ams = this->node(), fra = this->node();
  constexpr int count = 20;
  std::thread other([&] {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(went_well((*fra)->put_config("fra " + std::to_string(i))));
  });
  for (int i = 0; i < count; ++i) EXPECT_TRUE(went_well((*ams)->put_config("ams " + std::to_string(i))));
  other.join();
  ASSERT_TRUE(went_well((*ams)->put_config("last")));
  for (Node* node : {ams.get(), fra.get()}) {
    ASSERT_TRUE(node->wait_config("last"));
    const auto configs = node->heard().configs;
    for (size_t i = 1; i < configs.size(); ++i) EXPECT_GT(configs[i].first, configs[i - 1].first);
  }
}

TYPED_TEST_P(BusContract, a_config_replaces_the_one_that_was_meant_or_none) {
  auto ams = this->node(), fra = this->node();
  const auto first = (*ams)->put_config("first", 0);
  ASSERT_TRUE(went_well(first));
  ASSERT_TRUE(fra->wait_config("first"));
  EXPECT_EQ(fra->heard().configs.back().first, *first) << "watchers hear the same revision";
  const auto second = (*fra)->put_config("second", *first);
  ASSERT_TRUE(went_well(second));
  EXPECT_GT(*second, *first);
  for (const uint64_t meant : {uint64_t{0}, *first, *second + 5}) {
    const auto refused = (*ams)->put_config("overwritten", meant);
    ASSERT_FALSE(refused.ok()) << meant;
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_NE(refused.error().message.find("revision " + std::to_string(*second)), std::string::npos)
        << refused.error().message;
  }
  ASSERT_TRUE(went_well((*ams)->put_config("third")));
  ASSERT_TRUE(fra->wait_config("third"));
  EXPECT_EQ(fra->heard().configs.size(), 3U) << "what was refused reaches nobody";
}

TYPED_TEST_P(BusContract, of_two_that_replace_the_same_config_one_is_refused) {
  auto ams = this->node(), fra = this->node();
  constexpr int rounds = 10;
  uint64_t present = 0;
  for (int i = 0; i < rounds; ++i) {
    Result<uint64_t> of_fra = present;
    std::thread other([&] { of_fra = (*fra)->put_config("fra " + std::to_string(i), present); });
    const auto of_ams = (*ams)->put_config("ams " + std::to_string(i), present);
    other.join();
    ASSERT_NE(of_ams.ok(), of_fra.ok());
    EXPECT_EQ((of_ams.ok() ? of_fra : of_ams).error().code, ErrorCode::conflict);
    present = of_ams.ok() ? *of_ams : *of_fra;
  }
}

TYPED_TEST_P(BusContract, a_large_config_arrives_whole) {
  auto ams = this->node(), fra = this->node();
  std::string text;
  while (text.size() < 700'000)
    text += "# a config of a large network, line " + std::to_string(text.size()) + "\n";
  ASSERT_TRUE(went_well((*ams)->put_config(text)));
  EXPECT_TRUE(fra->wait_config(text));
}

TYPED_TEST_P(BusContract, a_purge_reaches_every_node_once) {
  auto ams = this->node(), fra = this->node();
  PurgeOrder order = purge_of("http://cdn.example/logo.png", 42);
  order.soft = true;
  ASSERT_TRUE(went_well((*ams)->purge(order)));
  PurgeOrder site;
  site.scope = PurgeOrder::Scope::site;
  site.site = "shop";
  site.id = 43;
  ASSERT_TRUE(went_well((*fra)->purge(site)));
  for (Node* node : {ams.get(), fra.get()}) {
    ASSERT_TRUE(node->wait_purges(2));
    const auto purges = node->heard().purges;
    EXPECT_EQ(ids(purges), (std::vector<uint64_t>{42, 43}));
    EXPECT_EQ(purges[0].url, "http://cdn.example/logo.png");
    EXPECT_TRUE(purges[0].soft);
    EXPECT_EQ(purges[1].scope, PurgeOrder::Scope::site);
    EXPECT_EQ(purges[1].site, "shop");
    EXPECT_FALSE(purges[1].soft);
  }
}

TYPED_TEST_P(BusContract, a_node_that_joins_late_gets_the_purges_of_the_history) {
  auto ams = this->node();
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/1", 1))));
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/2", 2))));
  auto late = this->node();
  ASSERT_TRUE(late->wait_purges(2));
  EXPECT_EQ(ids(late->heard().purges), (std::vector<uint64_t>{1, 2}));
}

TYPED_TEST_P(BusContract, a_node_that_was_away_gets_the_purges_and_the_config_it_missed) {
  auto ams = this->node(), fra = this->node();
  ASSERT_TRUE(went_well((*ams)->put_config("before")));
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/before", 1))));
  ASSERT_TRUE(fra->wait_config("before"));
  ASSERT_TRUE(fra->wait_purges(1));

  this->world.cut(**fra);
  ASSERT_TRUE(fra->wait_connected(false));
  ASSERT_TRUE(went_well((*ams)->put_config("while away")));
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/while-away", 2))));
  ASSERT_TRUE(ams->wait_purges(2));
  this->world.restore(**fra);

  ASSERT_TRUE(fra->wait_connected());
  EXPECT_TRUE(fra->wait_config("while away"));
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/after", 3))));
  ASSERT_TRUE(fra->wait_purges(3));
  EXPECT_EQ(ids(fra->heard().purges), (std::vector<uint64_t>{1, 2, 3}));
}

TYPED_TEST_P(BusContract, a_node_that_was_away_for_longer_than_the_history_is_told) {
  auto ams = this->node(), fra = this->node();
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/1", 1))));
  for (Node* node : {ams.get(), fra.get()}) ASSERT_TRUE(node->wait_purges(1));
  this->world.cut(**fra);
  ASSERT_TRUE(fra->wait_connected(false));
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/missed", 2))));
  ASSERT_TRUE(ams->wait_purges(2));
  this->world.forget_purges();
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/3", 3))));
  this->world.restore(**fra);
  ASSERT_TRUE(fra->wait_purges(2));
  EXPECT_EQ(ids(fra->heard().purges), (std::vector<uint64_t>{1, 3}));
  EXPECT_EQ(fra->heard().missed, (std::vector<size_t>{1})) << "once, and before the purges that are left";
  ASSERT_TRUE(ams->wait_purges(3));
  EXPECT_TRUE(ams->heard().missed.empty()) << "it was there all the time";
}

TYPED_TEST_P(BusContract, a_node_that_has_missed_nothing_is_told_nothing) {
  auto ams = this->node(), fra = this->node();
  ASSERT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/1", 1))));
  for (Node* node : {ams.get(), fra.get()}) ASSERT_TRUE(node->wait_purges(1));
  this->world.cut(**fra);
  ASSERT_TRUE(fra->wait_connected(false));
  this->world.forget_purges();
  this->world.restore(**fra);
  ASSERT_TRUE(fra->wait_connected());
  auto late = this->node();  // with nothing stored: what was purged before it began is nothing to it
  ASSERT_TRUE(went_well((*late)->purge(purge_of("http://cdn.example/2", 2))));
  ASSERT_TRUE(fra->wait_purges(2));
  ASSERT_TRUE(late->wait_purges(1));
  EXPECT_TRUE(fra->heard().missed.empty());
  EXPECT_TRUE(late->heard().missed.empty());
}

TYPED_TEST_P(BusContract, a_node_without_the_bus_says_so_and_does_not_wait) {
  auto ams = this->node(), fra = this->node();
  this->world.cut(**fra);
  ASSERT_TRUE(fra->wait_connected(false));
  EXPECT_FALSE((*fra)->connected());

  const TimePoint start = rt::monotonic_now();
  for (int i = 0; i < 100; ++i) (*fra)->publish(report_by("fra", i));
  const auto put = (*fra)->put_config("from nowhere");
  const Status purged = (*fra)->purge(purge_of("http://cdn.example/", 1));
  EXPECT_LT(rt::monotonic_now() - start, Bus::request_timeout);
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code, ErrorCode::unavailable);
  ASSERT_FALSE(purged.ok());
  EXPECT_EQ(purged.error().code, ErrorCode::unavailable);

  // What was published meanwhile is not kept: its ages would be wrong by now.
  this->world.restore(**fra);
  ASSERT_TRUE(fra->wait_connected());
  EXPECT_TRUE((*fra)->connected());
  (*fra)->publish(report_by("fra", 1000));
  ASSERT_TRUE(ams->wait_reports(1));
  EXPECT_EQ(numbers(ams->heard().reports, "fra"), (std::vector<double>{1000}));
}

TYPED_TEST_P(BusContract, no_handler_runs_after_close) {
  auto ams = this->node(), fra = this->node();
  std::atomic<bool> done{false};
  std::thread talker([&] {
    for (int i = 0; !done; ++i) (*ams)->publish(report_by("ams", i));
  });
  EXPECT_TRUE(fra->wait_reports(1));
  (*fra)->close();
  const size_t at_close = fra->heard().reports.size();
  const size_t heard_by_ams = ams->heard().reports.size();
  EXPECT_TRUE(ams->wait_reports(heard_by_ams + 50));
  EXPECT_EQ(fra->heard().reports.size(), at_close);
  (*fra)->close();  // again is harmless
  EXPECT_FALSE((*fra)->connected());
  done = true;
  talker.join();
}

TYPED_TEST_P(BusContract, handlers_may_be_empty) {
  auto quiet = this->world.make();
  quiet->subscribe({});
  auto ams = this->node();
  (*ams)->publish(report_by("ams", 1));
  EXPECT_TRUE(went_well((*ams)->put_config("text")));
  EXPECT_TRUE(went_well((*ams)->purge(purge_of("http://cdn.example/", 1))));
  EXPECT_TRUE(ams->wait_reports(1));
  EXPECT_TRUE(ams->wait_config("text"));
  EXPECT_TRUE(ams->wait_purges(1));
}

TYPED_TEST_P(BusContract, nodes_may_come_and_go_while_all_talk) {
  auto ams = this->node(), fra = this->node();
  std::vector<std::thread> talkers;
  for (Node* node : {ams.get(), fra.get()})
    talkers.emplace_back([node, first_id = talkers.size() * 1000] {
      for (int i = 0; i < 40; ++i) {
        (*node)->publish(report_by("talker", i));
        EXPECT_TRUE(went_well((*node)->put_config("config " + std::to_string(i))));
        EXPECT_TRUE(
            went_well((*node)->purge(purge_of("http://cdn.example/", first_id + static_cast<size_t>(i)))));
      }
    });
  for (int i = 0; i < 5; ++i) {
    auto guest = this->node();
    (*guest)->publish(report_by("guest", i));
  }
  for (std::thread& talker : talkers) talker.join();
  EXPECT_TRUE(ams->wait_purges(80));
  EXPECT_TRUE(fra->wait_purges(80));
  EXPECT_EQ(ams->overlaps(), 0);
  EXPECT_EQ(fra->overlaps(), 0);
}

REGISTER_TYPED_TEST_SUITE_P(
    BusContract, a_report_reaches_every_node_its_author_included, reports_of_one_author_keep_their_order,
    a_new_config_reaches_every_node, a_node_that_joins_late_gets_the_present_config_and_no_older_one,
    revisions_only_grow_and_all_end_with_the_same_config, a_config_replaces_the_one_that_was_meant_or_none,
    of_two_that_replace_the_same_config_one_is_refused, a_large_config_arrives_whole,
    a_purge_reaches_every_node_once, a_node_that_joins_late_gets_the_purges_of_the_history,
    a_node_that_was_away_gets_the_purges_and_the_config_it_missed,
    a_node_that_was_away_for_longer_than_the_history_is_told, a_node_that_has_missed_nothing_is_told_nothing,
    a_node_without_the_bus_says_so_and_does_not_wait, no_handler_runs_after_close, handlers_may_be_empty,
    nodes_may_come_and_go_while_all_talk);

}  // namespace popnet::cluster::contract
