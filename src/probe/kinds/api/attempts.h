// Small attempts that several kinds need.
#pragma once

#include <functional>
#include <memory>

#include "common/time.h"
#include "probe/kinds/api/kind.h"
#include "rt/loop.h"

namespace popnet::probe {

/// One measured round trip, before it is put in words.
struct RoundTrip {
  int error = 0;    // 0, or an errno value; ETIMEDOUT when nothing came in time
  Duration took{};  // until the answer, good or bad, came
};
using RoundTripDone = std::function<void(RoundTrip)>;

/// Calls `call` once in a later moment of the loop: for attempts that know their end when they start.
class Later final : public Attempt {
 public:
  Later(rt::Loop& loop, std::function<void()> call);

 private:
  std::function<void()> call_;
  rt::Timer timer_;
};

std::unique_ptr<Attempt> finish_later(rt::Loop& loop, Done done, Outcome outcome);

}  // namespace popnet::probe
