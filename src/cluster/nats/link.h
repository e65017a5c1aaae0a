// One connection to NATS, kept up for ever: connects in the background, reconnects, starts over when libnats
// gives up (it does after repeated refusals). Hands over what arrives on one subject.
//
// States, as session() and connected() show them:
//
//   closed ──connect()──> waiting ──server there, subscription known to it──> up (session n)
//      ^                     ^                                                │
//      └──libnats gives up───┴───────────connection lost──────────────────────┘
//
// Nothing is kept for later while not up: what is published then is refused.
//
// Threading: thread safe. The link has one thread: it connects, then reads. Callbacks run on it or on a
// thread of libnats; they must not block nor call the link. close() ends them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "cluster/nats/handles.h"
#include "common/time.h"

namespace popnet::cluster {

class NatsLink {
 public:
  struct Options {
    std::string url;      // nats://[user:password@]host:port, several separated by commas
    std::string name;     // of this client, for who looks at the server
    std::string subject;  // to read
    Duration reconnect_wait;
  };
  using OnMessage = std::function<void(std::string_view data)>;
  using OnConnected = std::function<void(bool connected)>;

  NatsLink(Options options, OnMessage on_message, OnConnected on_connected);
  ~NatsLink() { close(); }
  NatsLink(const NatsLink&) = delete;
  NatsLink& operator=(const NatsLink&) = delete;

  void start();
  void close();

  /// The connection while it is up, else null. Keep it for one operation only.
  [[nodiscard]] NatsConnection connection() const;
  /// Counts the times the link came up; 0 while it is not up.
  [[nodiscard]] uint64_t session() const;
  /// Waits until the link is up; empty when it is closed instead.
  std::optional<uint64_t> wait_up();
  /// Waits for `time`, or until the link is closed: then false.
  bool wait(Duration time);
  /// The url without user and password, for logs.
  [[nodiscard]] std::string shown_url() const;

 private:
  void run();
  NatsOptionsHandle make_options();
  NatsConnection connect();
  NatsSubscription subscribe(natsConnection* connection);
  void read(natsSubscription* subscription);
  void give_up(natsConnection* connection);
  // Called by libnats, on its own thread.
  void came_up(natsConnection* connection);
  void went_down();
  void was_closed();
  void warn_once(const std::string& why);

  const Options options_;
  const OnMessage on_message_;
  const OnConnected on_connected_;
  std::thread thread_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  NatsConnection connection_;  // null between two attempts to connect
  bool callbacks_ = false;     // libnats may still call us for connection_
  bool subscribing_ = false;   // connection_ is new: the subject is not subscribed to yet
  bool up_ = false;
  bool closing_ = false;
  bool warned_ = false;  // that the server is not there, since it was last there
  uint64_t sessions_ = 0;
  uint64_t losses_ = 0;  // of connections: tells a new loss from an older one
};

}  // namespace popnet::cluster
