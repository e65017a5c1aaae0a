// Measures the round trip from this POP to client DNS servers that have asked: an ICMP echo, and where no
// reply comes, a TCP connect to port 53, whose refusal is a round trip too. One measurement stands for a
// whole client network.
//
// Belongs to the loop's thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <span>

#include "common/counter.h"
#include "common/ip.h"
#include "model/config.h"
#include "probe/kinds/api/attempts.h"
#include "probe/runner/measure_budget.h"
#include "rt/loop.h"

namespace popnet::probe {

class ClientLatency {
 public:
  /// Measurements under way at most; more are dropped.
  static constexpr size_t running_max = 1024;

  struct Measured {
    Prefix network;
    const char* how;  // "icmp" or "tcp"
    double rtt_ms;
  };
  using Sink = std::function<void(const Measured&)>;

  ClientLatency(rt::Loop& loop, Sink sink) : loop_(loop), sink_(std::move(sink)) {}

  /// Takes effect with the next measurement.
  void configure(const model::ClientLatency& options);
  /// Starts measuring those whose network's time has come, within the budget.
  void measure(std::span<const IpAddress> resolvers);

  struct Counts {
    Counter started;
    Counter by_icmp;
    Counter by_tcp;
    Counter silent;  // neither echo nor TCP
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Running {
    Prefix network;
    IpAddress resolver;
    std::unique_ptr<Attempt> attempt;
  };
  using Place = std::list<Running>::iterator;

  void start(const Prefix& network, const IpAddress& resolver);
  void after_echo(Place place, const RoundTrip& trip);
  void after_connect(Place place, const RoundTrip& trip);
  void finish(Place place, const char* how, const RoundTrip& trip);

  rt::Loop& loop_;
  Sink sink_;
  model::ClientLatency options_;
  MeasureBudget budget_;
  std::list<Running> running_;
  Counts counts_;
};

}  // namespace popnet::probe
