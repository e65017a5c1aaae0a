// The subcommands of popnet, one file each. Every one returns the process's exit code (contract: 0 fine, 1
// the input was wrong, 2 the usage was wrong, 3 the machine refused) and has printed one clear line to stderr
// when it is not 0.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace popnet::main {

inline constexpr int exit_ok = 0;
inline constexpr int exit_input = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_machine = 3;

int exit_code(const Error& error);
/// Prints "popnet: <message>" to stderr and gives the exit code.
int fail(const Error& error);

struct ConfigArguments {
  std::string file;
  std::vector<std::string> sets;  // "path=value"
};

struct ServeArguments {
  ConfigArguments config;
  bool replace = false;
};

struct DemoArguments {
  double seconds = 0;   // 0 = until a signal
  std::string program;  // how popnet was called
};

struct KeysArguments {
  enum class What { list, ds_seen, ds_remove, ds_keep, roll };
  ConfigArguments config;
  What what = What::list;
  std::string zone;
  int tag = -1;  // of one key; -1 = all that sign
};

/// From the kernel's random device: every process has its own chance.
uint64_t fresh_seed();

int serve(const ServeArguments& arguments);
int check(const ConfigArguments& arguments);
int keys(const KeysArguments& arguments);
int manual();
int demo(const DemoArguments& arguments);

}  // namespace popnet::main
