// What the admin API needs to know and may ask for, given by whoever builds the node. The API includes no
// server: these functions are all that it sees of the node.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/api/bus.h"
#include "common/counter.h"
#include "common/result.h"
#include "model/answer_counts.h"
#include "routing/snapshot.h"

namespace popnet::control {

/// What became of a new config.
struct ConfigOutcome {
  Status status;  // invalid: it has errors; unavailable: the bus did not take it; conflict: see put_config
  std::vector<std::string> problems;  // errors and warnings, as `popnet check` prints them, one each
  bool on_bus = false;                // it goes to all nodes over the bus; else it is this node's
  uint64_t revision = 0;              // that it has got
};

/// The bus that the node runs with, whatever its config says by now.
struct BusState {
  std::string kind;  // "memory" or "nats"
  bool connected = false;
  bool holds_config = false;  // this node's config comes from it: a new one is put there
};

/// All are called from threads of the admin server, several at once; none may be empty.
struct Hooks {
  // Quick: they run on the thread that answers.
  /// Never null. Read once for each request: the next may be of another config.
  std::function<std::shared_ptr<const routing::Snapshot>()> snapshot;
  std::function<std::vector<CounterValue>()> counters;  // of all parts, for /metrics
  /// Of this node since it started, with the indexes of that config.
  std::function<model::AnswerCounts(const model::Config&)> answers;
  /// As that snapshot shows; the error says what is still missing.
  std::function<Status(const routing::Snapshot&)> ready;
  std::function<BusState()> bus;

  // These may take a moment: they run one at a time on a thread of their own.
  /// Only where the bus holds the config. `replaces`: refused with ErrorCode::conflict unless the config that
  /// is there has this revision (0: none).
  std::function<ConfigOutcome(const std::string& text, std::optional<uint64_t> replaces)> put_config;
  std::function<ConfigOutcome()> reload;
  /// `id` of the order is not set: the sender sets it.
  std::function<Status(const cluster::PurgeOrder&)> purge;
};

}  // namespace popnet::control
