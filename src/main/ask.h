// The subcommands that ask a running node over its admin API: status, explain, purge, config, reload.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace popnet::main {

struct AskArguments {
  std::string node = "127.0.0.1:8500";     // admin address
  std::string name, client_network, type;  // explain
  std::string url, prefix, site;           // purge
  std::vector<std::string> tags;
  bool soft = false;
  // config push
  std::string file;
  uint64_t revision = 0;
  bool force = false;
};

/// Adds the subcommands to the command line. `chosen` becomes what is to be run; `arguments` must outlive it.
void add_ask_commands(CLI::App& app, AskArguments& arguments, std::function<int()>& chosen);

}  // namespace popnet::main
