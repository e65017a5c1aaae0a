#include "control/api/metrics_page.h"

#include <prometheus/text_serializer.h>

#include <sstream>
#include <unordered_map>
#include <utility>

namespace popnet::control {

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;
using Kind = CounterValue::Kind;

/// What is said of an origin and of a POP alike.
struct TargetLines {
  std::string prefix;  // "popnet_origin_"
  Labels labels;
  std::vector<CounterValue>& out;

  void add(const char* name, const char* help, double value, Kind kind = Kind::gauge) {
    out.push_back({prefix + name, help, kind, labels, value});
  }
  void add_metrics(const model::ServiceMetrics& measured, TimePoint now) {
    for (size_t i = 0; i < model::metric_count; ++i) {
      const auto metric = static_cast<model::Metric>(i);
      const auto& value = measured.get(metric);
      if (!value) continue;
      Labels with_metric = labels;
      with_metric.emplace_back("metric", model::to_string(metric));
      out.push_back({prefix + "metric", "What the probes measure: times in milliseconds, the rest as shares",
                     Kind::gauge, with_metric, value->value});
      out.push_back({prefix + "metric_age_seconds", "Age of the newest sample in it", Kind::gauge,
                     with_metric, to_seconds(now - value->at)});
    }
  }
};

uint64_t at(const std::vector<uint64_t>& counts, size_t i) {
  return i < counts.size() ? counts[i] : 0;
}

void add_origins(const routing::Snapshot& snapshot, const model::AnswerCounts& answers, TimePoint now,
                 std::vector<CounterValue>& out) {
  static const std::vector<uint64_t> none;
  for (size_t s = 0; s < snapshot.config->sites.size(); ++s) {
    const model::Site& site = snapshot.config->sites[s];
    const auto& counts = s < answers.origins.size() ? answers.origins[s] : none;
    for (size_t i = 0; i < site.origins.size(); ++i) {
      const routing::OriginState& state = snapshot.map.sites[s].origins[i];
      TargetLines lines{"popnet_origin_", {{"site", site.name}, {"origin", site.origins[i].name}}, out};
      if (state.load_known) lines.add("load", "0 idle, 1 full", state.load);
      lines.add("alive", "1 unless its health is down", state.alive ? 1 : 0);
      lines.add("share", "Part of the site's users that is sent to it", state.share);
      lines.add("answers_total", "Answers of this node that it led", static_cast<double>(at(counts, i)),
                Kind::counter);
      lines.add_metrics(snapshot.metrics->origins[s][i], now);
    }
  }
}

void add_pops(const routing::Snapshot& snapshot, const model::AnswerCounts& answers, TimePoint now,
              std::vector<CounterValue>& out) {
  for (size_t i = 0; i < snapshot.config->pops.size(); ++i) {
    const routing::PopState& state = snapshot.map.pops[i];
    TargetLines lines{"popnet_pop_", {{"pop", snapshot.config->pops[i].name}}, out};
    if (state.load_known) lines.add("load", "0 idle, 1 full", state.load);
    lines.add("alive", "1 unless its health is down", state.alive ? 1 : 0);
    lines.add("accept", "Part of its own clients that it takes", state.accept);
    lines.add("answers_total", "Answers of this node that it led", static_cast<double>(at(answers.pops, i)),
              Kind::counter);
    lines.add_metrics(snapshot.metrics->pops[i], now);
  }
}

prometheus::ClientMetric to_prometheus(const CounterValue& value) {
  prometheus::ClientMetric metric;
  for (const auto& [name, label] : value.labels) metric.label.push_back({name, label});
  metric.counter.value = value.value;
  metric.gauge.value = value.value;
  if (value.buckets.empty()) return metric;
  metric.histogram.sample_count = value.buckets.back().count;
  metric.histogram.sample_sum = value.value;
  for (const auto& [bound, count] : value.buckets) metric.histogram.bucket.push_back({count, bound});
  return metric;
}

prometheus::MetricType type_of(Kind kind) {
  switch (kind) {
    case Kind::counter:
      return prometheus::MetricType::Counter;
    case Kind::gauge:
      return prometheus::MetricType::Gauge;
    case Kind::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

std::vector<CounterValue> snapshot_values(const routing::Snapshot& snapshot,
                                          const model::AnswerCounts& answers, TimePoint now) {
  const auto number = [](uint64_t n) { return static_cast<double>(n); };
  std::vector<CounterValue> values = {
      {"popnet_config_generation",
       "Counts the configs that this node has accepted",
       Kind::gauge,
       {},
       number(snapshot.config->generation)},
      {"popnet_metrics_generation",
       "Number of the metrics snapshot",
       Kind::gauge,
       {},
       number(snapshot.metrics->generation)},
      {"popnet_map_generation",
       "Number of the map that answers are made from",
       Kind::gauge,
       {},
       number(snapshot.map.generation)},
      {"popnet_snapshot_age_seconds",
       "Time since that map was made",
       Kind::gauge,
       {},
       to_seconds(now - snapshot.map.at)},
      {"popnet_client_networks",
       "Client networks whose latency is measured or configured",
       Kind::gauge,
       {},
       number(snapshot.map.clients.entries())},
  };
  add_origins(snapshot, answers, now, values);
  add_pops(snapshot, answers, now, values);
  return values;
}

std::string format_metrics(const std::vector<CounterValue>& values) {
  std::vector<prometheus::MetricFamily> families;
  std::unordered_map<std::string, size_t> family_of;
  for (const CounterValue& value : values) {
    const auto [found, is_new] = family_of.try_emplace(value.name, families.size());
    if (is_new) families.push_back({value.name, value.help, type_of(value.kind), {}});
    families[found->second].metric.push_back(to_prometheus(value));
  }
  std::ostringstream page;
  prometheus::TextSerializer().Serialize(page, families);
  return page.str();
}

}  // namespace popnet::control
