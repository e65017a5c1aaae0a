// Counters of the hot paths: one writer thread each, read by any. No locks, no shared cache lines if the
// owner aligns its block (alignas(64)). Servers hand their sums to /metrics as CounterValue.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace popnet {

class Counter {
 public:
  /// Only from the owning thread.
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void sub(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  /// Any thread.
  [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// One line of /metrics. Names follow Prometheus' rules: popnet_<part>_<what>_<unit>[_total].
struct CounterValue {
  enum class Kind { counter, gauge, histogram };
  struct Bucket {
    double bound = 0;    // up to this
    uint64_t count = 0;  // of this bucket and those below
  };
  std::string name;
  std::string help;
  Kind kind = Kind::counter;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;                  // of a histogram: the sum
  std::vector<Bucket> buckets = {};  // of a histogram: the last one's bound is infinity
};

}  // namespace popnet
