// Answers by zone and kind, for /metrics. Each thread has its own block; any thread may read the sums, which
// are then a moment old.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/counter.h"
#include "dns/server/answer.h"
#include "dns/zone/names.h"

namespace popnet::dns {

inline constexpr size_t answer_kinds = 6;
const char* to_string(AnswerKind kind);

/// For one Names and a fixed number of threads. New Names take over the counts of zones that keep their name.
class ZoneCounts {
 public:
  ZoneCounts(std::shared_ptr<const Names> names, size_t threads, const ZoneCounts* before);

  /// Only from the thread with that number.
  void add(size_t thread, const Outcome& outcome) {
    if (outcome.zone != Outcome::no_zone)
      blocks_[thread][spare + outcome.zone * answer_kinds + static_cast<size_t>(outcome.kind)].add();
  }

  struct Line {
    std::string zone;  // as text, with its final dot
    std::array<uint64_t, answer_kinds> answers{};
    [[nodiscard]] uint64_t total() const;
  };
  /// Zones that were asked for.
  [[nodiscard]] std::vector<Line> read() const;
  [[nodiscard]] const std::shared_ptr<const Names>& names() const { return names_; }

 private:
  // Keeps a block's counters off the cache lines of its neighbours on the heap.
  static constexpr size_t spare = 64 / sizeof(Counter);
  [[nodiscard]] Line line(uint32_t zone) const;

  std::shared_ptr<const Names> names_;
  std::vector<std::array<uint64_t, answer_kinds>> taken_over_;  // by zone
  std::vector<std::unique_ptr<Counter[]>> blocks_;              // one a thread
};

}  // namespace popnet::dns
