// The bus inside one process: for a single node, and for the demo and tests that hold several nodes. Nothing
// is encoded; reports keep their times, because all share one clock.
//
// The hub keeps what NATS would keep: the config, and the purges of the last purge_history.
//
// Threading: all of it is thread safe. The hub must outlive its buses.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cluster/api/bus.h"
#include "cluster/api/dispatcher.h"
#include "rt/clock.h"

namespace popnet::cluster {

class EmbeddedBus;

class EmbeddedHub {
 public:
  using Clock = std::function<TimePoint()>;

  /// `config`: the text every node gets at first; empty = none. `clock`: decides when a purge is history.
  explicit EmbeddedHub(std::string config = {}, Clock clock = rt::monotonic_now);

 private:
  friend class EmbeddedBus;
  struct PastPurge {
    uint64_t sequence;
    TimePoint at;
    PurgeOrder order;
  };

  // What a bus does in the hub's name; each takes the lock, so that all nodes see one order of events.
  void join(EmbeddedBus& bus);
  void leave(EmbeddedBus& bus);
  void publish(const EmbeddedBus& from, const Report& report);
  Result<uint64_t> put_config(const EmbeddedBus& from, const std::string& text,
                              std::optional<uint64_t> replaces);
  Status purge(const EmbeddedBus& from, const PurgeOrder& order);
  [[nodiscard]] bool joined(const EmbeddedBus& bus) const;

  [[nodiscard]] bool has(const EmbeddedBus& bus) const;  // REQUIRES: mutex_ is held
  void forget_old_purges();                              // REQUIRES: mutex_ is held

  const Clock clock_;
  mutable std::mutex mutex_;  // guards everything below, and what the buses have seen
  std::vector<EmbeddedBus*> members_;
  std::string config_;
  uint64_t revision_ = 0;         // 0 = no config yet
  std::deque<PastPurge> purges_;  // oldest first
  uint64_t purge_sequence_ = 0;
  uint64_t purge_forgotten_ = 0;  // sequence of the last one that is history
};

class EmbeddedBus final : public Bus {
 public:
  explicit EmbeddedBus(EmbeddedHub& hub) : hub_(hub) {}
  ~EmbeddedBus() override { close(); }

  void subscribe(BusHandlers handlers) override;
  void publish(const Report& report) override { hub_.publish(*this, report); }
  Result<uint64_t> put_config(const std::string& text, std::optional<uint64_t> replaces = {}) override {
    return hub_.put_config(*this, text, replaces);
  }
  Status purge(const PurgeOrder& order) override { return hub_.purge(*this, order); }
  [[nodiscard]] bool connected() const override { return hub_.joined(*this); }
  [[nodiscard]] const char* kind() const override { return "memory"; }
  void close() override;

  /// Takes the node off the bus and brings it back, as a broken network would: to try out what a node does
  /// alone. REQUIRES: subscribed
  void cut() { hub_.leave(*this); }
  void restore() { hub_.join(*this); }

 private:
  friend class EmbeddedHub;
  EmbeddedHub& hub_;
  Dispatcher dispatcher_{"bus"};
  uint64_t revision_seen_ = 0;  // guarded by the hub's mutex
  std::optional<uint64_t>
      purge_seen_;  // guarded by the hub's mutex; none: has just started, with nothing stored
};

}  // namespace popnet::cluster
