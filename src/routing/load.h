// The load of a target as one number: 0 idle, 1 full. Pure; no state.
//
//   load = Σ weight × component / Σ weight      over the metrics that the LoadModel weighs and that are known
//
//   component   cpu, memory          the share in use as measured
//               http, ftp, tcp       measured time / reference time of the model
//   Each component is cut to 0 .. component_max: a server that needs ten seconds is no worse a choice than
//   one that needs five, and one absurd value must not hide all others.
//
// The mean compares: of two web servers the one with the lower is the better choice. A POP's load also says
// when the POP is full (pop_load_target), and neither an idle CPU makes up for a full uplink nor quick answers
// for a full CPU. So it is the largest of the mean, the CPU (unless its weight is 0) and the traffic: the share of
// the uplink in use.
//
// Missing metrics. The fold drops values that are too old, so what is missing is unknown, not zero. A
// weighted mean over fewer components would make a target look idle exactly when its worst one is not
// measured (an exporter that no longer answers because the machine is overloaded). Therefore a component that
// is missing on one target but known on some of its siblings counts as the mean of those siblings: the blind
// target is neither better nor worse than they are in that respect. A component that nobody knows is left out
// for all, so that they stay comparable. A target of which nothing at all is known has `known` = false and
// the mean of its siblings.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/metrics.h"

namespace popnet::routing {

inline constexpr double component_max = 2;

struct Load {
  double value = 0;    // 0 idle .. 1 full .. component_max
  bool known = false;  // some weighed metric of the target itself is known
};

/// One component of one target, or nothing when it is not known or the model does not weigh it.
std::optional<double> load_component(const model::LoadModel& model, const model::ServiceMetrics& target,
                                     model::Metric metric);

/// Loads of targets that are alternatives to each other, such as the origins of one site. Same order.
std::vector<Load> loads(const model::LoadModel& model, std::span<const model::ServiceMetrics> siblings);
/// Loads of all POPs.
std::vector<Load> pop_loads(const model::LoadModel& model, std::span<const model::ServiceMetrics> pops);

}  // namespace popnet::routing
