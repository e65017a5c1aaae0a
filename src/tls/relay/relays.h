// TLS connections of a process whose successor goes on with them. OpenSSL cannot hand the keys of a session to another
// process, so the session stays and the connection goes all the same: the successor gets one end of a local socket and
// finds there, decrypted, what the client sends; what it writes there goes to the client. For the client nothing changes.
//
//   client <──TLS── socket ── Relay ── socketpair ──> successor (or the one after that: the end can be passed on again)
//
// Limits, deadlines and the moment of the end are the successor's. When that closes its end, what it has written is sent, then
// close_notify and our FIN, and the client's is waited for, since to close a socket with bytes unread is a reset, which can
// cost the client what is on its way to it. A client that ends its half in order (close_notify) ends that half at the successor,
// whose answers still go out. Of its own a relay only ends with a client that has gone, or that takes nothing of what is there for it.
//
// Each direction holds a few KiB; who does not read is not read for.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "common/time.h"
#include "rt/fd.h"
#include "rt/loop.h"
#include "tls/session.h"

namespace popnet::tls {

class Relays {
 public:
  /// `ends_within`: when the successor has ended a connection, how long its client may take to end it, too.
  explicit Relays(Duration ends_within = std::chrono::seconds(10));
  /// Ends them all.
  ~Relays();
  Relays(const Relays&) = delete;
  Relays& operator=(const Relays&) = delete;

  /// `session` is one of `client`, shaking hands or past that, and with nothing half written. `plain`: a stream socket whose
  /// other end somebody else has. Both do not block. `takes_within`: who takes nothing for so long of what is there for him is
  /// ended. Any thread; that of the relays begins with the first.
  void add(rt::UniqueFd client, std::unique_ptr<Session> session, rt::UniqueFd plain, Duration takes_within);
  /// Any thread.
  [[nodiscard]] size_t count() const { return count_; }
  /// Takes nothing more of the clients; what they have sent is answered by the successor, and then each is ended. Any thread.
  void finish();
  /// Calls it once there is none, on the thread of the relays; at once, on this one, if none was ever added. Once.
  void when_empty(std::function<void()> then);

 private:
  class Relay;
  void remove(Relay& relay);
  void tell_if_empty();

  const Duration ends_within_;
  std::atomic<size_t> count_{0};
  std::mutex mutex_;  // guards the start of the thread
  rt::Loop loop_;
  std::thread thread_;
  // on its thread
  std::unordered_map<Relay*, std::unique_ptr<Relay>> relays_;
  std::function<void()> when_empty_;
};

}  // namespace popnet::tls
