// What `serve` does so that another process of it can follow: starting that process itself, and telling systemd.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace popnet::main {

/// The command line of this process. Made at start: the program may be another file later, which is the point.
class Successor {
 public:
  Successor();
  /// Starts the program again, with --replace. Its process id. ErrorCode::machine.
  [[nodiscard]] Result<pid_t> start() const;

 private:
  std::string program_;
  std::vector<std::string> arguments_;
};

/// Says something to the supervisor, if there is one (sd_notify(3)): "READY=1". Lost when it does not listen.
void notify_supervisor(std::string_view state);

}  // namespace popnet::main
