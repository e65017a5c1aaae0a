// When a target counts as dead or alive again: rise and fall counting over the attempts of one probe.
//
// State chart; "row" is the number of attempts in a row that contradict the verdict:
//
//   verdict    attempt ok                           attempt failed
//   unknown    up                                   down
//   up         row = 0                              row + 1; at `fall` of them: down, row = 0
//   down       row + 1; at `rise` of them: up       row = 0
//
// The first attempt decides alone. Nothing is known before it, so one measurement is the best there is, and a
// node that starts into a network with a dead web server must not send users there for `fall` intervals. A
// wrong first verdict is corrected by the same counting as any other.
//
// Plain values; the caller decides when an attempt happened and keeps the state of each probe.
#pragma once

#include "model/metrics.h"

namespace popnet::probe {

struct HealthRule {
  int rise = 1;  // successes in a row until down becomes up; >= 1
  int fall = 1;  // failures in a row until up becomes down; >= 1
};

struct HealthState {
  model::Health verdict = model::Health::unknown;
  int row = 0;  // attempts in a row that contradict the verdict

  bool operator==(const HealthState&) const = default;
};

/// The state after one more attempt.
HealthState after_attempt(HealthState state, bool ok, HealthRule rule);

}  // namespace popnet::probe
