// One node: builds the four parts (dns, edge, probe, control), connects them, and takes them down in the
// order that serves users longest. All logic is in the parts; here are only the arrows between them.
//
//   runner ──samples──> bus ──reports──> brain ──Snapshot──> dns, edge, admin    (control thread in the middle)
//   dns ──resolvers that asked──> bus ──reports──> runner                        (round trips)
//   admin, SIGHUP, bus ──config text──> apply() ──> names, brain, runner
//   admin ──purge──> bus ──> edge
//
// Threads: one control thread (owns the brain and its timers), one that reads configs, one probe thread, the
// DNS and edge threads, the admin server's, the bus's. Public calls are thread safe unless they say
// otherwise.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "brain/brain.h"
#include "cluster/api/bus.h"
#include "cluster/embedded/embedded.h"
#include "cluster/state/state.h"
#include "common/counter.h"
#include "control/api/admin_server.h"
#include "dns/server/server.h"
#include "http/edge/edge.h"
#include "node/config_source.h"
#include "node/descriptors.h"
#include "node/handover.h"
#include "node/purge_outbox.h"
#include "node/zones.h"
#include "probe/runner/runner.h"
#include "rt/epoch.h"
#include "rt/loop.h"
#include "tls/relay/relays.h"

namespace popnet::node {

class Node {
 public:
  struct Options {
    ConfigSource source;
    cluster::EmbeddedHub* hub = nullptr;  // joins this one instead of what the config's bus section says
    uint64_t seed = 0;                    // of all chance in this node
    uint32_t process = 0;                 // a random number that anybody may know
    uint64_t descriptors = 0;             // that it may use; 0: what the process may have open
    bool replace = false;                 // takes over from the process that runs with the same state_dir
    std::function<void(pid_t)> on_replaced = {};  // by that process: call drain(). On a thread of the node
    /// Where TLS sessions stay when a successor goes on with their connections; they outlive the node. Null: they end.
    tls::Relays* relays = nullptr;
  };

  /// Binds, starts, and returns once the node answers. ErrorCode::invalid with all problems of the config,
  /// one a line; ErrorCode::machine when a port or folder cannot be had.
  static Result<std::unique_ptr<Node>> start(Options options);
  /// Stops at once.
  ~Node();

  /// Reads the config again; nothing changes when it has an error. The problems, warnings included.
  std::vector<config::Problem> reload();
  /// Answers what has been received, lets running transfers end (at most node.drain_timeout), then stops. If a
  /// successor has the sockets, all connections may go on for so long.
  void drain();

  [[nodiscard]] std::shared_ptr<const routing::Snapshot> snapshot() const;
  /// All counters of all parts, summed over threads.
  [[nodiscard]] std::vector<CounterValue> counters() const;
  /// Decided answers of this node's DNS server, by their first target.
  [[nodiscard]] model::AnswerCounts answer_counts(const model::Config& as) const;
  /// DNS queries received.
  [[nodiscard]] uint64_t queries() const;
  [[nodiscard]] http::EdgeTotals edge_totals() const;
  /// Lines for people: what listens where.
  [[nodiscard]] std::string listens() const;

 private:
  struct Timers;

  explicit Node(Options options);
  void stop();

  Status start_all();
  Status find_predecessor(const std::string& state_dir);
  void open();
  void go_on_with(Predecessor::Connection connection);
  void forget_predecessor();
  void forget_successor();
  void await_successor(const std::string& state_dir);
  Offer make_offer(uint64_t run_of_successor);
  std::optional<config::Loaded> load_kept_config(const model::Config& local);
  void make_bus();
  void make_zones(const model::Config& start);
  Status start_servers();
  Status divide_descriptors(int threads);
  void make_probes();
  void join_bus();
  void start_threads();
  Status start_admin();
  control::Hooks admin_hooks();
  [[nodiscard]] Status ready(const routing::Snapshot& seen) const;
  control::ConfigOutcome put_config(const std::string& text, std::optional<uint64_t> replaces);
  /// A config as it would be put in force; nothing is made when it has an error.
  struct Candidate {
    config::Loaded loaded;
    std::optional<Zones::Made> made;
  };
  using MakeNames = std::function<Result<Zones::Made>(const std::shared_ptr<const model::Config>&,
                                                      std::vector<std::string>* problems)>;
  [[nodiscard]] Candidate read_config(const std::optional<NetworkDocument>& network, uint64_t generation,
                                      const MakeNames& make_names) const;
  static bool has_errors(const std::vector<config::Problem>& problems);

