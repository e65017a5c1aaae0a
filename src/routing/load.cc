#include "routing/load.h"

#include <algorithm>
#include <array>

namespace popnet::routing {

namespace {

using model::Metric;

constexpr std::array averaged = {Metric::cpu, Metric::memory, Metric::http_ms, Metric::ftp_ms,
                                 Metric::tcp_ms};

double weight_of(const model::LoadModel& model, Metric metric) {
  switch (metric) {
    case Metric::cpu:
      return model.cpu;
    case Metric::memory:
      return model.memory;
    case Metric::http_ms:
      return model.http;
    case Metric::ftp_ms:
      return model.ftp;
    case Metric::tcp_ms:
      return model.tcp;
    case Metric::rtt_ms:
    case Metric::traffic:
      return 0;
  }
  return 0;
}

/// What counts as 1, in the metric's own unit.
double reference_of(const model::LoadModel& model, Metric metric) {
  switch (metric) {
    case Metric::http_ms:
      return to_ms(model.http_reference);
    case Metric::ftp_ms:
      return to_ms(model.ftp_reference);
    case Metric::tcp_ms:
      return to_ms(model.tcp_reference);
    default:
      return 1;
  }
}

/// Adds one metric of all siblings to their sums; fills the blind ones with the mean of the others.
void add_metric(const model::LoadModel& model, std::span<const model::ServiceMetrics> siblings, Metric metric,
                std::vector<Load>& sums, double& weight_sum) {
  double known_sum = 0;
  size_t known = 0;
  for (const auto& sibling : siblings)
    if (const auto component = load_component(model, sibling, metric)) known_sum += *component, ++known;
  if (known == 0) return;
  const double weight = weight_of(model, metric);
  weight_sum += weight;
  for (size_t i = 0; i < siblings.size(); ++i) {
    const auto own = load_component(model, siblings[i], metric);
    sums[i].value += weight * own.value_or(known_sum / static_cast<double>(known));
    sums[i].known |= own.has_value();
  }
}

}  // namespace

std::optional<double> load_component(const model::LoadModel& model, const model::ServiceMetrics& target,
                                     Metric metric) {
  const auto& measured = target.get(metric);
  const double reference = reference_of(model, metric);
  if (!measured || reference <= 0 || (weight_of(model, metric) <= 0 && metric != Metric::traffic))
    return std::nullopt;
  return std::clamp(measured->value / reference, 0.0, component_max);
}

std::vector<Load> loads(const model::LoadModel& model, std::span<const model::ServiceMetrics> siblings) {
  std::vector<Load> result(siblings.size());
  double weight_sum = 0;
  for (const Metric metric : averaged) add_metric(model, siblings, metric, result, weight_sum);
  if (weight_sum > 0)
    for (Load& load : result) load.value /= weight_sum;
  return result;
}

std::vector<Load> pop_loads(const model::LoadModel& model, std::span<const model::ServiceMetrics> pops) {
  std::vector<Load> result = loads(model, pops);
  for (size_t i = 0; i < pops.size(); ++i)
    for (const Metric limit : {Metric::cpu, Metric::traffic})
      if (const auto component = load_component(model, pops[i], limit))
        result[i] = {std::max(result[i].value, *component), true};
  return result;
}

}  // namespace popnet::routing
