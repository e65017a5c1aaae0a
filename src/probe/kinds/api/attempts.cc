#include "probe/kinds/api/attempts.h"

#include <utility>

namespace popnet::probe {

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
