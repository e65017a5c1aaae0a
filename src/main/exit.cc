#include <cstdio>

#include "main/commands.h"

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
      return exit_input;
  }
  return exit_input;
}

int fail(const Error& error) {
  std::fprintf(stderr, "popnet: %s\n", error.message.c_str());
  return exit_code(error);
}

}  // namespace popnet::main
