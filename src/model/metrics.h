// Measurements and what is concluded from them. Plain values. A sample is one measurement; the metrics
// snapshot is what the fold (cluster/fold) makes of the samples of all nodes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/network_lists.h"
#include "common/time.h"
#include "model/node_id.h"

namespace popnet::model {

/// Whom a measurement is about.
struct TargetId {
  enum class Kind : uint8_t { origin, pop, client };
  Kind kind = Kind::origin;
  std::string name;  // "site/origin", the POP's name, or the client network as a prefix

  static TargetId origin(const std::string& site, const std::string& name) {
    return {Kind::origin, site + "/" + name};
  }
  static TargetId pop(const std::string& name) { return {Kind::pop, name}; }
  static TargetId client(const Prefix& network) { return {Kind::client, network.to_string()}; }
  bool operator==(const TargetId&) const = default;
};

/// What is measured. Times are milliseconds; shares are 0 .. 1 (may exceed 1 where a capacity is exceeded).
enum class Metric : uint8_t {
  http_ms,  ///< HTTP time to first byte
  tcp_ms,   ///< TCP connect time
  ftp_ms,   ///< FTP response time
  rtt_ms,   ///< ICMP or TCP round trip
  cpu,      ///< share of the CPU time in use
  memory,   ///< share of the memory in use
  traffic,  ///< share of the configured capacity in use (POPs)
};
inline constexpr size_t metric_count = 7;
/// "http_ms", …: used in JSON, /metrics and explain.
const char* to_string(Metric metric);
std::optional<Metric> parse_metric(std::string_view name);

/// One value measured by one probe.
struct Reading {
  Metric metric;
  double value;
};

/// One attempt of one probe, with the health verdict that the prober's rise and fall counts give after it.
struct ProbeSample {
  NodeId prober;  // that measured
  TargetId target;
  std::string probe;    // which of the target's probes: kind, and "#n" from the second of a kind on
  bool ok = false;      // this attempt
  bool healthy = true;  // verdict after rise/fall
  bool affects_health = true;
  std::vector<Reading> readings;  // empty when the attempt failed
  std::string error;              // why it failed, in words
  TimePoint at;                   // when the attempt ended, on the clock of the machine that holds this value
  Duration max_age{};
};

enum class Health : uint8_t {
  unknown,  ///< no fresh verdict: treated as alive
  up,
  down,
};
const char* to_string(Health health);

struct Value {
  double value = 0;
  TimePoint at{};        // of the newest sample in it
  uint16_t samples = 0;  // POPs that contributed
};

/// What is known of a target now.
struct ServiceMetrics {
  Health health = Health::unknown;
  TimePoint health_at{};    // of the newest verdict
  uint16_t probers_up = 0;  // POPs that find it up
  uint16_t probers_down = 0;
  std::string error;  // newest failure, "<probe>: <words>"; empty while all is well
  std::array<std::optional<Value>, metric_count> values;

  [[nodiscard]] const std::optional<Value>& get(Metric m) const { return values[static_cast<size_t>(m)]; }
};

/// Round trip from a POP to a client network.
struct ClientRtt {
  uint32_t pop;  // index into Config::pops
  float ms;
  TimePoint at;
};
/// What is known of all client networks. Not part of the snapshot: whoever ranks them takes it from the fold.
using ClientsMetrics = NetworkLists<ClientRtt>;

/// Immutable once published.
struct MetricsSnapshot {
  uint64_t generation = 0;
  TimePoint at{};  // when it was folded
  // Same indexes as in the Config it was folded for.
  std::vector<std::vector<ServiceMetrics>> origins;  // [site][origin]
  std::vector<ServiceMetrics> pops;                  // [pop]
  std::vector<std::vector<std::string>> pop_nodes;   // [pop]: names of its nodes that are heard, in order
};

}  // namespace popnet::model
