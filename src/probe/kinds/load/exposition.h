// Reads the CPU and memory figures out of a page of prometheus-node-exporter (Prometheus text format 0.0.4).
// Pure; the text is hostile.
#pragma once

#include <optional>
#include <string_view>

#include "probe/kinds/api/cpu_times.h"

namespace popnet::probe {

/// What one scrape says.
struct NodeFigures {
  std::optional<CpuTimes> cpu;             // seconds, summed over all cores
  std::optional<double> memory_total;      // bytes
  std::optional<double> memory_available;  // bytes
};

/// Lines of other metrics, and lines that are none, are passed over.
NodeFigures read_exposition(std::string_view page);

}  // namespace popnet::probe
