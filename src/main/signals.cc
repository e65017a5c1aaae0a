#include "main/signals.h"

#include <sys/signalfd.h>

#include <cerrno>

namespace popnet::main {

Signals::Signals(std::initializer_list<int> numbers) {
  sigemptyset(&set_);
  for (const int number : numbers) sigaddset(&set_, number);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

std::optional<int> Signals::next(std::optional<Duration> timeout) {
  for (;;) {
    int number;
    if (timeout) {
      const timespec wait{timeout->count() / 1'000'000'000, timeout->count() % 1'000'000'000};
      number = sigtimedwait(&set_, nullptr, &wait);
    } else {
      number = sigwaitinfo(&set_, nullptr);
    }
    if (number > 0) return number;
    if (errno != EINTR) return std::nullopt;
  }
}

int Signals::as_descriptor() const {
  return signalfd(-1, &set_, SFD_NONBLOCK | SFD_CLOEXEC);
}

}  // namespace popnet::main
