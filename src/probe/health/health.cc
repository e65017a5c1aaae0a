#include "probe/health/health.h"

#include <algorithm>
#include <bit>

namespace popnet::probe {

namespace {

using model::Health;

void change(HealthState& state, Health verdict) {
  state.verdict = verdict;
  state.row = 0;
}

}  // namespace

HealthState after_attempt(HealthState state, bool ok, HealthRule rule) {
  state.history = state.history << 1 | (ok ? 1U : 0U);
  state.attempts = std::min(state.attempts + 1, history_max);

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

double availability(const HealthState& state, int window) {
  const int count = std::min(window, state.attempts);
  if (count <= 0) return 1;
  const uint64_t mask = count >= history_max ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
  return static_cast<double>(std::popcount(state.history & mask)) / count;
}

std::string history_text(const HealthState& state) {
  std::string text;
  for (int i = state.attempts - 1; i >= 0; --i) text += (state.history >> i & 1) != 0 ? '+' : '-';
  return text;
}

}  // namespace popnet::probe
