#include "probe/kinds/tcp/connect.h"

#include <utility>

#include "rt/clock.h"
#include "rt/socket.h"

namespace popnet::probe {

std::unique_ptr<Attempt> time_connect(rt::Loop& loop, const Endpoint& remote, Duration timeout,
                                      RoundTripDone done) {
  // The clock itself, not the loop's: what other attempts cost this turn is not the target's latency.
  const TimePoint started = rt::monotonic_now();
  rt::Connecting connecting = rt::begin_connect(remote);
  if (connecting.error != 0) {
    const RoundTrip trip{connecting.error, rt::monotonic_now() - started};
    return std::make_unique<Later>(loop, [done = std::move(done), trip] { done(trip); });
  }
  SocketWait wait{.fd = std::move(connecting.fd),
                  .events = EPOLLOUT,
                  .started = started,
                  .timeout = timeout,
                  .look = [](int fd) { return rt::pending_error(fd); }};
  return wait_for_answer(loop, std::move(wait), std::move(done));
}

}  // namespace popnet::probe
