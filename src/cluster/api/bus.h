// The bus: the one way in which nodes talk. Two implementations (embedded: POPs of one process; nats: many machines)
// pass the same contract tests (cluster/api/contract.h).
//
// Contract:
//  - publish() reaches every subscriber of every node, the own one included, at most once, usually within milliseconds;
//    nothing is promised while disconnected (metrics are repeated anyway). Order holds for one author.
//  - the config is one text, kept by the bus; a watcher gets the present one (if any) soon after watching, then each
//    newer one, never an older one.
//  - a purge reaches every subscriber of every node that is connected; a node that was away gets those it missed within
//    purge_history when it comes back.
//
// Threading: every call is thread safe. Handlers run on a thread of the bus, one at a time for one subscriber; they must not
// block and usually post to their own loop. After close() (or destruction) no handler runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "model/metrics.h"
#include "model/shares.h"

namespace popnet::cluster {

/// What one node tells the others now and then.
struct Report {
  std::string author;                        // POP
  std::vector<model::ProbeSample> samples;
  std::vector<IpAddress> resolvers;          // client DNS servers that asked and want to be measured by all
  std::vector<model::Shares> shares;         // none or one
};

struct PurgeOrder {
  enum class Scope : uint8_t { url, site };
  Scope scope = Scope::url;
  std::string site;      // name of the site; for url may be empty: found by the host
  std::string url;       // "http://host/path?query"
  bool soft = false;     // make stale instead of unusable
  uint64_t id = 0;       // unique; set by the sender
};

struct BusHandlers {
  std::function<void(const Report&)> on_report;
  std::function<void(uint64_t revision, const std::string& text)> on_config;
  std::function<void(const PurgeOrder&)> on_purge;
  std::function<void(bool connected)> on_connected;
};

class Bus {
 public:
  static constexpr std::chrono::minutes purge_history{10};

  virtual ~Bus() = default;
  /// Registers a node. Handlers may be empty. Called once, before anything else.
  virtual void subscribe(BusHandlers handlers) = 0;
  virtual void publish(const Report& report) = 0;
  /// ErrorCode::unavailable when the bus is not there. On success all watchers will see the text.
  virtual Status put_config(const std::string& text) = 0;
  virtual Status purge(const PurgeOrder& order) = 0;
  [[nodiscard]] virtual bool connected() const = 0;
  /// Ends handlers; waits for a running one.
  virtual void close() = 0;
};

}  // namespace popnet::cluster
