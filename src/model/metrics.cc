#include "model/metrics.h"

namespace popnet::model {

namespace {
constexpr const char* metric_names[metric_count] = {"http_ms", "tcp_ms", "ftp_ms", "rtt_ms",
                                                    "cpu",     "memory", "traffic"};
}

const char* to_string(Metric metric) {
  return metric_names[static_cast<size_t>(metric)];
}

std::optional<Metric> parse_metric(std::string_view name) {
  for (size_t i = 0; i < metric_count; ++i)
    if (name == metric_names[i]) return static_cast<Metric>(i);
  return std::nullopt;
}

const char* to_string(Health health) {
  switch (health) {
    case Health::unknown:
      return "unknown";
    case Health::up:
      return "up";
    case Health::down:
      return "down";
  }
  return "?";
}

}  // namespace popnet::model
