#include "rt/epoch.h"

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace popnet::rt {

Epoch::Reader::Reader(Epoch& epoch)
    : epoch_(epoch), seen_([&]() -> std::atomic<uint64_t>& {
        for (Slot& slot : epoch.slots_)
          if (!slot.taken.exchange(true)) return slot.seen;
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
}

void Epoch::retire(std::function<void()> destroy) {
  const std::lock_guard lock(mutex_);
  // A reader that has seen the epoch made here came after the unlinking.
  retired_.push_back({now_.fetch_add(1) + 1, std::move(destroy)});
}

void Epoch::reclaim() {
  std::vector<std::function<void()>> ready;
  {
    const std::lock_guard lock(mutex_);
    if (retired_.empty()) return;
    uint64_t oldest = now_.load();
    for (const Slot& slot : slots_) {
      const uint64_t seen = slot.seen.load();
      if (seen != 0 && seen < oldest) oldest = seen;
    }
    while (!retired_.empty() && retired_.front().epoch <= oldest) {
      ready.push_back(std::move(retired_.front().destroy));
      retired_.pop_front();
    }
  }
  for (auto& destroy : ready) destroy();
}

size_t Epoch::retired() const {
  const std::lock_guard lock(mutex_);
  return retired_.size();
}

}  // namespace popnet::rt
