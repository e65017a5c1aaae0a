// The two kinds of time, kept apart by type. Code that decides takes them as arguments; only rt/clock.h reads
// them.
#pragma once

#include <chrono>
#include <cstdint>

namespace popnet {

using Duration = std::chrono::nanoseconds;

/// Tag of the monotonic clock of this machine; has no now() on purpose (see rt/clock.h).
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};

/// A moment on this machine's monotonic clock. Ages, deadlines and intervals are made from it. Never sent to
/// another machine: an age is sent instead.
using TimePoint = MonotonicClock::time_point;

/// A moment of civil time (UTC, nanoseconds since 1970), for HTTP dates, serial numbers, logs and files.
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

inline double to_seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}
inline double to_ms(Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}
inline Duration from_ms(double ms) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
}

}  // namespace popnet
