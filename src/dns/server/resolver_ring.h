// Resolvers that asked for a name decided by POP, on their way from a DNS thread to the client latency
// measurement. One writer, one reader, no locks; lossy: while the reader is away, what does not fit is
// dropped.
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include "common/ip.h"

namespace popnet::dns {

class ResolverRing {
 public:
  static constexpr size_t size = 256;

  /// Only from the writing thread. A resolver that asks twice in a row is noted once.
  void note(const IpAddress& resolver) {
    const size_t end = end_.load(std::memory_order_relaxed);
    if (resolver == last_ || end - begin_.load(std::memory_order_acquire) == size) return;
    last_ = resolver;
    slots_[end % size] = resolver;
    end_.store(end + 1, std::memory_order_release);
  }

  /// Only from one thread at a time. Appends what was noted since the last call.
  void take(std::vector<IpAddress>& into) {
    const size_t end = end_.load(std::memory_order_acquire);
    size_t begin = begin_.load(std::memory_order_relaxed);
    for (; begin != end; ++begin) into.push_back(slots_[begin % size]);
    begin_.store(begin, std::memory_order_release);
  }

 private:
  std::array<IpAddress, size> slots_;
  IpAddress last_;
  alignas(64) std::atomic<size_t> end_{0};    // written by the writer
  alignas(64) std::atomic<size_t> begin_{0};  // written by the reader
};

}  // namespace popnet::dns
