// The prober of a node: one thread that measures every origin of every site, every other POP, its own
// machine, and the round trip to client DNS servers that have asked. It decides nothing: samples with the
// verdicts of rise and fall go to the sink it was given.
//
// What is probed follows the config (probe/runner/plan.h); a probe keeps its state over a change of config as
// long as its target stays what it is. First attempts are spread over a second, so that verdicts come soon
// after the start but not all in one moment.
//
// Threading: every public call is thread safe. The sink is called on the probe thread and must not block.
// After stop() it is not called.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/counter.h"
#include "common/ip.h"
#include "common/time.h"
#include "model/config.h"
#include "model/metrics.h"
#include "probe/health/health.h"
#include "probe/kinds/api/kind.h"
#include "rt/loop.h"

namespace popnet::probe {

class Runner {
 public:
  /// Samples in the order they were made. `urgent`: a verdict has changed; otherwise a few times a second.
  using Sink = std::function<void(std::vector<model::ProbeSample> samples, bool urgent)>;

  struct Parts {
    /// Makes the kinds, for attempts on that loop. They go before it does.
    std::function<std::vector<std::unique_ptr<Kind>>(rt::Loop&)> kinds;
    Sink sink;
    uint64_t seed = 0;
  };

  /// Starts the thread. Nothing is probed before the first publish().
  explicit Runner(Parts parts);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// Probes what this config says from now on.
  void publish(std::shared_ptr<const model::Config> config);

  /// These resolvers asked: their networks are measured when their time has come (see ClientLatency in the
  /// config). Lossy: what is too much is dropped.
  void measure(std::vector<IpAddress> resolvers);

  [[nodiscard]] std::vector<CounterValue> counters() const;

  /// Cancels what runs and ends the thread. Safe to call twice.
  void stop();

 private:
  class Work;  // what lives on the thread

  std::unique_ptr<Work> work_;
  std::thread thread_;
};

}  // namespace popnet::probe
