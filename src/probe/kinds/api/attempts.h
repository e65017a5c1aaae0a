// Small attempts that several kinds need.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "common/time.h"
#include "probe/kinds/api/kind.h"
#include "rt/fd.h"
#include "rt/loop.h"

namespace popnet::probe {

/// One measured round trip, before it is put in words.
struct RoundTrip {
  int error = 0;    // 0, or an errno value; ETIMEDOUT when nothing came in time
  Duration took{};  // until the answer, good or bad, came
};
using RoundTripDone = std::function<void(RoundTrip)>;

/// Waits for what a socket of one's own has been asked.
struct SocketWait {
  rt::UniqueFd fd;
  uint32_t events = 0;  // EPOLLIN or EPOLLOUT
  TimePoint started{};  // the round trip counts from here
  Duration timeout{};
  /// Asked whenever the socket is ready: an errno value (0 = a good answer) ends the wait, nothing goes on
  /// with it.
  std::function<std::optional<int>(int fd)> look;
};
std::unique_ptr<Attempt> wait_for_answer(rt::Loop& loop, SocketWait wait, RoundTripDone done);

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
