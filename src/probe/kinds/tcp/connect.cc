#include "probe/kinds/tcp/connect.h"

#include <cerrno>
#include <utility>

#include "rt/clock.h"
#include "rt/socket.h"

namespace popnet::probe {

namespace {

class Connect final : public Attempt, rt::Watcher {
 public:
  Connect(rt::Loop& loop, rt::UniqueFd fd, TimePoint started, Duration timeout, RoundTripDone done)
      : loop_(loop), fd_(std::move(fd)), started_(started), done_(std::move(done)), deadline_(loop, [this] {
          finish(ETIMEDOUT);
        }) {
    loop_.watch(fd_.get(), EPOLLOUT, *this);
    deadline_.arm(started_ + timeout);
  }
  ~Connect() { close(); }

 private:
  void on_ready(uint32_t /*events*/) override { finish(rt::pending_error(fd_.get())); }

  void finish(int error) {
    close();
    deadline_.cancel();
    const auto done = std::move(done_);  // which may destroy this object
    done({error, loop_.now() - started_});
  }

  void close() {
    if (!fd_.valid()) return;
    loop_.unwatch(fd_.get());
    fd_.reset();
  }

  rt::Loop& loop_;
  rt::UniqueFd fd_;
  const TimePoint started_;
  RoundTripDone done_;
  rt::Timer deadline_;
};

}  // namespace

std::unique_ptr<Attempt> time_connect(rt::Loop& loop, const Endpoint& remote, Duration timeout,
                                      RoundTripDone done) {
  // The clock itself, not the loop's: what other attempts cost this turn is not the target's latency.
  const TimePoint started = rt::monotonic_now();
  rt::Connecting connecting = rt::begin_connect(remote);
  if (connecting.error == 0)
    return std::make_unique<Connect>(loop, std::move(connecting.fd), started, timeout, std::move(done));
  const RoundTrip trip{connecting.error, rt::monotonic_now() - started};
  return std::make_unique<Later>(loop, [done = std::move(done), trip] { done(trip); });
}

}  // namespace popnet::probe
