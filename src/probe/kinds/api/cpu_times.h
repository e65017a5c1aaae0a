// The share of CPU time in use, from two readings of the kernel's ever growing counters. Pure.
#pragma once

#include <cmath>
#include <optional>

namespace popnet::probe {

/// Since the machine started, summed over all cores; any unit.
struct CpuTimes {
  double total = 0;
  double idle = 0;  // also waiting for disks
};

/// 0 .. 1; nothing when no time went by or the counters went back (the machine was started anew).
inline std::optional<double> busy_share(const CpuTimes& before, const CpuTimes& after) {
  const double total = after.total - before.total;
  const double idle = after.idle - before.idle;
  if (!(total > 0) || !(idle >= 0) || !std::isfinite(total)) return std::nullopt;
  return std::fmax(0, 1 - idle / total);
}

}  // namespace popnet::probe
