// One immutable value, replaced whole, read without locks: how a snapshot reaches the hot threads.
//
// A reader thread (an online Epoch::Reader) calls get() once at the start of a query or request and hands the
// reference down; it stays valid until that thread's next quiescent moment. Work that outlives the loop turn
// takes share(). Writers may be any thread; each publish is atomic for every reader.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "rt/epoch.h"

namespace popnet::rt {

template <class T>
class Published {
 public:
  /// REQUIRES: first is not null
  Published(Epoch& epoch, std::shared_ptr<const T> first) : epoch_(epoch), box_(new Box(std::move(first))) {}
  ~Published() { delete box_.load(); }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  /// REQUIRES: the calling thread's reader is online
  [[nodiscard]] const T& get() const { return *box_.load(std::memory_order_seq_cst)->value; }
  /// REQUIRES: the calling thread's reader is online. Costs a shared counter: not for hot paths.
  [[nodiscard]] std::shared_ptr<const T> share() const { return box_.load(std::memory_order_seq_cst)->value; }

  void publish(std::shared_ptr<const T> next) {
    const Box* old = box_.exchange(new Box(std::move(next)));
    epoch_.retire([old] { delete old; });
  }

 private:
  struct Box {
    explicit Box(std::shared_ptr<const T> v) : value(std::move(v)) {}
    const std::shared_ptr<const T> value;
  };
  Epoch& epoch_;
  std::atomic<const Box*> box_;
};

}  // namespace popnet::rt
