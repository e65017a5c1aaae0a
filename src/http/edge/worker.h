// One thread of the edge: its loop, its connections, its pools, its scratch memory. Everything here belongs
// to that thread but the counters, which anybody may read.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/random.h"
#include "common/source_counts.h"
#include "http/edge/access_log.h"
#include "http/edge/asker.h"
#include "http/edge/counters.h"
#include "http/edge/edge.h"
#include "http/edge/origin_pool.h"
#include "http/edge/saved_request.h"
#include "http/edge/spares.h"
#include "http/edge/view.h"
#include "http/policy/key.h"
#include "http/store/store.h"
#include "http/wire/date.h"
#include "http/wire/head.h"
#include "routing/decide.h"
#include "rt/loop.h"
#include "rt/published.h"

namespace popnet::http {

struct Active;
class Client;
class Fetch;
class Listener;

/// Each once, without those that are a part of no key.
std::vector<uint16_t> ports_of(const std::vector<Endpoint>& listen);

/// What all workers of one edge share. Outlives them.
struct EdgeShared {
  /// `o.listen`: with the ports that the kernel has chosen.
  EdgeShared(const Edge::Options& o, AccessLog* l, Store& s, const rt::Published<View>& v)
      : timeouts(o.timeouts),
        limits(o.limits),
        idle(o.timeouts.pool, o.limits.pool_max),
        on_purge(o.on_purge),
        log(l),
        store(s),
        view(v),
        ports(ports_of(o.listen)),
        networks(o.limits.ipv4_prefix, o.limits.ipv6_prefix) {}

  const EdgeTimeouts timeouts;
  const EdgeLimits limits;
  IdleConnections idle;  // to origins
  const std::function<void(const model::PurgeOrder&)> on_purge;
  AccessLog* const log;  // null: none
  Store& store;
  const rt::Published<View>& view;
  const std::vector<uint16_t> ports;  // at which requests arrive, as far as they are parts of keys
  SourceCounts networks;              // connections of those that are limited
  std::atomic<uint32_t> connections{0};
  std::mutex mutex;  // with `quiet`: told when the last connection of a draining edge has gone
  std::condition_variable quiet;
};

/// Memory that is used within one call and then free again. A rule keeps it safe: nobody calls out (tells a
/// fill, answers a request) while he still needs what he has put here. Answers stay longer, until those to
/// all of a client's requests that are here can leave together: `out` has an owner.
struct Scratch {
  static constexpr size_t in_bytes = 64 * 1024;
  static constexpr size_t out_bytes = 96 * 1024;
  static constexpr size_t head_bytes = 48 * 1024;
  std::array<char, in_bytes> in;    // what was just received
  std::array<char, out_bytes> out;  // answers on their way to one client, out_of
  size_t out_used = 0;
  Client* out_of = nullptr;           // null: nobody's, and out_used is 0
  std::array<char, head_bytes> head;  // a head being written
  std::array<char, 96> range;         // a Content-Range
  RequestHead request;
  ResponseHead response;
  Fields fields;
  Fields merged;
  std::array<routing::FillTarget, 64> targets;
};

/// Short answers to clients that waited for an origin: they leave together, at the end of the turn (rt::Later says why).
class Outbox {
 public:
  explicit Outbox(rt::Loop& loop);
  /// False: too long; nothing was taken. REQUIRES: `client` has nothing in here
  bool put(Client& client, std::string_view bytes);
  /// Before the end of the turn.
  void send();

 private:
  static constexpr size_t room = 64 * 1024, each_max = 8 * 1024;
  struct Piece {
    Client* client;
    size_t begin, size;
  };
  std::array<char, room> bytes_;
  size_t used_ = 0;
  std::vector<Piece> pieces_;
  size_t next_ = 0;  // to be sent
  rt::Later sending_;
};

class Worker {
 public:
  Worker(int index, rt::Loop& loop, EdgeShared& shared, uint64_t seed);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const int index;
  rt::Loop& loop;
  EdgeShared& shared;
  Store& store;
  LogRing* const log;  // null: none
  WorkerCounters counters;
  OriginPool pool;
  Random random;
  KeyBuilder keys;
  DateText date;
  const std::unique_ptr<Scratch> scratch;
  Outbox outbox;
  Spares<SavedRequest> saved_requests;
  Spares<Asker> askers;

  /// What the answer to that request is stored under. Valid until the next call.
  Key key(const SiteView& site, const RequestHead& request);

  /// Takes connections from that listening socket.
  void listen(rt::UniqueFd socket);
  /// `port`: at which it has arrived.
  void accepted(rt::UniqueFd socket, const IpAddress& from, uint16_t port);
  /// To be started at once; from then on it runs by itself.
  Fetch& new_fetch();

  /// So many bytes of bodies were sent or received: after some of them others' short answers and requests have their turn.
  void moved(uint64_t bytes) {
    constexpr uint64_t some = 256 * 1024;
    if ((moved_ += bytes) < some) return;
    moved_ = 0;
    loop.took_long();
  }

  /// For the length of one exchange.
  std::unique_ptr<Active> take_active();
  void give_back(std::unique_ptr<Active> active);

  /// They end; when the calls in progress are over, a client is destroyed, and a fetch free for the next.
  void bury(Client& client);
  void bury(Fetch& fetch);

  void drain(Edge::Idle idle);
  [[nodiscard]] bool draining() const { return draining_; }
  /// Ends everything.
  void stop();

 private:
  [[nodiscard]] bool is_limited(const IpAddress& client) const;
  [[nodiscard]] bool admit(const IpAddress& client);
  [[nodiscard]] bool close_idle();
  void leave(const IpAddress& client);
  void free_fetches();
  /// The last one takes its place.
  template <class T>
  static void move_to(std::vector<std::unique_ptr<T>>& dead, std::vector<std::unique_ptr<T>>& living,
                      size_t place);

  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Client>> clients_;  // each knows its place
  std::vector<std::unique_ptr<Fetch>> fetches_;   // running; each knows its place
  std::vector<std::unique_ptr<Client>> dead_clients_;
  std::vector<std::unique_ptr<Fetch>> dead_fetches_;
  std::vector<std::unique_ptr<Fetch>> idle_fetches_;
  std::vector<std::unique_ptr<Active>>
      idle_actives_;  // the one used last is taken first: it is in the CPU's cache
  std::vector<std::unique_ptr<Active>> dead_actives_;  // more than a crowd of a moment leaves is not kept
  rt::Timer burial_;
  rt::Timer sweep_;  // of the store: the first worker's
  uint64_t moved_ = 0;
  bool draining_ = false;
};

}  // namespace popnet::http
