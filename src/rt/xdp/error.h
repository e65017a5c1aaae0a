// How errors of AF_XDP and BPF are told.
#pragma once

#include <string_view>

#include "common/result.h"

namespace popnet::rt {

/// "cannot <what> on <interface>: <cause> (<what would help>)". Lack of privilege has a hint of its own.
Error xdp_error(std::string_view interface, std::string_view what, int error, std::string_view hint = {});

}  // namespace popnet::rt
