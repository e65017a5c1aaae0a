#include "rt/xdp/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace popnet::rt {

Error xdp_error(std::string_view interface, std::string_view what, int error, std::string_view hint) {
  if (hint.empty() && (error == EPERM || error == EACCES))
    hint = " (AF_XDP needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF)";
  if (hint.empty() && (error == ENOBUFS || error == ENOMEM))
    hint = " (not enough memory may be locked: LimitMEMLOCK=infinity, or CAP_IPC_LOCK)";
  return {ErrorCode::machine,
          fmt::format("cannot {} on {}: {}{}", what, interface, std::strerror(error), hint)};
}

}  // namespace popnet::rt
