// How many requests run at the origins of one site, and who waits until fewer do: a slow origin is not buried under
// requests, and its site does not take all connections of this node.
//
//   enter ──room──> runs ──leave──> the first in the queue is told, and enters
//     └──none, or others wait──> wait ──told──> enter
//                                 └──the queue is full──> refused
//
// Who waits is told on his own loop; he may have gone by then, or find no room: then he says so, by pass_on() or by
// waiting once more.
//
// Threading: any thread. enter() and leave() take no lock while nobody waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "common/time.h"
#include "model/config.h"

namespace popnet::rt {
class Loop;
}

namespace popnet::http {

class FillGate {
 public:
  /// Identifies who waits; never looked into.
  using Waiter = const void*;

  /// One more request to that origin, if the limits allow: `at_origin` is the origin's count, and grows. Who `waited`
  /// goes before those who come.
  bool enter(std::atomic<uint32_t>& at_origin, const model::FillOptions& limits, bool waited);
  void leave(std::atomic<uint32_t>& at_origin);

  enum class Wait : uint8_t {
    refused,  ///< too many wait
    alone,    ///< nobody else waits: who left just before has told nobody, so look whether there is room
    behind,
  };
  /// `told` is called once, on `loop`, when it may be worth to enter again. With `again`: it was told, and found no
  /// room; then it is in front of the others.
  Wait wait(Waiter waiter, rt::Loop& loop, std::function<void()> told, const model::FillOptions& limits,
            bool again);
  /// Waits no more. False when it was told already: what was to be called still comes.
  bool cancel(Waiter waiter);
  /// Whom it was told has no use for it.
  void pass_on();

  [[nodiscard]] uint32_t running() const { return running_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint32_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  void refuse() { refused_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    Waiter waiter;
    rt::Loop* loop;
    std::function<void()> told;
  };

  // Sequentially consistent: who leaves counts down and then looks whether somebody waits; who waits counts up and
  // then looks whether there is room.
  std::atomic<uint32_t> running_{0};
  std::atomic<uint32_t> waiting_{0};
  std::atomic<uint64_t> refused_{0};
  std::mutex mutex_;  // guards queue_; waiting_ is its size
  std::deque<Waiting> queue_;
};

}  // namespace popnet::http
