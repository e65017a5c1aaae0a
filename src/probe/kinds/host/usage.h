// CPU and memory of this machine as the kernel tells them: /proc/stat and /proc/meminfo, and where the
// process lives in a control group with limits (cgroup v2: a container, a systemd slice), the part of those
// limits in use. The figures are those that get scarce first: the higher of machine and group.
#pragma once

#include <optional>
#include <string>

#include "common/result.h"
#include "common/time.h"
#include "probe/kinds/api/cpu_times.h"

namespace popnet::probe {

/// Where to look; tests give folders of their own.
struct HostPaths {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";  // where cgroup v2 is mounted
};

/// One reading of the counters.
struct HostReading {
  CpuTimes cpu;                           // machine, in clock ticks summed over all cores
  double memory = 0;                      // share in use, 0 .. 1
  std::optional<double> group_seconds{};  // CPU time the group has used, where its CPU is limited
  double group_cores = 0;                 // that limit
};

/// ErrorCode::machine where the kernel's files cannot be read.
Result<HostReading> read_host(const HostPaths& paths);

/// Share of CPU in use between two readings `passed` apart; nothing when no time went by.
std::optional<double> cpu_share(const HostReading& before, const HostReading& after, Duration passed);

}  // namespace popnet::probe
