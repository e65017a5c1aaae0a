// What a probe kind is. A kind is one folder: its options, its table of them (config/schema), its code, its
// test. It registers nowhere: node/probe_kinds.cc names them all. The one to copy is probe/kinds/tcp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/time.h"
#include "model/config.h"
#include "model/metrics.h"
#include "rt/loop.h"

namespace popnet::probe {

/// What is to be measured.
struct Target {
  model::TargetId id{};
  Endpoint endpoint{};  // its HTTP server; a kind's options may name another port
  bool tls = false;
  std::string tls_name{};      // for SNI and certificate; empty = the host
  bool tls_verify = true;      // false: any certificate will do
  std::string tls_ca_file{};   // PEM; empty = those the system trusts
  std::string host{};          // for the Host field; may be empty
  std::string path = "/";      // what HTTP probes ask for unless their options say otherwise
  uint64_t capacity_bits = 0;  // of its uplink, bits each second; 0 = not known

  bool operator==(const Target&) const = default;
};

/// How one attempt ended. Readings may be present on failure too (an HTTP 500 has a time, but it is not
/// health).
struct Outcome {
  bool ok = false;
  std::vector<model::Reading> readings{};
  std::string error{};  // in words, when !ok
  /// With !ok: this machine was in the way (permission, descriptors), not the target. No verdict is drawn
  /// from it.
  bool inconclusive = false;
};

/// One running attempt. Destroying it cancels it: `done` is not called after that. It may be destroyed from
/// within `done`.
class Attempt {
 public:
  virtual ~Attempt() = default;
};

/// What a kind remembers of one target from attempt to attempt, such as counters to take differences of.
class Memory {
 public:
  virtual ~Memory() = default;
};

/// What every attempt may use; what only some kinds need, they get in their constructors. The loop lives on
/// the probe thread, longer than the attempt; the Context itself only during start().
struct Context {
  rt::Loop& loop;
  /// Of this probe of this target: null at first, the kind's to fill. Gone when the target changes.
  std::shared_ptr<Memory>& memory;
};

/// Starts one attempt on the loop's thread. Calls `done` exactly once, later, on that thread, at the latest
/// at `timeout`, and never from within start(). `target` and `options` outlive the attempt.
using Done = std::function<void(Outcome)>;
class Kind {
 public:
  virtual ~Kind() = default;
  /// As in ProbeSpec::kind; the name of its folder and of its option table.
  [[nodiscard]] virtual const char* name() const = 0;
  virtual std::unique_ptr<Attempt> start(const Context& context, const Target& target,
                                         const model::KindOptions& options, Duration timeout,
                                         Done done) const = 0;
};

}  // namespace popnet::probe
