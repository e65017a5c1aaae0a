// DNS over TCP (RFC 7766) and TLS (RFC 7858) on one loop: listening sockets and the connections they accept.
// Queries may follow each other without waiting; each is answered as soon as it is there, so there is nothing
// that a later one could overtake but a zone transfer, which lets them pass. Used on the loop's thread only, except where said.
//
// A connection ends when the peer ends it; when it has not completed a query (or its handshake and a first
// query) for `idle`; when what it sends cannot be a query; when it has been idle longest and room is needed
// for another. A peer that does not read its replies is not read from any more until it does.
//
// Connections from a proxy (Policy::proxies) begin with a PROXY header, before TLS; the resolver is who that
// names.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/ip.h"
#include "common/source_counts.h"
#include "dns/server/thread_state.h"
#include "dns/server/view.h"
#include "rt/fd.h"
#include "rt/loop.h"
#include "rt/published.h"

namespace popnet::dns {

struct TcpLimits {
  size_t connections_max = 1000;  // on this loop
  size_t per_source = 100;        // of all loops; more are closed at once
  Duration idle = std::chrono::seconds(10);
  Duration drain = std::chrono::seconds(1);  // for what is under way at stop
};

/// A listening socket and what is spoken there.
struct TcpListener {
  rt::UniqueFd fd;
  Transport transport = Transport::tcp;
};

/// A connection between two messages, for a process that goes on with it.
struct PassedConnection {
  int fd = -1;  // the giver's, who closes it when it was taken
  Endpoint from;
  std::span<const uint8_t> received;  // and not answered: the begin of a message
};
/// From any loop. False: not taken.
using PassOn = std::function<bool(const PassedConnection&)>;

class TcpShard {
 public:
  /// The references must outlive the shard.
  TcpShard(rt::Loop& loop, std::vector<TcpListener> listeners, const rt::Published<View>& view,
           ThreadState& state, SourceCounts& sources, const TcpLimits& limits);
  ~TcpShard();
  TcpShard(const TcpShard&) = delete;
  TcpShard& operator=(const TcpShard&) = delete;

  /// Accepts who waits already and nobody after that. Connections go on for at most so long; then what has arrived
  /// is answered, each is closed when its replies are written, and all of them when the drain time is over. Calls
  /// `done`, once, when there are none. With `pass_on`, plain connections go there as soon as nothing is under way on
  /// them.
  void drain(Duration at_most, PassOn pass_on, std::function<void()> done);
  /// Goes on with a connection of another process.
  void adopt(rt::UniqueFd fd, const Endpoint& from, std::span<const uint8_t> received);

 private:
  class Listener;
  class Connection;
  friend class Listener;
  friend class Connection;

  void accept_all(int listener, Transport transport);
  void take(rt::UniqueFd fd, Transport transport, const Endpoint& from,
            std::span<const uint8_t> received = {});
  void pause_accepting();
  void close(int fd);
  void on_all(const std::function<void(Connection&)>& work);
  void finish_all();
  void finish_if_empty();

  rt::Loop& loop_;
  const rt::Published<View>& view_;
  ThreadState& state_;
  SourceCounts& sources_;
  const TcpLimits limits_;
  std::list<int> by_idleness_;  // descriptors of the connections, the longest idle first
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;  // by descriptor
  std::vector<uint8_t> room_;                                         // for one reply
  rt::Timer accept_again_;
  rt::Timer finish_;
  rt::Timer drained_;
  PassOn pass_on_;
  std::function<void()> done_;
};

}  // namespace popnet::dns
