// Purges that were ordered at this node, on their way to the other ones. Who sent a PURGE has his answer already, and asks
// nobody again: so what the bus does not take is kept, and offered again until it does.
//
//   add ──> waits ──taken by the bus──> gone        tried again after retry_first, twice as long each time up to
//             ^ └──the bus is away──┐               retry_last, and at once when the bus is back
//             └─────────────────────┘
//
// More than `most` become one purge of each site that they are about: rather too much is gone than too little.
//
// Threading: everything on the thread of `loop`, but waiting() and try_now().
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>

#include "common/result.h"
#include "model/report.h"
#include "rt/loop.h"

namespace popnet::node {

class PurgeOutbox {
 public:
  static constexpr size_t most = 10'000;
  static constexpr Duration retry_first = std::chrono::seconds(1);
  static constexpr Duration retry_last =
      std::chrono::seconds(10);  // one attempt may take seconds of the loop

  /// `send` as Bus::purge(): after ErrorCode::unavailable it is tried again.
  using Send = std::function<Status(const model::PurgeOrder&)>;
  PurgeOutbox(rt::Loop& loop, Send send);
  /// Says how many nobody will be told of any more.
  ~PurgeOutbox();

  void add(model::PurgeOrder order);
  /// What waits, which is another's to send from now on.
  std::deque<model::PurgeOrder> take();
  /// The bus is there. Any thread.
  void try_now();
  /// Any thread.
  [[nodiscard]] size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  void send_some();
  void put_off(const Error& why);
  void merge();

  rt::Loop& loop_;
  const Send send_;
  rt::Timer timer_;
  std::deque<model::PurgeOrder> orders_;
  Duration retry_ = retry_first;
  bool failing_ = false;
  std::atomic<size_t> waiting_{0};  // as many as orders_
};

}  // namespace popnet::node
