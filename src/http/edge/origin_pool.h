// Connections to origins, plain or with TLS: one exchange at a time on each, kept open between exchanges.
//
//   in use: an OriginConnection, of one thread, watched by its loop
//      │ give_back        ^ take
//      v                  │
//   idle: of all threads, watched by no loop (IdleConnections): whoever needs one next takes the one that was used last.
//   Whether the origin has closed it meanwhile is looked at when it is taken, and now and then.
#pragma once

#include <sys/uio.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "rt/fd.h"
#include "rt/loop.h"
#include "tls/context.h"

namespace popnet::http {

/// With whom a connection speaks: where, and for TLS as whom it must show itself and to whose satisfaction.
/// What is the same may use the same connection.
struct OriginPeer {
  Endpoint endpoint;
  std::shared_ptr<const tls::ClientContext> tls = {};  // null: plain
  std::string name = {};                               // with TLS: what its certificate must be for

  auto operator<=>(const OriginPeer&) const = default;
};

/// A connection in use. Never destroyed within its own callbacks: see OriginPool::give_back.
class OriginConnection final : rt::Watcher {
 public:
  /// Told of events while it uses the connection. Each call may end the use.
  class User {
   public:
    virtual void on_connected() = 0;
    virtual void on_connect_failed(const Error& error) = 0;
    /// Bytes, the end of the stream, or an error: read() tells.
    virtual void on_readable() = 0;
    virtual void on_writable() = 0;

   protected:
    ~User() = default;
  };

  ~OriginConnection();
  OriginConnection(const OriginConnection&) = delete;
  OriginConnection& operator=(const OriginConnection&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// It has carried an exchange before: the origin may have closed it just now.
  [[nodiscard]] bool reused() const { return reused_; }

  /// As recv(2) and send(2): -1 with errno EAGAIN when it would block.
  ssize_t read(std::span<char> room);
  ssize_t write(std::string_view bytes);
  void want_write(bool on) { want(reading_, on); }
  void want_read(bool on) { want(on, writing_); }

 private:
  friend class OriginPool;
  OriginConnection(rt::Loop& loop, OriginPeer peer, rt::UniqueFd fd);
  void on_ready(uint32_t events) override;
  void want(bool read, bool write);
  Status begin_tls();
  void shake_hands();
  [[nodiscard]] ssize_t as_socket(const tls::Session::Progress& progress);
  void expect_decrypted();
  void on_decrypted();

  rt::Loop& loop_;
  const OriginPeer peer_;
  rt::UniqueFd fd_;
  std::unique_ptr<tls::Session> tls_;  // null: plain, or not connected yet
  rt::Timer decrypted_;                // fires when bytes wait that no event of the socket announces
  User* user_ = nullptr;               // null: given back
  bool reused_ = false;
  bool watched_ = false;
  bool connected_ = false;
  bool reading_ = true;
  bool writing_ = true;  // until connected
};

/// The idle connections of all threads. Thread safe.
class IdleConnections {
 public:
  struct Idle {
    rt::UniqueFd fd;
    std::unique_ptr<tls::Session> tls;  // null: plain; goes first
    TimePoint since{};
  };

  IdleConnections(Duration idle_max, uint32_t each_max) : idle_max_(idle_max), each_max_(each_max) {}

  /// The one that was used last and is still open; without descriptor when there is none.
  Idle take(const OriginPeer& peer);
  /// Closes the one that is idle for the longest when there are too many.
  void park(const OriginPeer& peer, Idle idle);
  /// Closes those that are idle for too long, or closed by the origin.
  void sweep(TimePoint now);

 private:
  const Duration idle_max_;
  const uint32_t each_max_;
  std::mutex mutex_;  // guards idle_
  std::map<OriginPeer, std::deque<Idle>> idle_;
};

/// One thread's way to connections.
class OriginPool {
 public:
  OriginPool(rt::Loop& loop, IdleConnections& idle);
  ~OriginPool();

  /// An idle connection to there, or null.
  std::unique_ptr<OriginConnection> take(const OriginPeer& peer, OriginConnection::User& user);
  /// A new one; the user is told when it is connected and the peer has shown who it is, never within this
  /// call.
  Result<std::unique_ptr<OriginConnection>> connect(OriginPeer peer, OriginConnection::User& user);
  /// Ends the use. With `keep`, the connection is in a state to carry another exchange.
  void give_back(std::unique_ptr<OriginConnection> connection, bool keep);

 private:
  std::unique_ptr<OriginConnection> make(const OriginPeer& peer, rt::UniqueFd fd, bool connected,
                                         OriginConnection::User& user);

  rt::Loop& loop_;
  IdleConnections& idle_;
  std::vector<std::unique_ptr<OriginConnection>> dead_;  // destroyed when the calls in progress are over
  rt::Timer burial_;
  rt::Timer sweeper_;
};

}  // namespace popnet::http
