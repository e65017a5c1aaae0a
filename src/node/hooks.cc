// What the admin API may know of and ask from a node.
#include <fmt/format.h>

#include "common/log.h"
#include "node/node.h"
#include "node/run_on.h"
#include "rt/clock.h"

namespace popnet::node {

namespace {

// A node is ready once it knows how its targets are, or has waited this long for it: it would answer before,
// but without knowing better than to treat all alike.
constexpr std::chrono::seconds ready_at_latest{3};

bool all_origins_judged(const model::MetricsSnapshot& metrics) {
  for (const auto& site : metrics.origins)
    for (const auto& origin : site)
      if (origin.health == model::Health::unknown) return false;
  return true;
}

control::ConfigOutcome outcome_of(const std::vector<config::Problem>& problems) {
  control::ConfigOutcome outcome;
  for (const auto& problem : problems) {
    outcome.problems.push_back(config::to_string(problem));
    if (problem.severity == config::Problem::Severity::error)
      outcome.status = Error{ErrorCode::invalid, "the config has errors; nothing has changed"};
  }
  return outcome;
}

}  // namespace

Status Node::ready(const routing::Snapshot& seen) const {
  if (!seen.config->node.probe || all_origins_judged(*seen.metrics) ||
      rt::monotonic_now() - started_ > ready_at_latest)
    return {};
  return Error{ErrorCode::unavailable, "the first probes of the origins are still running"};
}

control::ConfigOutcome Node::put_config(const std::string& text, std::optional<uint64_t> replaces) {
  // All nodes will read it: what this one cannot read goes to nobody.
  const auto look_at = [](const auto& config, auto* problems) -> Result<Zones::Made> {
    auto names = dns::make_names(*config, problems);
    if (!names) return names.error();
    return Zones::Made{std::move(*names), {}};
  };
  auto outcome = outcome_of(read_config(NetworkDocument{0, text}, 0, look_at).loaded.problems);
  if (!outcome.status) return outcome;
  const auto put = bus_->put_config(text, replaces);
  if (put)
    outcome.revision = *put;
  else
    outcome.status = put.error();
  outcome.on_bus = true;
  return outcome;
}

control::Hooks Node::admin_hooks() {
  control::Hooks hooks;
  hooks.snapshot = [this] { return snapshot(); };
  hooks.counters = [this] { return counters(); };
  hooks.answers = [this](const model::Config& as) { return answer_counts(as); };
  hooks.ready = [this](const routing::Snapshot& seen) { return ready(seen); };
  hooks.bus = [this] { return control::BusState{bus_->kind(), bus_->connected(), follows_bus_}; };
  hooks.put_config = [this](const std::string& text, std::optional<uint64_t> replaces) {
    return put_config(text, replaces);
  };
  hooks.reload = [this] {
    log::info("reload asked for by the API");
    auto outcome = outcome_of(reload());
    for (const std::string& problem : outcome.problems) log::warning("{}", problem);
    if (!outcome.status) log::error("the reload was refused: the config that was in force before stays");
    return outcome;
  };
  hooks.purge = [this](const cluster::PurgeOrder& order) {
    cluster::PurgeOrder numbered = order;
    numbered.id = purge_ids_.fetch_add(1);
    carry_out(numbered);  // who has the answer gets nothing from before it here
    expect_echo(numbered.id);
    tell_other_process(numbered);
    return bus_->purge(numbered);
  };
  return hooks;
}

}  // namespace popnet::node
