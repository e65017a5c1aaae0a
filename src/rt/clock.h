// The only file of popnet that reads the real clocks. Loops call it once a turn; what decides gets the value.
#pragma once

#include <time.h>

#include "common/time.h"

namespace popnet::rt {

inline TimePoint monotonic_now() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return TimePoint(std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec));
}

inline WallTime wall_now() {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return WallTime(std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec));
}

/// CPU time that the calling thread has used.
inline Duration thread_cpu_time() {
  timespec ts;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec);
}

}  // namespace popnet::rt
