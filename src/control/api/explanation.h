// GET /v1/explain: one decision with its reason and all candidates, for `popnet explain` and the dashboard.
//
//   {"name", "client": the network that was decided for, "sentence": the decision in words, "site",
//   "resolve": "origin" | "pop",
//    "select", "decision": {"targets": [names, best first], "reason", "ttl_s", "scope", "degraded"},
//    "generations": {"config", "metrics", "map"}, "map_age_ms", "shares_author",
//    "candidates": [{"name", "addresses": […], "why", "alive", "health", "health_age_ms", "probers_up",
//    "probers_down", "error",
//                    "load" (null while unknown), "share", "weight", "latency": {"source", "ms", "age_ms" (if
//                    measured)} (POPs; null while unknown), "metrics": [{"metric", "value", "age_ms",
//                    "probers", "weighed" (its part in the load; null if it
//                                 has none)}]}]}
//
// Candidates: the chosen ones first. Units as in status.h.
#pragma once

#include <string>

#include "routing/explain.h"

namespace popnet::control {

/// "www.shop.example for 198.51.100.0/24 → ams (127.0.1.1): lowest measured latency, 12 ms"
std::string sentence(const routing::Explanation& explanation);

std::string format_explanation(const routing::Explanation& explanation);

}  // namespace popnet::control
