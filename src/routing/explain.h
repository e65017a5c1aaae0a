// Why a client gets what it gets: the decision itself, made by the same decide_* as the DNS answer, and
// beside it every candidate with what is known of it. A plain value for the admin API, the command line and
// the dashboard to print. Not for hot paths.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "common/time.h"
#include "model/decision.h"
#include "routing/decide.h"
#include "routing/names.h"
#include "routing/snapshot.h"

namespace popnet::routing {

struct ExplainedMetric {
  model::Metric metric{};
  double value = 0;      // in the metric's own unit
  Duration age{};        // of the newest sample in it
  uint16_t probers = 0;  // how many measured it
  double weighed = 0;    // as a component of the load, 0 .. component_max
  bool counts = false;   // the load model weighs it
};

struct Candidate {
  uint16_t index = 0;                  // of the origin in its site, or of the POP
  std::string name;                    // origin or POP
  std::vector<std::string> addresses;  // origin: address:port; POP: its addresses
  model::Health health = model::Health::unknown;
  Duration health_age{};  // of the newest verdict; zero while unknown
  uint16_t probers_up = 0, probers_down = 0;
  std::string error;  // newest failure, in words
  bool alive = true;
  double load = 0;
  bool load_known = false;
  double share = 0;   // origin: of the site's users; POP: the part of its clients that it accepts
  double weight = 0;  // as configured
  LatencySource latency_source = LatencySource::none;  // POP: to this client
  double latency_ms = 0;
  Duration latency_age{};                // of the measurement; zero for the other sources
  std::vector<ExplainedMetric> metrics;  // those that are known
  std::string why;                       // "chosen", "second answer", or what kept it from being that
};

/// A rule of the hostname's chain.
struct ExplainedRule {
  std::string name;  // as written, else its number, counted from 1; "everybody else" for the last
  std::string why;   // "decides", or what kept it from deciding
};

struct Explanation {
  NamedHost host;
  std::string site;          // empty for names of the network
  model::Resolve resolve{};  // what the candidates are
  Client client;
  model::Decision decision;
  model::Select select{};            // of the rule that decides, or the hostname's
  std::vector<ExplainedRule> rules;  // empty without a chain
  std::string place;  // of the client, as the GeoIP database says: "EU, NL, NL-NH"; empty = not known
  uint64_t config_generation = 0, metrics_generation = 0;
  Duration map_age{};
  std::string shares_author;          // node whose shares count
  std::vector<Candidate> candidates;  // the chosen ones first, then in the order of the config
};

/// What a client that asks from (or with a client subnet of) `client` would be answered for `name` now. A
/// POP's name has that POP as its only candidate. `asked`: family_v4 for a question of type A, family_v6 for AAAA.
/// ErrorCode::not_found when `name` is not decided here.
Result<Explanation> explain(const Snapshot& snapshot, const NameIndex& names, std::string_view name,
                            const Prefix& client, TimePoint now, Families asked = family_any);

}  // namespace popnet::routing
