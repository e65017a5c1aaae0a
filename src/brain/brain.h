// The brain: what a node believes about the network, from the reports of all nodes. PURE: reports, configs
// and time go in, snapshots come out. One a node; the node's control thread owns it and nobody else touches
// it.
//
//   reports ──> fold ──> metrics snapshot ──┐
//   shares of the leader ───────> adopt ──> step ──> own shares ──> told ──> adopt ──> make_map ──> Snapshot
//   config ─────────────────────────────────┘
//
// A node answers by shares that have been told, its own too: what it has computed since, the others cannot
// know yet, and all are to name the same web server at the same moment.
//
// tick() is called a few times a second, and at once after a report for which add() returned true.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/fold/fold.h"
#include "common/time.h"
#include "model/config.h"
#include "model/report.h"
#include "model/shares.h"
#include "routing/snapshot.h"

namespace popnet::brain {

/// How long a node that has just started listens for the others' shares before it makes its own: long enough
/// to hear everybody once, so that a restarted leader does not set the network back to the weights.
inline constexpr std::chrono::seconds listen_time{2};
/// The table of client networks is made anew this often where they have changed, and more seldom the more
/// there are: verdicts and shares reach the map at every tick and must not wait for it, and round trips
/// change slowly.
inline constexpr std::chrono::seconds client_table_interval{1};
inline constexpr size_t client_networks_an_interval = 20'000;

class Brain {
 public:
  /// `author`: this node, under whose name it publishes its shares.
  explicit Brain(model::NodeId author) : author_(std::move(author)) {}

  /// The config to decide for from the next tick on. REQUIRES: called before the first tick()
  void set_config(std::shared_ptr<const model::Config> config);

  /// Takes in a report of any node, the own one included. True when it should be acted on at once: a verdict
  /// changed, or the shares that this node answers by.
  bool add(const model::Report& report);

  /// Folds, moves the shares by what has passed since the last tick, makes the map.
  std::shared_ptr<const routing::Snapshot> tick(TimePoint now);

  /// What this node has computed; generation 0 while that is nothing yet.
  [[nodiscard]] const model::Shares& shares() const { return own_; }
  /// The same, to be told to the other nodes now. From the next tick on this node counts it as told.
  const model::Shares& tell_shares() { return told_ = own_; }
  /// Samples that are still fresh, to be kept over a restart.
  [[nodiscard]] std::vector<model::ProbeSample> samples(TimePoint now) const { return fold_.samples(now); }
  /// Puts back what an earlier process of this node kept. Shares that the others would not listen to any more
  /// are left out: they have gone on, and this node, which may be the leader, is to go on from where they
  /// are.
  void restore(const std::vector<model::ProbeSample>& samples, const model::Shares& shares, TimePoint now);

 private:
  [[nodiscard]] bool listening(TimePoint now) const;
  void rank_clients(TimePoint now);

  const model::NodeId author_;
  std::shared_ptr<const model::Config> config_;
  cluster::Fold fold_;
  model::Shares own_;
  model::Shares told_;                // generation 0: nothing was told yet
  std::vector<model::Shares> heard_;  // the last of each other node
  model::NodeId leader_;              // author of the shares that this node answers by
  std::optional<TimePoint> first_tick_;
  uint64_t generation_ = 0;
  std::shared_ptr<const model::ClientsMetrics> clients_measured_;
  routing::ClientTable clients_;  // made from these
  TimePoint clients_at_{};
  uint64_t clients_seen_ = 0;                             // Fold::client_changes() that it was made from
  bool clients_stale_ = true;                             // never made, or for another config
  std::shared_ptr<const routing::Chains> chains_;         // of the config
  std::shared_ptr<const routing::PlaceRankings> places_;  // of the config
  std::shared_ptr<const routing::Snapshot> last_;         // that tick() made
};

}  // namespace popnet::brain
