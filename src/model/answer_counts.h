// How often each target led a decided answer ("share of answers"). Plain values; indexes as in one Config.
#pragma once

#include <cstdint>
#include <vector>

namespace popnet::model {

/// Shorter lists count as zero.
struct AnswerCounts {
  std::vector<std::vector<uint64_t>> origins;  // [site][origin]
  std::vector<uint64_t> pops;                  // [pop]
};

}  // namespace popnet::model
