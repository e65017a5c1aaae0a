#include "rt/epoch.h"

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace popnet::rt {

Epoch::Reader::Reader(Epoch& epoch)
    : epoch_(epoch), seen_([&]() -> std::atomic<uint64_t>& {
        for (int i = 0; i < readers_max; ++i) {
          if (epoch.slots_[i].taken.exchange(true)) continue;
          for (int used = epoch.slots_used_;
               used <= i && !epoch.slots_used_.compare_exchange_weak(used, i + 1);) {
          }
          return epoch.slots_[i].seen;
        }
        std::fputs("popnet: bug: more than Epoch::readers_max readers\n", stderr);
        std::abort();
      }()) {}

Epoch::Reader::~Reader() {
  offline();
  for (Slot& slot : epoch_.slots_)
    if (&slot.seen == &seen_) slot.taken.store(false);
}

// The exchange is a full barrier on x86 and sequentially consistent everywhere: either reclaim() sees this
// reader, or this reader sees what was unlinked before reclaim() looked.
void Epoch::Reader::online() {
  seen_.exchange(epoch_.now_.load(std::memory_order_acquire));
}
void Epoch::Reader::offline() {
  seen_.store(0, std::memory_order_release);
}
void Epoch::Reader::quiescent() {
  const uint64_t now = epoch_.now_.load(std::memory_order_acquire);
  if (seen_.load(std::memory_order_relaxed) != now) seen_.exchange(now);
}

Epoch::~Epoch() {
  for (Retired& r : retired_) r.destroy();
  for (const Small& s : small_) s.destroy(s.thing);
}

uint64_t Epoch::safe_epoch() const {
  uint64_t oldest = now_.load();
  const int used = slots_used_.load();
  for (int i = 0; i < used; ++i) {
    const uint64_t seen = slots_[i].seen.load();
    if (seen != 0 && seen < oldest) oldest = seen;
  }
  return oldest;
}

void Epoch::retire(std::function<void()> destroy) {
  const std::lock_guard lock(mutex_);
  // A reader that has seen the epoch made here came after the unlinking.
  retired_.push_back({now_.fetch_add(1) + 1, std::move(destroy)});
}

size_t Epoch::take_small(Smalls& ready) {
  if (!small_.empty() && small_.front().epoch > small_safe_) small_safe_ = safe_epoch();
  size_t count = 0;
  for (; count < ready.size() && !small_.empty() && small_.front().epoch <= small_safe_; small_.pop_front())
    ready[count++] = small_.front();
  return count;
}

void Epoch::retire_small(void (*destroy)(void*), void* thing) {
  Smalls ready;
  size_t count = 0;
  {
    const std::lock_guard lock(small_mutex_);
    small_.push_back({now_.fetch_add(1) + 1, destroy, thing});
    count = take_small(ready);
  }
  for (size_t i = 0; i < count; ++i) ready[i].destroy(ready[i].thing);
}

void Epoch::reclaim() {
  std::vector<std::function<void()>> ready;
  {
    const std::lock_guard lock(mutex_);
    const uint64_t safe = retired_.empty() ? 0 : safe_epoch();
    while (!retired_.empty() && retired_.front().epoch <= safe) {
      ready.push_back(std::move(retired_.front().destroy));
      retired_.pop_front();
    }
  }
  for (auto& destroy : ready) destroy();
  Smalls small;
  for (size_t count = small_each; count == small_each;) {
    {
      const std::lock_guard lock(small_mutex_);
      count = take_small(small);
    }
    for (size_t i = 0; i < count; ++i) small[i].destroy(small[i].thing);
  }
}

size_t Epoch::retired() const {
  const std::scoped_lock lock(mutex_, small_mutex_);
  return retired_.size() + small_.size();
}

}  // namespace popnet::rt
