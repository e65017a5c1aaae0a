// Connections to origins, plain or with TLS: one exchange at a time on each, kept open between exchanges. One
// pool for each thread.
#pragma once

#include <sys/uio.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "rt/fd.h"
#include "rt/loop.h"
#include "tls/context.h"

namespace popnet::http {

class OriginPool;

/// With whom a connection speaks: where, and for TLS as whom it must show itself and to whose satisfaction.
/// What is the same may use the same connection.
struct OriginPeer {
  Endpoint endpoint;
  std::shared_ptr<const tls::ClientContext> tls = {};  // null: plain
  std::string name = {};                               // with TLS: what its certificate must be for

  auto operator<=>(const OriginPeer&) const = default;
};

/// Belongs to its user while it has one, else to the pool. Never destroyed within its own callbacks: see
/// OriginPool::give_back.
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
  [[nodiscard]] bool reused() const { return uses_ > 1; }

  /// As recv(2) and send(2): -1 with errno EAGAIN when it would block.
  ssize_t read(std::span<char> room);
  ssize_t write(std::string_view bytes);
  void want_write(bool on) { want(reading_, on); }
  void want_read(bool on) { want(on, writing_); }

 private:
  friend class OriginPool;
  OriginConnection(OriginPool& pool, rt::Loop& loop, OriginPeer peer, rt::UniqueFd fd);
  void on_ready(uint32_t events) override;
  void want(bool read, bool write);
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
  User* user_ = nullptr;
  uint32_t uses_ = 0;
  bool watched_ = false;
  bool connected_ = false;
  bool reading_ = true;
  bool writing_ = true;  // until connected
  TimePoint idle_since_{};
};

class OriginPool {
 public:
  OriginPool(rt::Loop& loop, Duration idle_max, uint32_t idle_each_max);
  ~OriginPool();

  /// An idle connection to there, or null.
  std::unique_ptr<OriginConnection> take(const OriginPeer& peer, OriginConnection::User& user);
  /// A new one; the user is told when it is connected and the peer has shown who it is, never within this
  /// call.
  Result<std::unique_ptr<OriginConnection>> connect(OriginPeer peer, OriginConnection::User& user);
  /// Ends the use. With `keep`, the connection is in a state to carry another exchange.
  void give_back(std::unique_ptr<OriginConnection> connection, bool keep);

 private:
  friend class OriginConnection;
  using Idle = std::vector<std::unique_ptr<OriginConnection>>;
  void drop_idle(OriginConnection& connection);
  void bury(std::unique_ptr<OriginConnection> connection);
  void sweep();

  rt::Loop& loop_;
  const Duration idle_max_;
  const uint32_t idle_each_max_;
  std::map<OriginPeer, Idle> idle_;
  size_t idle_count_ = 0;
  std::vector<std::unique_ptr<OriginConnection>> dead_;  // destroyed in the next sweep
  rt::Timer sweeper_;
};

}  // namespace popnet::http
