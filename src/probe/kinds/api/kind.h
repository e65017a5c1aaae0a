// What a probe kind is. A kind is one folder: its options, its table of them (config/schema), its code, its test. It
// registers nowhere: main/probe_kinds.cc names them all.
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
  model::TargetId id;
  Endpoint endpoint;    // its HTTP server; a kind's options may name another port
  bool tls = false;
  std::string host;     // for the Host field and SNI; may be empty
};

/// How one attempt ended. Readings may be present on failure too (an HTTP 500 has a time, but it is not health).
struct Outcome {
  bool ok = false;
  std::vector<model::Reading> readings;
  std::string error;  // in words, when !ok
};

/// One running attempt. Destroying it cancels it: `done` is not called after that.
class Attempt {
 public:
  virtual ~Attempt() = default;
};

/// What attempts may use. Lives on the probe thread.
class CurlDriver;
struct Context {
  rt::Loop& loop;
  CurlDriver& curl;
};

/// Starts one attempt on the loop's thread. Calls `done` exactly once, later, on that thread, at the latest at
/// `timeout`, and never from within start().
using Done = std::function<void(Outcome)>;
class Kind {
 public:
  virtual ~Kind() = default;
  [[nodiscard]] virtual const char* name() const = 0;
  virtual std::unique_ptr<Attempt> start(const Context& context, const Target& target,
                                         const model::KindOptions& options, Duration timeout, Done done) const = 0;
};

}  // namespace popnet::probe
