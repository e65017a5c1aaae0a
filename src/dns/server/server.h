// The DNS server of a node: for each listening address, `threads` threads that answer UDP, each with its own
// SO_REUSEPORT socket, and `threads` event loops that answer TCP; for each interface with AF_XDP, a thread for
// each of its queues. All answer from one published View; nothing else is shared.
//
// Life: prepare() binds everything, so that errors are known before anything runs; open(); publish() whenever
// there is a new snapshot or new names; stop(). All public calls are thread safe.
//
// Sockets may come from a process before this one, and go on in one after it: more than `threads` of an address
// then stay as they are, because closing one would lose what waits in it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/counter.h"
#include "common/ip.h"
#include "common/result.h"
#include "dns/server/sockets.h"
#include "dns/server/tcp.h"
#include "dns/server/thread_state.h"
#include "dns/server/udp.h"
#include "dns/server/view.h"
#include "dns/server/xdp.h"
#include "dns/server/zone_lines.h"
#include "rt/epoch.h"
#include "rt/passing.h"
#include "rt/published.h"
#include "rt/shards.h"

namespace popnet::dns {

class Server {
 public:
  struct Options {
    std::vector<Endpoint> listen;  // port 0: the kernel chooses, the same for UDP and TCP; see listening()
    int threads = 1;
    TcpLimits tcp = {};
    std::vector<Endpoint> tls_listen = {};  // with the certificate that the config names
    uint64_t seed = 0;                      // of all chance in this server
    int signing_rate = 2000;                // signatures made for queries, each second
    rt::PassedSockets* passed = nullptr;    // taken before others are bound; needed in prepare() only
    std::string identity = {};              // in dnstap messages
    /// A NOTIFY came that is to be believed. Called on any of the server's threads.
    std::function<void(const Name& zone, const IpAddress& from)> on_notify = {};
    std::vector<model::XdpInterface> xdp = {};  // whose queries pass by the kernel
    int xdp_queues = 0;                         // of all of these; prepare() counts them
  };

  /// `names` must have been made from snapshot->config. ErrorCode::machine when a port cannot be had.
  static Result<std::unique_ptr<Server>> prepare(const Options& options, rt::Epoch& epoch,
                                                 std::shared_ptr<const routing::Snapshot> snapshot,
                                                 std::shared_ptr<const Names> names);
  /// Answers from now on. Once.
  void open();
  /// Both.
  static Result<std::unique_ptr<Server>> start(const Options& options, rt::Epoch& epoch,
                                               std::shared_ptr<const routing::Snapshot> snapshot,
                                               std::shared_ptr<const Names> names);
  ~Server() { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// From now on queries are answered from these. `names` must have been made from snapshot->config. A new config
  /// reads the certificate anew; one that cannot be used is told in the log, and the one before stays.
  void publish(std::shared_ptr<const routing::Snapshot> snapshot, std::shared_ptr<const Names> names);
  /// Resolvers that asked for names decided by POP since the last call. Lossy, with repetitions.
  std::vector<IpAddress> take_resolvers();
  /// How often each target was the first of a decided answer, with the indexes of that config, which may be
  /// older or newer than the one that is served.
  [[nodiscard]] model::AnswerCounts answer_counts(const model::Config& as) const;
  void collect(std::vector<CounterValue>& into);
  [[nodiscard]] std::vector<Endpoint> listening() const { return listening_; }
  [[nodiscard]] std::vector<Endpoint> listening_tls() const { return listening_tls_; }
  /// The interfaces that are served by AF_XDP, and how.
  [[nodiscard]] std::vector<std::string> listening_xdp() const;

  /// For a process that goes on with them. Valid until stop().
  [[nodiscard]] const std::vector<rt::SocketRef>& sockets() const { return refs_; }

  /// Answers what has been received, lets connections go on for so long, unless they end by themselves or are passed
  /// on, then ends all threads. Safe to call twice.
  void stop(Duration connections_at_most = Duration::zero(), const PassOn& pass_on = {});
  /// Goes on with a connection of the process before this one.
  void adopt(rt::UniqueFd fd, const ConnectionPeer& peer, std::vector<uint8_t> received);

 private:
  static constexpr size_t zones_by_name_max = 1000;  // in /metrics
  using XdpInterfaces = std::vector<std::unique_ptr<XdpInterface>>;

  Server(const Options& options, rt::Epoch& epoch, std::shared_ptr<const View> first, size_t thread_count);
  static Result<XdpInterfaces> prepare_xdp(const Options& options,
                                           const std::vector<ListeningSockets>& sockets);

  void take(std::vector<ListeningSockets> sockets, XdpInterfaces xdp);
  ThreadState& new_state();
  [[nodiscard]] std::shared_ptr<const View> view() const;

  const Options options_;
  const size_t thread_count_;  // of all kinds
  rt::Epoch& epoch_;
  std::vector<rt::SocketRef> refs_;
  std::vector<Endpoint> listening_, listening_tls_;
  SourceCounts sources_;                              // of TCP and TLS connections
  std::unique_ptr<tap::Recorder> recorder_;           // null: nothing is recorded
  std::vector<std::unique_ptr<ThreadState>> states_;  // UDP threads, then TCP loops; fixed once prepared
  rt::Published<View> published_;
  std::vector<std::unique_ptr<UdpWorker>> udp_;
  std::vector<std::thread> udp_threads_;
  XdpInterfaces xdp_;
  std::unique_ptr<rt::Shards> tcp_loops_;
  std::vector<std::vector<TcpListener>> tcp_listeners_;  // by loop, until open()
  std::vector<std::unique_ptr<TcpShard>> tcp_;           // live on their loops

  mutable std::mutex mutex_;  // guards the rest
  std::shared_ptr<const View> latest_;
  std::mutex take_mutex_;  // one reader of the resolver rings at a time
  std::mutex stop_mutex_;
  std::mutex lines_mutex_;  // guards lines_
  ZoneLines lines_{zones_by_name_max};
  std::atomic<size_t> adopted_{0};
};

}  // namespace popnet::dns
