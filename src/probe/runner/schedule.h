// When the attempts of a probe start. Pure.
#pragma once

#include <algorithm>
#include <chrono>

#include "common/random.h"
#include "common/time.h"

namespace popnet::probe {

/// First attempts come within this time, however long the interval.
inline constexpr std::chrono::seconds first_start_max{1};

inline TimePoint first_start(TimePoint now, Duration interval, Random& random) {
  const Duration spread = std::min<Duration>(interval, first_start_max);
  return now + std::chrono::duration_cast<Duration>(spread * random.uniform());
}

/// A target that is alive but has just failed is in doubt: the attempts that decide come this many times as
/// often, so that users leave a dead server one interval and a little after it died, not `fall` intervals
/// (HAProxy: fastinter). The way back is not hurried.
inline constexpr int doubt_hurry = 4;

/// The start after the one planned for `last`: an interval later, moved by up to half of `jitter` x interval
/// to either side. The moves add up, so probers that start together drift apart, yet the mean interval is
/// what was asked for. A start that was missed (the attempt took longer) is now; missed ones are not made up
/// for.
inline TimePoint next_start(TimePoint last, Duration interval, double jitter, TimePoint now, Random& random) {
  const double stretch = 1 + jitter * (random.uniform() - 0.5);
  return std::max(now, last + std::chrono::duration_cast<Duration>(interval * stretch));
}

}  // namespace popnet::probe
