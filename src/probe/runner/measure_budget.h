// What the measuring of client networks may cost: each network once an interval, and a token bucket over all.
// Pure: time is an argument. One thread.
#pragma once

#include <deque>
#include <unordered_map>
#include <utility>

#include "common/ip.h"
#include "common/time.h"

namespace popnet::probe {

class MeasureBudget {
 public:
  /// Networks remembered at most. Addresses come from strangers, so the table is bounded: when it is full the
  /// network measured longest ago is forgotten, and may be measured again before its interval is over.
  static constexpr size_t networks_max = 65536;

  /// `rate_max` measurements a second, with bursts of one second's worth; each network once an `interval`.
  void configure(double rate_max, Duration interval);

  /// Whether a measurement of `network` may start now; it is then counted. `now` never goes back.
  bool take(const Prefix& network, TimePoint now);

  [[nodiscard]] size_t remembered() const { return started_.size(); }

 private:
  void forget_old(TimePoint now);
  bool take_token(TimePoint now);

  double rate_max_ = 0;
  Duration interval_{};
  double tokens_ = 0;
  TimePoint refilled_{};
  bool refilled_once_ = false;
  std::unordered_map<Prefix, TimePoint> started_;
  std::deque<Prefix> order_;  // by start, oldest first
};

}  // namespace popnet::probe
