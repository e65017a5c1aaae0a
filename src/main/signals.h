// Signals as events: blocked in every thread, taken one by one by the main thread.
#pragma once

#include <signal.h>

#include <initializer_list>
#include <optional>

#include "common/time.h"

namespace popnet::main {

class Signals {
 public:
  /// Blocks them for this thread and all that it starts later: make it first in main. SIGPIPE is ignored.
  Signals(std::initializer_list<int> numbers);
  /// Waits for the next one; nothing after `timeout`. Without a timeout it waits for ever.
  std::optional<int> next(std::optional<Duration> timeout = std::nullopt);

  /// A signalfd(2) for them, the caller's to close: for event loops.
  [[nodiscard]] int as_descriptor() const;

 private:
  sigset_t set_;
};

}  // namespace popnet::main
