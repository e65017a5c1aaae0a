// From a config to the list of what one POP probes. Pure.
//
//   every origin of every site      by the origin's probes (the loader has merged the site's into them)
//   every other POP                 by network.pop_probes, at its first address and its HTTP port
//   the own POP                     by the probes of kind "host" in network.pop_probes; where there is none,
//   by one of ours
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/config.h"
#include "probe/kinds/api/kind.h"

namespace popnet::probe {

/// The kind that measures the prober's own machine.
inline constexpr const char* host_kind = "host";

struct PlannedProbe {
  Target target;
  model::ProbeSpec spec;
  std::string label;  // as in ProbeSample::probe: the kind, with "#2", "#3" from the second of a kind on
  /// Names the probe across configs.
  [[nodiscard]] std::string key() const;
};

/// In an order that does not matter. Kept by pointer: a running attempt holds on to what it was started for.
std::vector<std::shared_ptr<const PlannedProbe>> make_plan(const model::Config& config);

}  // namespace popnet::probe
