#include "cluster/api/dispatcher.h"

#include <cassert>
#include <utility>

#include "rt/shards.h"

namespace popnet::cluster {

void Dispatcher::start(BusHandlers handlers) {
  const std::lock_guard lock(mutex_);
  assert(!thread_.joinable() && "a node subscribes once");
  handlers_ = std::move(handlers);
  thread_ = std::thread([this] {
    rt::name_thread(name_);
    loop_.run();
  });
}

void Dispatcher::stop() {
  stopped_ = true;
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

bool Dispatcher::report(std::shared_ptr<const Report> report) {
  if (reports_waiting_.fetch_add(1) >= reports_waiting_max) {
    --reports_waiting_;
    return false;
  }
  hand_over([this, report = std::move(report)] {
    --reports_waiting_;
    if (handlers_.on_report) handlers_.on_report(*report);
  });
  return true;
}

void Dispatcher::config(uint64_t revision, std::string text) {
  hand_over([this, revision, text = std::move(text)] {
    if (handlers_.on_config) handlers_.on_config(revision, text);
  });
}

void Dispatcher::purge(PurgeOrder order) {
  hand_over([this, order = std::move(order)] {
    if (handlers_.on_purge) handlers_.on_purge(order);
  });
}

void Dispatcher::purges_missed() {
  hand_over([this] {
    if (handlers_.on_purges_missed) handlers_.on_purges_missed();
  });
}

void Dispatcher::connected(bool now) {
  hand_over([this, now] {
    if (handlers_.on_connected) handlers_.on_connected(now);
  });
}

void Dispatcher::hand_over(rt::Loop::Task task) {
  loop_.post([this, task = std::move(task)] {
    if (!stopped_) task();
  });
}

}  // namespace popnet::cluster
