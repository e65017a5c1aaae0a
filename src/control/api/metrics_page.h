// GET /metrics: the counters of all parts and, from the snapshot, what the node believes of the network, in
// the text format of Prometheus.
//
//   popnet_origin_…{site,origin}, popnet_pop_…{pop}: load (left out while unknown), alive, share of users
//   (origins) or accept (POPs), answers_total, metric{metric}, metric_age_seconds{metric}
//   popnet_config_generation, popnet_metrics_generation, popnet_map_generation, popnet_snapshot_age_seconds,
//   popnet_client_networks, popnet_ready, popnet_bus_connected, popnet_uptime_seconds,
//   popnet_build_info{version}
#pragma once

#include <string>
#include <vector>

#include "common/counter.h"
#include "common/time.h"
#include "control/api/hooks.h"
#include "routing/snapshot.h"

namespace popnet::control {

/// What the snapshot says, as gauges.
std::vector<CounterValue> snapshot_values(const routing::Snapshot& snapshot,
                                          const model::AnswerCounts& answers, TimePoint now);

/// The page. Lines of one name stand together, in the order in which the names came first; help and kind are
/// those of the first.
std::string format_metrics(const std::vector<CounterValue>& values);

}  // namespace popnet::control
