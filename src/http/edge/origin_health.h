// What the edge learns of an origin from its own requests, between and beyond the probes: one that fails again
// and again is asked last for a while, and comes back slowly.
//
//   in use ──failures_max failures in a row──> ejected, for eject_base × the ejections in a row, at most eject_max
//     ^                                           │ over
//     │                                           v
//     └── return_time without a failure ── returning: asked in its turn by a share of requests that grows
//                                          from 0 to 1; a failure ejects again
//
// Ejected origins are asked when all others have failed. While all are out (a circuit breaker), what may serve stale serves at once,
// and they are asked behind the answer; of other requests so many at once find out whether one answers again (trials_max), and
// more fail at once instead of waiting for the same. One answer ends it.
// Failures are requests without a usable answer, and the answers 502, 503 and 504.
//
// Threading: any thread; races between threads cost a request more or less.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "common/time.h"

namespace popnet::http {

class OriginHealth {
 public:
  static constexpr uint32_t failures_max = 5;
  static constexpr Duration eject_base = std::chrono::seconds(10);
  static constexpr Duration eject_max = std::chrono::seconds(120);
  static constexpr Duration return_time = std::chrono::seconds(30);
  static constexpr uint32_t trials_max = 16;

  /// True when this one ejects it.
  bool failed(TimePoint now) {
    const bool returning = now < in_use_from_.load(std::memory_order_relaxed);
    const uint32_t row = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (ejected(now) || (row < failures_max && !returning)) return false;
    failures_.store(0, std::memory_order_relaxed);
    const uint32_t before = returning ? ejections_in_row_.load(std::memory_order_relaxed) : 0;
    ejections_in_row_.store(before + 1, std::memory_order_relaxed);
    const TimePoint over = now + std::min<Duration>(eject_base * (before + 1), eject_max);
    ejected_until_.store(over, std::memory_order_relaxed);
    in_use_from_.store(over + return_time, std::memory_order_relaxed);
    silent_.store(true, std::memory_order_relaxed);
    ejections_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  void succeeded() {
    if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
    if (silent_.load(std::memory_order_relaxed)) silent_.store(false, std::memory_order_relaxed);
  }

  /// It is another machine from now on: nothing is known of that.
  void forget() {
    failures_.store(0, std::memory_order_relaxed);
    ejections_in_row_.store(0, std::memory_order_relaxed);
    ejected_until_.store(TimePoint::min(), std::memory_order_relaxed);
    in_use_from_.store(TimePoint::min(), std::memory_order_relaxed);
    silent_.store(false, std::memory_order_relaxed);
  }

  [[nodiscard]] bool ejected(TimePoint now) const {
    return now < ejected_until_.load(std::memory_order_relaxed);
  }
  /// Ejected, and has answered nothing since: who can do without it does not wait for it.
  [[nodiscard]] bool out(TimePoint now) const {
    return silent_.load(std::memory_order_relaxed) && now < in_use_from_.load(std::memory_order_relaxed);
  }
  /// The part of the requests that it is asked for in its turn, 0 to 1.
  [[nodiscard]] double share(TimePoint now) const {
    const TimePoint from = in_use_from_.load(std::memory_order_relaxed);
    if (now >= from) return 1;
    if (ejected(now)) return 0;
    return 1 - std::chrono::duration<double>(from - now) / std::chrono::duration<double>(return_time);
  }
  [[nodiscard]] uint64_t ejections() const { return ejections_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint32_t> failures_{0};  // in a row
  std::atomic<uint32_t> ejections_in_row_{0};
  std::atomic<TimePoint> ejected_until_{TimePoint::min()};
  std::atomic<TimePoint> in_use_from_{TimePoint::min()};  // wholly
  std::atomic<uint64_t> ejections_{0};
  std::atomic<bool> silent_{false};  // since it was ejected
};

/// How long an origin took to its first byte, of late: a mean in which each new one counts for a tenth, and which is
/// forgotten by half in each `half_life` without news, so that who was slow once is tried again.
class FirstBytes {
 public:
  static constexpr double weight = 0.1;
  static constexpr Duration half_life = std::chrono::seconds(10);

  void add(TimePoint now, Duration took) {
    const double before = ms(now), new_ms = to_ms(took);
    mean_ms_.store(before > 0 ? before + weight * (new_ms - before) : new_ms, std::memory_order_relaxed);
    at_.store(now, std::memory_order_relaxed);
  }
  void forget() { mean_ms_.store(0, std::memory_order_relaxed); }
  /// 0: not known.
  [[nodiscard]] double ms(TimePoint now) const {
    const double mean = mean_ms_.load(std::memory_order_relaxed);
    const Duration age = now - at_.load(std::memory_order_relaxed);
    if (mean == 0 || age <= half_life / 10) return mean;
    return mean * std::exp2(-to_seconds(age) / to_seconds(half_life));
  }

 private:
  std::atomic<double> mean_ms_{0};
  std::atomic<TimePoint> at_{TimePoint{}};
};

/// How many there are a second, of late: each counts for e^-age. What threads do at the same moment may count once.
class EventRate {
 public:
  /// One more; the rate before it.
  double add(TimePoint now) {
    const Duration age = now - at_.load(std::memory_order_relaxed);
    const double rate = sum_.load(std::memory_order_relaxed) * std::exp(-to_seconds(age));
    sum_.store(rate + 1, std::memory_order_relaxed);
    at_.store(now, std::memory_order_relaxed);
    return rate;
  }

 private:
  std::atomic<double> sum_{0};
  std::atomic<TimePoint> at_{TimePoint{}};
};

/// Bounds what failing origins cost those that still work: retries are a share of the requests, and a few more.
/// One for each thread and site; that thread's.
class alignas(64) RetryBudget {
 public:
  static constexpr double each_request = 0.2;
  static constexpr double each_second = 5;
  static constexpr double most = 50;

  void on_request() { tokens_ = std::min(most, tokens_ + each_request); }
  /// False: not now.
  bool take(TimePoint now) {
    if (at_ != TimePoint{})
      tokens_ = std::min(most, tokens_ + std::chrono::duration<double>(now - at_).count() * each_second);
    at_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double tokens_ = most;
  TimePoint at_{};
};

}  // namespace popnet::http
