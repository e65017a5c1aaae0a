// What is known of keys for a while, beside what is stored: that answers were for their askers alone lately ("hit for miss"), so
// that requests need not wait for each other; that a refresh has failed, so that none is worth trying.
//
// A table of fixed size that forgets: eight marks in a cache line, one of 64 bits for each key: 40 bits of the key's hash, and
// until when it holds. A full line gives up the mark that ends first. What is forgotten, or taken for another key's, once
// among 2^37, costs a request a wait, or spares it one, or puts off a refresh; never a wrong answer.
//
// Threading: any thread, no locks. Two that set marks in the same line at the same moment may lose one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "common/hash.h"
#include "common/time.h"

namespace popnet::http {

class Marks {
 public:
  /// Room for `count`, rounded up to what a power of two of cache lines holds.
  explicit Marks(uint64_t count);

  /// Holds until that time, give or take a second. `hash`: of a key, evenly spread. REQUIRES: within three months
  void set(uint64_t hash, TimePoint until);
  void clear(uint64_t hash);
  [[nodiscard]] bool has(uint64_t hash, TimePoint now) const;
  /// Under which the same key may have another mark, in the same cache line.
  static uint64_t second(uint64_t hash, uint64_t salt) {
    return (mix64(~hash ^ salt) & ~seconds_mask) | (hash & seconds_mask);
  }

 private:
  static constexpr int each_line = 8;
  struct alignas(64) Line {
    std::atomic<uint64_t> marks[each_line] = {};  // 0: none
  };

  static uint64_t tag(uint64_t hash) { return hash & ~seconds_mask; }
  static constexpr uint64_t seconds_mask = (uint64_t{1} << 24) - 1;
  static int64_t left(uint64_t mark, uint64_t now);
  [[nodiscard]] Line& line(uint64_t hash) const { return lines_[hash & line_mask_]; }
  [[nodiscard]] std::atomic<uint64_t>* find(uint64_t hash) const;

  uint64_t line_mask_;
  std::unique_ptr<Line[]> lines_;
};

}  // namespace popnet::http
