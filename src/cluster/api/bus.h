// The bus: the one way in which nodes talk. Two implementations (embedded: POPs of one process; nats: many
// machines) pass the same contract tests (cluster/api/contract.h).
//
// Contract:
//  - publish() reaches every connected subscriber, the own one included, at most once, usually within
//    milliseconds. It never waits; nothing is kept for later while disconnected (metrics are repeated anyway).
//    Order holds for one author.
//  - the config is one text, kept by the bus; a watcher gets the present one (if any) soon after watching,
//    then each newer one, never an older one. Revisions grow; they count within one life of the bus's store, so do not
//    compare them with those of another bus.
//    Whoever puts one may say which it is to replace, so that two operators cannot overwrite each other.
//  - a purge reaches every connected subscriber once. A node that joins, or comes back, gets those of the
//    last purge_history that it has not had: what it has stored may be older than they are. Where older ones
//    may have passed it by (it was away for longer, or the bus has lost what it kept) on_purges_missed()
//    comes first: all that it has stored by then may be older than a purge that nobody can tell it any more.
//  - on_connected(true) comes when reports begin to flow both ways, on_connected(false) when they stop.
//
// Threading: every call is thread safe. Handlers run on a thread of the bus, one at a time for one
// subscriber; they must not block, and must not call close(); they usually post to their own loop. After
// close() (or destruction) no handler runs. publish() and connected() never block. put_config() and purge()
// wait for the bus to say that it has the thing: at most request_timeout, and not at all while disconnected.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "model/report.h"

namespace popnet::cluster {

using model::PurgeOrder;
using model::Report;

struct BusHandlers {
  std::function<void(const Report&)> on_report;
  std::function<void(uint64_t revision, const std::string& text)> on_config;
  std::function<void(const PurgeOrder&)> on_purge;
  std::function<void()> on_purges_missed;
  std::function<void(bool connected)> on_connected;
};

class Bus {
 public:
  static constexpr std::chrono::minutes purge_history{10};
  static constexpr size_t purge_history_max = 100'000;  // orders; of more, the oldest are forgotten
  static constexpr std::chrono::seconds request_timeout{2};

  virtual ~Bus() = default;
  /// Registers a node. Handlers may be empty. Called once, before anything else.
  virtual void subscribe(BusHandlers handlers) = 0;
  virtual void publish(const Report& report) = 0;
  /// On success all watchers will see the text; its revision. ErrorCode::unavailable when the bus is not
  /// there. With `replaces`, ErrorCode::conflict when that is not the revision the bus holds (0: none yet),
  /// and nothing changes.
  virtual Result<uint64_t> put_config(const std::string& text, std::optional<uint64_t> replaces = {}) = 0;
  /// ErrorCode::unavailable when the bus is not there; the caller may send the same order (same id) again.
  virtual Status purge(const PurgeOrder& order) = 0;
  [[nodiscard]] virtual bool connected() const = 0;
  /// As in the config: "memory" or "nats".
  [[nodiscard]] virtual const char* kind() const = 0;
  /// Ends handlers; waits for a running one.
  virtual void close() = 0;
};

/// What put_config() says when it is refused; 0 stands for none.
Error config_conflict(uint64_t expected, uint64_t present);

}  // namespace popnet::cluster
