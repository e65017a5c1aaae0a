// DNS over TCP (RFC 7766) and TLS (RFC 7858) on one loop: listening sockets and the connections they accept.
// Queries may follow each other without waiting; each is answered as soon as it is there, so there is nothing
// that a later one could overtake but a zone transfer, which lets them pass. Used on the loop's thread only, except where said.
//
// A connection ends when the peer ends it; when it has not completed a query (or its handshake and a first
// query) for `idle`; when what it sends cannot be a query; when it has been idle longest and room is needed
// for another. A peer that does not read its replies is not read from any more until it does.
//
// When another process has taken over the addresses (`serve --replace`), connections go on there, those of proxies with
// whom they speak for. Of a TLS connection only this process has the keys: it stays in the Relays of this process, through which the other
// one goes on with it, and each reply there that has an OPT record tells the client to close (keepalive of 0, RFC 7828), which would get
// a connection without that detour.
//
// A TLS connection that cannot be passed on (the other process is gone) ends here: its queries are answered, with that keepalive. Who
// goes on is let go in its first pause; who makes none, right behind an answer when the time is
// over, so that a client that asks one thing at a time sees the end before it asks again. All of them in order: what
// has arrived is answered, then comes close_notify, then our FIN, and we read until the client's, since to close with a
// query unread is a reset, which can cost the client replies on their way to it. What can be lost is a query that crosses
// our end, and for that a client has to be ready at any time (RFC 7766 section 6.2.4, RFC 7858 section 3.4): it asks
// again, and gets the other process.
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
#include "tls/relay/relays.h"

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

/// The other end of a connection.
struct ConnectionPeer {
  Endpoint from;
  bool proxy = false;                   // speaks for another: begins with a PROXY header
  std::optional<IpAddress> resolver{};  // for whom; none: its header has not been read
  /// The session is held by a process before this one, which decrypts: the address that the client has reached.
  std::optional<Endpoint> decrypted_at{};
};

/// A connection between two messages, for a process that goes on with it.
struct PassedConnection {
  int fd = -1;  // the giver's, who closes it when it was taken
  ConnectionPeer peer;
  std::span<const uint8_t> received;  // and not answered: the begin of a message
};
/// To a process that goes on.
struct PassOn {
  std::function<bool(const PassedConnection&)>
      take{};                     // from any loop; false: not taken. Empty: nobody is there
  tls::Relays* relays = nullptr;  // for sessions of TLS; null: they cannot go on
};

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
  /// `done`, once, when there are none. With `pass_on`, connections go there as soon as nothing is under way on
  /// them, and those that cannot end as told above.
  void drain(Duration at_most, PassOn pass_on, std::function<void()> done);
  /// Goes on with a connection of another process.
  void adopt(rt::UniqueFd fd, const ConnectionPeer& peer, std::span<const uint8_t> received);

 private:
  class Listener;
  class Connection;
  friend class Listener;
  friend class Connection;

  void accept_all(int listener, Transport transport);
  void take(rt::UniqueFd fd, Transport transport, const ConnectionPeer& peer,
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
  bool leaving_ = false;       // another process has the addresses
  bool time_is_over_ = false;  // of connections
  Duration pause_{};           // of a client that is leaving
  PassOn pass_on_;
  std::function<void()> done_;
};

}  // namespace popnet::dns
