// The fold: samples of all nodes in, one metrics snapshot out. Every node folds the same samples by the same
// code, so all come to the same picture without asking each other. Pure: time is an argument; not thread
// safe, one owner.
//
// What it keeps: for each target, prober and probe the newest verdict, and of each metric the newest value;
// for each client network and POP the newest round trip. By name, not by index: targets may come and go with
// the config, and samples of targets that this node's config does not know (yet) wait until they are too old.
//
// Values. Of a metric each prober has its newest fresh value; the snapshot has the median over probers, so
// that one POP with a bad line does not make a server look slow. (The mean of the middle two where their
// number is even.) Only attempts that went well count: how fast an error page comes says nothing about load.
//
// Health. A prober says "down" if any of its fresh probes that affect health does, else "up". A target is
// down if more probers say down than up:
//
//   probers   down when
//   1         it says so
//   2         both say so: one alone may itself be cut off, and to send users to a dead server until
//             the other notices costs less than to take a live one from everybody
//   3         two say so
//
// No word about oneself: what a POP says about its own health is not counted. A POP that is itself down has
// no vote on origins (it may be cut off, or be dead with its last good words still fresh), unless nobody else
// votes or all POPs are down. No fresh verdict: unknown, which counts as alive.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/ip.h"
#include "common/time.h"
#include "model/config.h"
#include "model/metrics.h"

namespace popnet::cluster {

class Fold {
 public:
  /// New client networks are refused beyond this many, until old ones expire.
  explicit Fold(size_t client_networks_max = 1'000'000) : client_networks_max_(client_networks_max) {}

  /// Takes a sample in; one that is older than what is held of the same prober and probe is ignored. Returns
  /// whether a health verdict is new or has changed, so that it is worth folding at once.
  bool add(const model::ProbeSample& sample);

  /// Drops what is too old. Call now and then; snapshots leave it out anyway.
  void forget(TimePoint now);

  [[nodiscard]] model::MetricsSnapshot snapshot(const model::Config& config, uint64_t generation,
                                                TimePoint now) const;

  /// All that is held and fresh, as samples: adding them to an empty Fold makes the same one. For the state
  /// kept on disk.
  [[nodiscard]] std::vector<model::ProbeSample> samples(TimePoint now) const;

  [[nodiscard]] size_t client_networks() const { return clients_.size(); }

 private:
  struct Held {
    double value = 0;
    TimePoint at{};
    Duration max_age{};
  };
  struct Probe {
    model::ProbeSample verdict;  // the newest sample; its readings are in `values`
    std::array<std::optional<Held>, model::metric_count> values;
  };
  using ProbeKey = std::pair<std::string, std::string>;  // prober, probe
  using Target = std::map<ProbeKey, Probe>;              // ordered: a prober's probes stand together
  using Targets = std::unordered_map<std::string, Target>;
  struct Rtt {
    uint32_t prober;  // index into client_probers_
    Held ms;
  };
  using Voters = std::vector<std::string>;

  bool add_client(const model::ProbeSample& sample);
  uint32_t client_prober(const std::string& name);
  static bool holds_fresh(const Probe& probe, TimePoint now);
  static model::ServiceMetrics conclude(const Targets& targets, const std::string& name,
                                        const Voters& silenced, TimePoint now);
  static void conclude_health(const Target& target, const Voters& silenced, TimePoint now,
                              model::ServiceMetrics& result);
  static std::optional<model::Value> conclude_value(const Target& target, size_t metric, TimePoint now);
  std::vector<std::optional<uint32_t>> client_pops(const model::Config& config) const;
  void conclude_clients(const model::Config& config, TimePoint now, model::MetricsSnapshot& result) const;
  static void add_samples(const Probe& probe, TimePoint now, std::vector<model::ProbeSample>& result);

  size_t client_networks_max_;
  Targets origins_, pops_;
  std::unordered_map<Prefix, std::vector<Rtt>> clients_;
  std::vector<std::string> client_probers_;
};

/// Whether a target went down or came back from one snapshot to the next (or they are of different configs):
/// reason enough to publish the new one at once.
bool differs_urgently(const model::MetricsSnapshot& before, const model::MetricsSnapshot& after);

}  // namespace popnet::cluster
