// How long an origin has taken: from when we begin to connect, or, where a connection is kept, from when the request leaves, until
// its answer is there. What keeps this thread between the connection and the request is nothing that the origin could help.
//
//   begin ── it takes the connection, and shakes hands ──> connected ── others' turn ──> leaves ── it works ──> now
//
// All times but that of leaves() are those of turns of the loop (rt/loop.h), which stand still meanwhile: the request may leave
// after the time of its turn. RFC 9111 section 4.2.3 (request_time, response_delay).
#pragma once

#include <algorithm>
#include <utility>

#include "common/time.h"

namespace popnet::http {

class OriginTime {
 public:
  /// Of a connection, be it new or kept.
  void begin(TimePoint now) {
    since_ = connected_ = now;
    left_ = false;
  }
  void connected(TimePoint now) { connected_ = now; }
  /// By the clock. Where the origin does not take the request at once it may be told again: the first time counts.
  void leaves(TimePoint at) {
    if (!std::exchange(left_, true)) since_ += at - connected_;
  }
  /// Never later than now.
  [[nodiscard]] TimePoint since(TimePoint now) const { return std::min(since_, now); }
  [[nodiscard]] Duration took(TimePoint now) const { return now - since(now); }

 private:
  TimePoint since_{};
  TimePoint connected_{};
  bool left_ = false;
};

}  // namespace popnet::http
