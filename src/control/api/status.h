// GET /v1/status: what the node knows and does, for `popnet status`, the dashboard and scripts.
//
//   {"version", "pop", "node", "uptime_s", "ready", "not_ready": "…" while not ready,
//    "generations": {"config", "metrics", "map"}, "snapshot_age_ms", "shares_author", "client_networks",
//    "bus": {"kind": "memory" | "nats", "connected"},
//    "pops": [{"name", "here": it is this node's, "addresses": […], "nodes": [names of those that
//    measure and are heard], TARGET, "accept"}],
//    "sites": [{"name", "hostnames": […], "origins": [{"name", "address", TARGET, "share"}]}],
//    "counters": [{"name", "labels": {…}, "value"}]}
//
//   TARGET: "alive", "health": "up" | "down" | "unknown", "health_age_ms", "probers_up", "probers_down",
//   "error" (newest failure; left out while all is well), "load" (null while unknown), "answers" (of this
//   node, that it led), "answer_share" (of all answers for the site, or all that name a POP; null before the
//   first), "metrics": {"http_ms": {"value", "age_ms", "probers"}, …}
//
// Ages and times are milliseconds where the name ends in _ms, seconds in _s; loads and shares are 0 .. 1.
#pragma once

#include <string>
#include <vector>

#include "common/counter.h"
#include "common/result.h"
#include "common/time.h"
#include "control/api/hooks.h"
#include "routing/snapshot.h"

namespace popnet::control {

struct StatusInput {
  const routing::Snapshot& snapshot;
  model::AnswerCounts answers;
  std::vector<CounterValue> counters;
  Status ready;
  BusState bus;
  Duration uptime{};
};

std::string format_status(const StatusInput& input, TimePoint now);

}  // namespace popnet::control
