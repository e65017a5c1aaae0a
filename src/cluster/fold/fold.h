// The fold: samples of all nodes in, one metrics snapshot out. Every node folds the same samples by the same
// code, so all come to the same picture without asking each other. Pure: time is an argument; not thread
// safe, one owner.
//
// What it keeps: for each target, prober (a node) and probe the newest verdict, and of each metric the newest
// value; for each client network and node the newest round trip. By name, not by index: targets may come and
// go with the config, and samples of targets that this node's config does not know (yet) wait until they are
// too old.
//
// A POP has one voice, however many nodes it is: first its nodes are taken together, then the POPs.
//
// Values. Of a metric each node has its newest fresh value; a POP has the median of its nodes', and the
// snapshot the median over POPs, so that one POP with a bad line does not make a server look slow. (The mean
// of the middle two where their number is even.) Only attempts that went well count: how fast an error page
// comes says nothing about load. What nodes say of their own POP are parts of it: its traffic is their sum,
// and it is as busy as its busiest node, because a user meets one node, not the mean.
//
// Health. A node says "down" if any of its fresh probes that affect health does, else "up". A POP says down
// if more of its nodes say down than up, and a target is down if more POPs say down than up:
//
//   voters    down when
//   1         it says so
//   2         both say so: one alone may itself be cut off, and to send users to a dead server until
//             the other notices costs less than to take a live one from everybody
//   3         two say so
//
// No word about oneself: what a POP says about its own health is not counted. A POP that is itself down has
// no vote on origins (it may be cut off, or be dead with its last good words still fresh), unless nobody else
// votes or all POPs are down. No fresh verdict: unknown, which counts as alive. So a POP lives as long as one
// of its nodes answers at its address.
//
// Client networks are kept apart from the rest: there may be a million, and they change slowly. Whoever wants
// their picture asks for it (clients()), when client_changes() says that it is another one. They are held in flat
// arrays, which what is new joins once there is enough of it.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/network_lists.h"
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
  void forget_clients(TimePoint now);

  /// Of all but the client networks.
  [[nodiscard]] model::MetricsSnapshot snapshot(const model::Config& config, uint64_t generation,
                                                TimePoint now) const;

  [[nodiscard]] model::ClientsMetrics clients(const model::Config& config, TimePoint now) const;
  /// Another number than before when a round trip to a client network has come, changed or gone.
  [[nodiscard]] uint64_t client_changes() const { return client_changes_; }

  /// All that is held and fresh, as samples: adding them to an empty Fold makes the same one. For the state
  /// kept on disk.
  [[nodiscard]] std::vector<model::ProbeSample> samples(TimePoint now) const;

  [[nodiscard]] size_t client_networks() const { return clients_.size() + new_networks_; }

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
  /// Ordered: the probes of a node stand together, and so do the nodes of a POP.
  struct ProbeKey {
    std::string pop, node, probe;
    auto operator<=>(const ProbeKey&) const = default;
  };
  using Target = std::map<ProbeKey, Probe>;
  using Place = Target::const_iterator;
  using Targets = std::unordered_map<std::string, Target>;
  /// Who measured client networks, and for how long that counts.
  struct ClientSource {
    model::NodeId prober;
    Duration max_age{};
    bool operator==(const ClientSource&) const = default;
  };
  struct Rtt {
    TimePoint at;
    float ms;
    uint32_t source;  // index into client_sources_
  };
  using Voters = std::vector<std::string>;

  bool add_client(const model::ProbeSample& sample);
  Rtt* client_rtt(const Prefix& network, const model::NodeId& prober);
  uint32_t client_source(ClientSource source);
  [[nodiscard]] bool counts(const Rtt& rtt, TimePoint now) const;
  void join_clients(TimePoint now);
  template <class Visit>
  void each_client(Visit visit) const;
  static bool holds_fresh(const Probe& probe, TimePoint now);
  static model::ServiceMetrics conclude(const Targets& targets, const model::TargetId& target,
                                        const Voters& silenced, TimePoint now);
  static void conclude_health(const Target& target, const Voters& silenced, TimePoint now,
                              model::ServiceMetrics& result);
  static std::optional<Held> newest_of_node(Place& at, Place end, size_t metric, TimePoint now);
  static std::optional<model::Value> conclude_value(const Target& target, const std::string& own_pop,
                                                    size_t metric, TimePoint now);
  [[nodiscard]] std::vector<std::string> nodes_heard(const std::string& pop, TimePoint now) const;
  [[nodiscard]] std::vector<std::optional<uint32_t>> client_pops(const model::Config& config) const;
  static void add_samples(const Probe& probe, TimePoint now, std::vector<model::ProbeSample>& result);

  size_t client_networks_max_;
  Targets origins_, pops_;
  NetworkLists<Rtt> clients_;
  std::map<Prefix, std::vector<Rtt>> new_clients_;  // of nodes that had not measured the network before
  size_t new_networks_ = 0;                         // of these, not in clients_
  std::vector<ClientSource> client_sources_;
  uint64_t client_changes_ = 0;
};

}  // namespace popnet::cluster
