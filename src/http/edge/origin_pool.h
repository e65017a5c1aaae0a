// Connections to origins, plain or with TLS: one exchange at a time on each, kept open between exchanges.
//
//   in use: an OriginConnection, of one thread, watched by its loop
//      │ give_back        ^ take: the one that was used last
//      v                  │
//   idle: still watched by that loop, which so learns without asking that the origin has closed it
//      │
//      └─ take, by a thread that has none idle itself: the one that another has not used for the longest moves to it
//
// An exchange on a kept connection costs no system call but those that send and receive. What an origin sends unasked
// must never be taken for an answer: a connection that was given back in this very turn, and one of another thread, is
// asked for it when it is taken; what the loop had found before a request was sent is none of its answer.
#pragma once

#include <sys/uio.h>

#include <atomic>
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

class OriginPool;

/// A connection. Never destroyed within its own callbacks: see OriginPool::give_back. Where it is plain, its events are edges
/// (client.h), which its user does not notice.
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
  OriginConnection(OriginPool& pool, OriginPeer peer, rt::UniqueFd fd);
  void on_ready(uint32_t events) override;
  void want(bool read, bool write);
  [[nodiscard]] uint32_t wanted() const;
  Status begin_tls();
  void shake_hands();
  [[nodiscard]] ssize_t as_socket(const tls::Session::Progress& progress);
  void expect_decrypted();
  void on_decrypted();

  OriginPool& pool_;
  rt::Loop& loop_;
  const OriginPeer peer_;
  rt::UniqueFd fd_;
  std::unique_ptr<tls::Session> tls_;  // null: plain, or not connected yet
  rt::Timer decrypted_;                // fires when bytes wait that no event of the socket announces
  User* user_ = nullptr;               // null: idle, or over
  TimePoint since_{};                  // in use, or idle
  bool reused_ = false;
  bool watched_ = false;
  bool connected_ = false;
  bool reading_ = true;
  bool writing_ = true;    // until connected
  bool untimely_ = false;  // what there is to read came before the request
  bool ended_ = false;     // the origin sends no more than what is here
};

/// What the pools of all threads share. Thread safe.
class IdleConnections {
 public:
  /// `each_max`: kept to one peer, by all threads together.
  IdleConnections(Duration idle_max, uint32_t each_max) : idle_max_(idle_max), each_max_(each_max) {}

 private:
  friend class OriginPool;
  using Count = std::atomic<uint32_t>;

  void join(OriginPool& pool);
  void leave(OriginPool& pool);
  /// How many are idle there.
  std::shared_ptr<Count> count_of(const OriginPeer& peer);

  const Duration idle_max_;
  const uint32_t each_max_;
  std::mutex mutex_;  // guards what follows; may be held when a pool's is taken, never the other way round
  std::vector<OriginPool*> pools_;
  std::map<OriginPeer, std::weak_ptr<Count>> counts_;
};

/// One thread's connections, and its way to those of others. That thread's but for lend().
class OriginPool {
 public:
  OriginPool(rt::Loop& loop, IdleConnections& all);
  ~OriginPool();
  OriginPool(const OriginPool&) = delete;
  OriginPool& operator=(const OriginPool&) = delete;

  /// An idle connection to there, or null.
  std::unique_ptr<OriginConnection> take(const OriginPeer& peer, OriginConnection::User& user);
  /// A new one; the user is told when it is connected and the peer has shown who it is, never within this
  /// call.
  Result<std::unique_ptr<OriginConnection>> connect(OriginPeer peer, OriginConnection::User& user);
  /// Ends the use. With `keep`, the connection is in a state to carry another exchange.
  void give_back(std::unique_ptr<OriginConnection> connection, bool keep);

 private:
  friend class OriginConnection;
  using Connections = std::vector<std::unique_ptr<OriginConnection>>;
  /// The idle ones to one peer.
  struct Shelf {
    std::shared_ptr<IdleConnections::Count> count;         // those of all threads
    std::deque<std::unique_ptr<OriginConnection>> idle{};  // longest first
  };

  std::unique_ptr<OriginConnection> make(const OriginPeer& peer, rt::UniqueFd fd,
                                         std::unique_ptr<tls::Session> tls, bool connected,
                                         OriginConnection::User* user);
  using Shelves = std::map<OriginPeer, Shelf>;
  Shelf& shelf(const OriginPeer& peer);
  std::unique_ptr<OriginConnection> take_own(Shelf& shelf);
  std::unique_ptr<OriginConnection> take_from_others(const OriginPeer& peer);
  /// Any thread: the one that is idle for the longest, or none.
  bool lend(const OriginPeer& peer, rt::UniqueFd& fd, std::unique_ptr<tls::Session>& tls);
  void park(std::unique_ptr<OriginConnection> connection);
  void on_idle_ready(OriginConnection& connection);
  void close(std::unique_ptr<OriginConnection> connection);
  void sweep();

  rt::Loop& loop_;
  IdleConnections& all_;
  std::mutex mutex_;  // guards what follows; this thread alone adds and removes shelves
  Shelves shelves_;
  Shelves::iterator recent_ = shelves_.end();  // this thread's: what one takes from there is put there again
  Connections lent_;                           // without descriptor: another thread has it

  Connections dead_;  // destroyed when the calls in progress are over
  rt::Timer burial_;
  rt::Timer sweeper_;
};

}  // namespace popnet::http
