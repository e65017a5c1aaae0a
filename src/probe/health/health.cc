#include "probe/health/health.h"

namespace popnet::probe {

namespace {

using model::Health;

void change(HealthState& state, Health verdict) {
  state.verdict = verdict;
  state.row = 0;
}

}  // namespace

HealthState after_attempt(HealthState state, bool ok, HealthRule rule) {
  const Health seen = ok ? Health::up : Health::down;
  if (state.verdict == Health::unknown) {
    change(state, seen);
  } else if (state.verdict == seen) {
    state.row = 0;
  } else if (++state.row >= (ok ? rule.rise : rule.fall)) {
    change(state, seen);
  }
  return state;
}

}  // namespace popnet::probe
