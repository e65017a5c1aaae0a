// One thread, one UDP socket: up to 64 queries are received with one system call and answered with one. The
// thread sleeps in that call, so an idle server costs nothing and a busy one amortises both calls.
//
// On a socket bound to all addresses, replies leave from the address the query came to (RFC 2181
// section 4.1), by IP_PKTINFO.
//
// Stop: what has been received is still answered, then run() returns. The socket may be another process's too,
// which goes on with it; nothing is done to the socket itself.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "common/ip.h"
#include "dns/server/thread_state.h"
#include "dns/server/view.h"
#include "rt/epoch.h"
#include "rt/fd.h"
#include "rt/published.h"

namespace popnet::dns {

class UdpWorker {
 public:
  /// `socket`: from open_udp(). The references must outlive the worker.
  UdpWorker(rt::UniqueFd socket, const rt::Published<View>& view, rt::Epoch& epoch, ThreadState& state);
  ~UdpWorker();

  /// The thread's work, until stop().
  void run();
  /// Any thread. `thread`: that runs run(); it is interrupted until it has noticed.
  void stop(std::thread& thread);
  [[nodiscard]] int socket() const { return socket_.get(); }

 private:
  struct Batch;

  /// Receives a batch and answers it. False if there was none.
  bool serve_batch(rt::Epoch::Reader& reader, int receive_flags);
  void answer_batch(const View& view, size_t received);
  void take(const View& view, size_t i);
  void send_batch();

  const rt::UniqueFd socket_;
  const Endpoint local_;
  const rt::Published<View>& view_;
  rt::Epoch& epoch_;
  ThreadState& state_;
  std::unique_ptr<Batch> batch_;
  Moment now_;  // of the batch
  std::atomic<bool> stopping_{false};
  std::atomic<bool> noticed_{false};  // that it is to stop
};

/// A blocking UDP socket as a DNS server wants it: a large receive buffer; replies never fragmented, whatever
/// is said of the path's MTU (RFC 9715: they are small enough for any); IP_PKTINFO if bound to all addresses.
/// ErrorCode::machine.
Result<rt::UniqueFd> open_udp(const Endpoint& local);

}  // namespace popnet::dns
