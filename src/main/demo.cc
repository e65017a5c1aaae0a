#include "demo/demo.h"

#include <unistd.h>

#include "common/log.h"
#include "main/commands.h"
#include "main/signals.h"
#include "rt/fd.h"

namespace popnet::main {

int demo(const DemoArguments& arguments) {
  const Signals signals{SIGTERM, SIGINT};
  const rt::UniqueFd fd(signals.as_descriptor());
  demo::Options options;
  options.signals = fd.get();
  options.terminal = ::isatty(STDOUT_FILENO) == 1;
  options.length = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(arguments.seconds));
  options.seed = fresh_seed();
  options.program = arguments.program;
  log::set_level(log::Level::error);
  const auto status = demo::run(options);
  return status ? exit_ok : fail(status.error());
}

}  // namespace popnet::main
