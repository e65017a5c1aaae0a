// Carries what arrives on the bus to one node's handlers, on a thread of its own: the half that all
// implementations of the bus have in common.
//
// Things are handed over in the order in which they were given. At most reports_waiting_max reports wait;
// further ones are dropped (metrics are repeated anyway), so that a node that is stuck costs a bounded amount
// of memory.
//
// Threading: any thread may give, before start() too. Handlers run on the dispatcher's thread, one at a time.
// stop() waits for a running one, so it must not be called from a handler; after it none runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "cluster/api/bus.h"
#include "rt/loop.h"

namespace popnet::cluster {

class Dispatcher {
 public:
  static constexpr int reports_waiting_max = 4096;

  /// `name`: of the thread, as ps and debuggers show it.
  explicit Dispatcher(std::string name) : name_(std::move(name)) {}
  ~Dispatcher() { stop(); }
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Called once.
  void start(BusHandlers handlers);
  void stop();

  /// False: dropped, because too many wait.
  bool report(std::shared_ptr<const Report> report);
  void config(uint64_t revision, std::string text);
  void purge(PurgeOrder order);
  void purges_missed();
  void connected(bool now);

  /// The thread's loop, for other short work of the same node. What is posted after stop() does not run.
  [[nodiscard]] rt::Loop& loop() { return loop_; }

 private:
  void hand_over(rt::Loop::Task task);

  const std::string name_;
  rt::Loop loop_;
  std::mutex mutex_;  // guards thread_
  std::thread thread_;
  BusHandlers handlers_;  // set by start(), then only read on the thread
  std::atomic<int> reports_waiting_{0};
  std::atomic<bool> stopped_{false};
};

}  // namespace popnet::cluster
