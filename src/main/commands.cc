#include "main/commands.h"

#include <cstdio>
#include <random>

namespace popnet::main {

int exit_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::usage:
      return exit_usage;
    case ErrorCode::machine:
    case ErrorCode::unavailable:
    case ErrorCode::peer:
    case ErrorCode::timeout:
      return exit_machine;
    case ErrorCode::invalid:
    case ErrorCode::not_found:
    case ErrorCode::conflict:
      return exit_input;
  }
  return exit_input;
}

uint64_t fresh_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

int fail(const Error& error) {
  std::fprintf(stderr, "popnet: %s\n", error.message.c_str());
  return exit_code(error);
}

}  // namespace popnet::main
