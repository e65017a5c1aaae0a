#include "probe/kinds/host/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "common/text.h"

namespace popnet::probe {

namespace {

/// The whole of a small file; empty when there is none.
std::string slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

std::optional<double> number(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || end == text.begin()) return std::nullopt;
  return value;
}

/// The number behind `key` at the beginning of a line: "MemTotal:  24684092 kB", "usage_usec 12".
std::optional<double> field(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n'))
    if (line.starts_with(key) && line.size() > key.size() &&
        (line[key.size()] == ' ' || line[key.size()] == '\t'))
      return number(line.substr(key.size()));
  return std::nullopt;
}

/// "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; guest times are part of user and
/// nice.
std::optional<CpuTimes> machine_cpu(const std::string& stat) {
  std::istringstream line(stat.substr(0, stat.find('\n')));
  std::string name;
  std::vector<double> times;
  line >> name;
  for (double time = 0; times.size() < 8 && line >> time;) times.push_back(time);
  if (name != "cpu" || times.size() < 5) return std::nullopt;
  CpuTimes cpu;
  for (const double time : times) cpu.total += time;
  cpu.idle = times[3] + times[4];
  return cpu;
}

std::optional<double> machine_memory(const std::string& meminfo) {
  const auto total = field(meminfo, "MemTotal:");
  const auto available = field(meminfo, "MemAvailable:");
  if (!total || !available || *total <= 0) return std::nullopt;
  return 1 - *available / *total;
}

/// The share of a group's memory limit in use, without the file pages that the kernel can drop at once; 0
/// without a limit.
double group_memory(const std::string& folder) {
  const auto limit = number(slurp(folder + "/memory.max"));  // "max" is no number
  const auto current = number(slurp(folder + "/memory.current"));
  if (!limit || !current || *limit <= 0) return 0;
  const double droppable = field(slurp(folder + "/memory.stat"), "inactive_file").value_or(0);
  return std::max(0.0, *current - droppable) / *limit;
}

/// Cores a group may use ("quota period" in microseconds, or "max period"); 0 without a limit.
double group_cores(const std::string& folder) {
  const std::string text = slurp(folder + "/cpu.max");
  const auto quota = number(text);
  const auto period = quota ? number(std::string_view(text).substr(text.find(' '))) : std::nullopt;
  return quota && period && *period > 0 ? *quota / *period : 0;
}

/// Takes a group's limits into account, where they are tighter than what was seen before.
void add_group(const std::string& folder, HostReading& reading) {
  reading.memory = std::max(reading.memory, group_memory(folder));
  const double cores = group_cores(folder);
  const auto usage = field(slurp(folder + "/cpu.stat"), "usage_usec");
  if (cores <= 0 || !usage || (reading.group_seconds && reading.group_cores <= cores)) return;
  reading.group_cores = cores;
  reading.group_seconds = *usage / 1e6;
}

/// The process's own group in the v2 hierarchy, "/" or "/a/b": the line "0::/a/b".
std::string own_group(const std::string& proc) {
  const std::string groups = slurp(proc + "/self/cgroup");
  for (const std::string_view line : split(groups, '\n'))
    if (line.starts_with("0::/")) return std::string(line.substr(3));
  return "/";
}

}  // namespace

Result<HostReading> read_host(const HostPaths& paths) {
  const auto cpu = machine_cpu(slurp(paths.proc + "/stat"));
  if (!cpu) return Error{ErrorCode::machine, fmt::format("no CPU times in {}/stat", paths.proc)};
  const auto memory = machine_memory(slurp(paths.proc + "/meminfo"));
  if (!memory) return Error{ErrorCode::machine, fmt::format("no MemAvailable in {}/meminfo", paths.proc)};
  HostReading reading{.cpu = *cpu, .memory = *memory};
  // Limits of every group from the own one up to the root hold at once.
  for (std::string group = own_group(paths.proc);; group.resize(group.rfind('/'))) {
    add_group(paths.cgroup + group, reading);
    if (group.find('/') == group.npos) break;
  }
  return reading;
}

std::optional<double> cpu_share(const HostReading& before, const HostReading& after, Duration passed) {
  auto share = busy_share(before.cpu, after.cpu);
  if (!share || passed <= Duration::zero()) return std::nullopt;
  if (before.group_seconds && after.group_seconds && after.group_cores > 0) {
    const double used = *after.group_seconds - *before.group_seconds;
    share = std::max(*share, used / (after.group_cores * to_seconds(passed)));
  }
  return share;
}

}  // namespace popnet::probe