  // On the control thread, which owns the members they use.
  void on_report(const cluster::Report& report);
  void publish_snapshot();
  void speak();
  Duration keep_state();
  void adopt(std::shared_ptr<const model::Config> config, std::shared_ptr<const dns::Names> names);

  // On the config thread, one at a time: reading millions of names may take seconds.
  void on_network_config(uint64_t revision, const std::string& text);
  /// Loads the config with this network document; puts it in force unless it has an error.
  std::vector<config::Problem> apply(std::optional<NetworkDocument> network);
  /// The files as they are now, with the newest document of the bus that can be read.
  std::vector<config::Problem> read_again();
  void keep_config();

  void tell(cluster::Report report);
  void on_purge(const cluster::PurgeOrder& order);
  void carry_out(const cluster::PurgeOrder& order);
  void tell_other_process(const model::PurgeOrder& order);
  void on_purge_there(const model::PurgeOrder& order);
  void pass_on_unsent();
  void on_purges_missed();
  bool is_own(const cluster::Report& report);
  void send_purge(const model::PurgeOrder& order);
  void expect_echo(uint64_t id);
  [[nodiscard]] bool is_carried_out(uint64_t id);

  Options options_;
  model::NodeId id_;
  uint64_t run_ = 0;         // of this process, as in cluster::Report
  uint64_t dns_chance_ = 0;  // goes from process to process
  DescriptorPlan plan_;
  bool follows_bus_ = false;                           // the config is that of the bus
  std::shared_ptr<const model::Config> started_with_;  // what counts of options that need a restart
  TimePoint started_{};
  rt::Epoch epoch_;
  rt::Loop control_loop_;
  std::unique_ptr<cluster::State> state_;          // the config thread's; null: nothing is kept
  std::unique_ptr<cluster::EmbeddedHub> own_hub_;  // a node alone is its own hub
  std::unique_ptr<cluster::Bus> bus_;
  std::unique_ptr<dns::Server> dns_;
  std::unique_ptr<http::Edge> edge_;
  std::unique_ptr<probe::Runner> runner_;
  std::unique_ptr<control::AdminServer> admin_;
  std::thread control_thread_;
  rt::Loop config_loop_;
  PurgeOutbox outbox_;  // the config thread's
  std::thread config_thread_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> keeping_{false};    // measurements are on their way to the disk
  std::atomic<uint64_t> purge_ids_{0};  // starts at a random number: ids are unique in the network
  std::mutex echoes_mutex_;             // guards echoes_
  std::set<uint64_t> echoes_;  // ids of purges that are carried out here, and will come back over the bus
  std::atomic<bool> has_namesake_{false};
  std::mutex other_process_mutex_;  // guards these two, as far as purges and connections are passed on
  std::optional<Predecessor> predecessor_;  // from whom this process has its sockets
  std::unique_ptr<Handover> handover_;
  std::atomic<uint64_t> related_run_{0};     // of the process before or after this one
  std::atomic<bool> being_replaced_{false};  // a successor is starting
  std::atomic<bool> replaced_{false};        // it serves

  // The control thread's, once it runs.
  std::optional<brain::Brain> brain_;
  std::shared_ptr<const model::Config> config_;
  std::shared_ptr<const dns::Names> names_;

  // The config thread's, once it runs.
  std::optional<NetworkDocument> network_;  // once there was one
  std::optional<NetworkDocument> refused_;  // a newer one, which had errors
  uint64_t config_generation_ = 0;
  std::unique_ptr<Zones> zones_;

  mutable std::mutex mutex_;  // guards snapshot_
  std::shared_ptr<const routing::Snapshot> snapshot_;
};

}  // namespace popnet::node
