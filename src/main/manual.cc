#include <cstdio>

#include "config/load/manual.h"
#include "main/commands.h"
#include "node/probe_kinds.h"

namespace popnet::main {

int manual() {
  std::fputs(config::manual(node::probe_kind_tables()).c_str(), stdout);
  return exit_ok;
}

}  // namespace popnet::main
