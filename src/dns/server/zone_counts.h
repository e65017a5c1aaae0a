// Answers by zone and kind, for /metrics. Each thread has counters of its own; any thread may read the sums, which
// are then a moment old. No answer is lost when names are made anew (tally.h).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dns/server/answer.h"
#include "dns/server/tally.h"
#include "dns/zone/names.h"

namespace popnet::dns {

inline constexpr size_t answer_kinds = 6;
static_assert(answer_kinds <= tally_size);
const char* to_string(AnswerKind kind);

/// For one Names and a fixed number of threads. Zones that keep their name share their counts with those of `before`.
class ZoneCounts {
 public:
  ZoneCounts(std::shared_ptr<const Names> names, size_t threads, const ZoneCounts* before);

  /// Only from the thread with that number.
  void add(size_t thread, const Outcome& outcome) {
    if (outcome.zone != Outcome::no_zone)
      tallies_[outcome.zone][static_cast<std::ptrdiff_t>(thread)]
          .counters[static_cast<size_t>(outcome.kind)]
          .add();
  }

  struct Line {
    std::string zone;  // as text, with its final dot
    std::array<uint64_t, answer_kinds> answers{};
    [[nodiscard]] uint64_t total() const;
  };
  /// Zones that were asked for.
  [[nodiscard]] std::vector<Line> read() const;

 private:
  std::shared_ptr<const Names> names_;
  size_t threads_;
  std::vector<Tally> tallies_;  // by zone
};

}  // namespace popnet::dns
