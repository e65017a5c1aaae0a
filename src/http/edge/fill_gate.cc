#include "http/edge/fill_gate.h"

#include <algorithm>

#include "rt/loop.h"

namespace popnet::http {

namespace {

/// Never beyond, not for a moment: others would find no room where nobody runs, and wait for one who never leaves.
bool count_up(std::atomic<uint32_t>& count, uint32_t most) {
  uint32_t before = count.load();
  while (before < most)
    if (count.compare_exchange_weak(before, before + 1)) return true;
  return false;
}

}  // namespace

bool FillGate::enter(std::atomic<uint32_t>& at_origin, const model::FillOptions& limits, bool waited) {
  if (!waited && waiting_.load() > 0) return false;
  if (!count_up(running_, limits.requests)) return false;
  if (!count_up(at_origin, limits.origin_requests)) {
    running_.fetch_sub(1);
    return false;
  }
  // The limits may have been raised since he came.
  const bool more = running_.load() < limits.requests && at_origin.load() < limits.origin_requests;
  if (waited && waiting_.load() > 0 && more) pass_on();
  return true;
}

void FillGate::leave(std::atomic<uint32_t>& at_origin) {
  at_origin.fetch_sub(1);
  running_.fetch_sub(1);
  if (waiting_.load() > 0) pass_on();
}

FillGate::Wait FillGate::wait(Waiter waiter, rt::Loop& loop, std::function<void()> told,
                              const model::FillOptions& limits, bool again) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= limits.queue && !again) return Wait::refused;
  queue_.insert(again ? queue_.begin() : queue_.end(), {waiter, &loop, std::move(told)});
  waiting_.store(static_cast<uint32_t>(queue_.size()));
  return queue_.size() == 1 ? Wait::alone : Wait::behind;
}

bool FillGate::cancel(Waiter waiter) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(queue_.begin(), queue_.end(), [&](const Waiting& w) { return w.waiter == waiter; });
  if (found == queue_.end()) return false;
  queue_.erase(found);
  waiting_.store(static_cast<uint32_t>(queue_.size()));
  return true;
}

void FillGate::pass_on() {
  Waiting next;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return;
    next = std::move(queue_.front());
    queue_.pop_front();
    waiting_.store(static_cast<uint32_t>(queue_.size()));
  }
  next.loop->post(std::move(next.told));
}

}  // namespace popnet::http
