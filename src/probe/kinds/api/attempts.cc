#include "probe/kinds/api/attempts.h"

#include <cerrno>
#include <utility>

namespace popnet::probe {

namespace {

class Waiting final : public Attempt, rt::Watcher {
 public:
  Waiting(rt::Loop& loop, SocketWait wait, RoundTripDone done)
      : loop_(loop),
        wait_(std::move(wait)),
        done_(std::move(done)),
        deadline_(loop, [this] { finish(too_late_); }) {
    if (loop_.watch(wait_.fd.get(), wait_.events, *this)) {
      deadline_.arm(wait_.started + wait_.timeout);
    } else {
      wait_.fd.reset();
      too_late_ = ENOMEM;  // the kernel has no room to watch it
      deadline_.arm(loop_.now());
    }
  }
  ~Waiting() { close(); }

 private:
  void on_ready(uint32_t /*events*/) override {
    if (const auto error = wait_.look(wait_.fd.get())) finish(*error);
  }

  void finish(int error) {
    close();
    deadline_.cancel();
    const auto done = std::move(done_);  // which may destroy this object
    done({error, loop_.now() - wait_.started});
  }

  void close() {
    if (!wait_.fd.valid()) return;
    loop_.unwatch(wait_.fd.get());
    wait_.fd.reset();
  }

  rt::Loop& loop_;
  SocketWait wait_;
  RoundTripDone done_;
  int too_late_ = ETIMEDOUT;
  rt::Timer deadline_;
};

}  // namespace

std::unique_ptr<Attempt> wait_for_answer(rt::Loop& loop, SocketWait wait, RoundTripDone done) {
  return std::make_unique<Waiting>(loop, std::move(wait), std::move(done));
}

Later::Later(rt::Loop& loop, std::function<void()> call)
    : call_(std::move(call)), timer_(loop, [this] {
        const auto moved = std::move(call_);  // which may destroy this object
        moved();
      }) {
  timer_.arm(loop.now());
}

std::unique_ptr<Attempt> finish_later(rt::Loop& loop, Done done, Outcome outcome) {
  return std::make_unique<Later>(
      loop, [done = std::move(done), outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
}

}  // namespace popnet::probe
