// How a process takes over from the one that runs, without losing a query or a connection (`serve --replace`).
//
//   successor                                     predecessor
//   reads its config
//   connects to <state_dir>/handover  ──hello──>  writes its state
//               <──offer: its listening sockets──
//   loads names, binds what it lacks, answers                      both answer from the same sockets
//               ──serving──────────────────────>
//               <───────────────────────drains──  receives nothing new
//   listens at <state_dir>/handover
//   goes on with it        <──connection── (0…n)  passes connections on that only wait for the next query (of those over
//                                                 TLS, whose keys it cannot give away, a socket where it decrypts them),
//   purges                 <──purge──────> (0…n)  purges what was ordered at the other one: both answer users
//   tells the other nodes  <──unsent────── (0…n)  last: purges that the bus has not taken from it
//                                                 lets the others end, then ends; when the successor is itself replaced
//                                                 before that, it passes on what it gets from here, and ends later
//
// A successor that ends before it has said "serving" leaves everything as it was. One at a time; others are
// told so. The socket is its owner's only: by its mode, and because the user of the other end is checked.
//
// HAProxy (-x), Envoy (hot restart) and gdnsd (replace) do it in the same way.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "dns/server/tcp.h"
#include "model/report.h"
#include "rt/fd.h"
#include "rt/passing.h"

namespace popnet::node {

/// What a predecessor hands over.
struct Offer {
  std::vector<rt::SocketRef> sockets;
  uint64_t run = 0;     // its run, as in cluster::Report
  uint64_t chance = 0;  // of its DNS server: cookies that it gave stay good
};

/// The successor's end. One thread.
class Predecessor {
 public:
  /// `run`: of the successor. ErrorCode::not_found when no node runs with that folder.
  static Result<Predecessor> find(const std::string& state_dir, uint64_t run);
  /// Call when everything answers. ErrorCode::peer or timeout when it has not said that it drains.
  Status tell_serving();

  struct Connection {
    rt::UniqueFd fd;
    dns::ConnectionPeer peer;
    std::vector<uint8_t> received;
  };
  using OnPurge = std::function<void(model::PurgeOrder)>;
  /// After that: what it passes on and what was purged there, on a thread of its own, until it has ended or this is destroyed.
  /// `on_unsent`: purges of which the other nodes have not been told.
  void receive(std::function<void(Connection)> on_connection, OnPurge on_purge, OnPurge on_unsent);
  /// After receive(): until it has ended, or for so long.
  void await_end(Duration at_most) const;
  /// After that: it may have stored what that is about. Any thread, one at a time.
  void tell_purge(const model::PurgeOrder& order);
  Predecessor() = default;
  Predecessor(Predecessor&&) = default;
  Predecessor& operator=(Predecessor&&) = default;
  ~Predecessor();

  rt::PassedSockets sockets;
  uint64_t run = 0;
  uint64_t chance = 0;

 private:
  Status receive_offer();
  rt::UniqueFd socket_;
  bool deaf_ = false;  // it takes no more
  std::thread receiver_;
  std::future<void> ended_;  // the receiver
};

/// The predecessor's end: a thread that waits for successors.
class Handover {
 public:
  struct Hooks {
    std::function<Offer(uint64_t run)> on_successor;  // the sockets must stay open until one of the others
    std::function<void()> on_given_up;
    std::function<void(pid_t)> on_replaced;           // at most once; nobody else is waited for then
    std::function<void(model::PurgeOrder)> on_purge;  // ordered at the successor, from then on
  };
  /// ErrorCode::unavailable when a process waits there for its successor: it would not be found any more, and two would write the
  /// same files.
  static Status check_alone(const std::string& state_dir);
  /// ErrorCode::machine. Hooks are called on a thread of its own.
  static Result<std::unique_ptr<Handover>> listen(const std::string& state_dir, Hooks hooks);
  ~Handover();
  /// After on_replaced: the successor goes on with it. False when that cannot be. Any thread.
  bool pass_on(const dns::PassedConnection& connection);
  /// The successor may have stored what that is about: told to it as soon as it serves. Any thread.
  void tell_purge(const model::PurgeOrder& order);
  /// After on_replaced: the successor tells the other nodes. False when that cannot be. Any thread.
  bool pass_on_unsent(const model::PurgeOrder& order);
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

 private:
  Handover(std::string path, rt::UniqueFd listener, rt::UniqueFd wake, Hooks hooks);
  void run();
  /// True when there is nothing more to wait for.
  bool serve(rt::UniqueFd successor, pid_t pid);
  bool make_offer(int successor);
  bool await_serving(int successor);
  void given_up();
  void hear(int successor);
  bool send(std::string_view text, const std::vector<int>& fds);

  const std::string path_;
  const rt::UniqueFd listener_;
  const rt::UniqueFd wake_;  // eventfd
  const Hooks hooks_;
  std::atomic<bool> replaced_{false};
  std::mutex mutex_;                 // guards what follows
  rt::UniqueFd successor_;           // once it serves
  bool deaf_ = false;                // it takes no more
  bool starting_ = false;            // it has the offer, and may serve at any moment
  std::deque<std::string> waiting_;  // purges, until it says so: the last ones
  std::thread thread_;
};

}  // namespace popnet::node
