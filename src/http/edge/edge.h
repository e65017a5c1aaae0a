// The edge: the part of a node that speaks HTTP and caches. One thread a core, each with its own listening
// sockets and connections; the store and the idle connections to origins are shared by all.
//
// What happens to a request is listed at the head of request.h. What sites, origins and rules there are comes
// in whole with each Snapshot; a request uses the one that was current when it began.
//
// Memory that the edge unlinks waits in the epoch until its owner reclaims: see rt/epoch.h.
//
// Threading: every public call is thread safe, except that start(), drain(), stop() and the destructor are
// for one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/counter.h"
#include "common/ip.h"
#include "common/result.h"
#include "common/time.h"
#include "http/wire/head.h"
#include "model/access_log.h"
#include "model/report.h"
#include "routing/snapshot.h"
#include "rt/epoch.h"
#include "rt/passing.h"

namespace popnet::http {

/// How long the edge waits for whom. For origins: model::FillOptions.
struct EdgeTimeouts {
  Duration keep_alive = std::chrono::seconds(60);  // for a client's next request
  Duration head = std::chrono::seconds(10);        // for a request's whole head, from its first byte
  Duration progress =
      std::chrono::seconds(10);  // a transfer must move by progress_bytes in each such stretch
  uint64_t progress_bytes = 1024;
  Duration linger = std::chrono::seconds(2);   // after an answer that ends the connection
  Duration tunnel = std::chrono::minutes(10);  // nothing moves in a tunnel, either way
  Duration pool = std::chrono::seconds(30);    // an idle connection to an origin is kept
  /// For the first byte of an origin that takes no longer as a rule a thread waits awake so long; 0 = never.
  Duration busy_poll{};
};

struct EdgeLimits {
  Limits heads;                            // of messages, both ways
  uint32_t connections_max = 50'000;       // of clients, all threads together
  uint32_t connections_per_network = 0;    // of one client network, all threads together; 0 = no limit
  int ipv4_prefix = 32, ipv6_prefix = 64;  // lengths of a client network
  std::vector<Prefix> exempt;              // client networks without that limit
  uint32_t pool_max = 256;                 // idle connections to one origin, all threads together
};

/// Sums over all threads since start; `connections` is now.
struct EdgeTotals {
  uint64_t requests = 0;
  uint64_t hits = 0;  // answered from the store without asking an origin, stale ones included
  uint64_t bytes_sent = 0;
  uint64_t connections = 0;
};

class Edge {
 public:
  struct Options {
    std::vector<Endpoint> listen;  // port 0: the kernel chooses, see listening()
    int threads = 1;
    uint64_t cache_memory = uint64_t{256} << 20;  // bytes
    uint64_t seed = 0;                            // of all chance in here; a secret
    uint32_t process = 0;                         // a random number, which Via tells: see make_view()
    EdgeTimeouts timeouts;
    EdgeLimits limits;
    model::AccessLog access_log = {};
    /// A user's PURGE was carried out here: the other nodes should hear of it. On a thread of the edge: may not
    /// block.
    std::function<void(const model::PurgeOrder&)> on_purge = {};
    /// Of a process before this one: taken before others are bound; needed in prepare() only. More than `threads`
    /// of an endpoint stay as they are, because closing one would lose who waits there.
    rt::PassedSockets* passed = nullptr;
  };

  /// Binds. ErrorCode::machine when an endpoint or the access log cannot be had.
  static Result<std::unique_ptr<Edge>> prepare(Options options, rt::Epoch& epoch,
                                               std::shared_ptr<const routing::Snapshot> first);
  /// Answers from now on. Once.
  void open();
  /// Both.
  static Result<std::unique_ptr<Edge>> start(Options options, rt::Epoch& epoch,
                                             std::shared_ptr<const routing::Snapshot> first);
  /// stop()
  ~Edge();

  /// Requests that begin after this use the new snapshot. Cheap while the config in it is the same object.
  void publish(std::shared_ptr<const routing::Snapshot> snapshot);

  /// See carry_out() in purging.h.
  Status purge(const model::PurgeOrder& order);

  [[nodiscard]] std::vector<Endpoint> listening() const;
  [[nodiscard]] EdgeTotals totals() const;
  /// The lines of /metrics.
  void collect(std::vector<CounterValue>& out) const;

  /// For a process that goes on with them. Valid until drain() or stop().
  [[nodiscard]] const std::vector<rt::SocketRef>& sockets() const;

  enum class Idle { end, stay };
  /// Takes no new connections, and lets running answers end, for at most so long. Idle connections end too, or
  /// (`stay`) may bring one more request, whose answer says that it was the last.
  void drain(Duration at_most, Idle idle = Idle::end);
  /// Ends everything at once.
  void stop();

 private:
  struct Parts;
  explicit Edge(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace popnet::http
