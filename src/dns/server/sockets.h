// The listening sockets of one address: taken from a process before this one as far as that had them, bound
// anew as far as there are more threads. Each call is for start-up, on any thread.
#pragma once

#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "dns/server/answer.h"
#include "rt/fd.h"
#include "rt/passing.h"

namespace popnet::dns {

struct ListeningSockets {
  Endpoint asked, endpoint;            // differ where the kernel has chosen the port
  std::vector<rt::UniqueFd> udp, tcp;  // at least one each thread; `udp` may be empty
  Transport stream = Transport::tcp;   // what `tcp` speaks

  [[nodiscard]] std::vector<rt::SocketRef> refs() const;
};

/// UDP and TCP at the same port. ErrorCode::machine.
Result<ListeningSockets> bind_plain(const Endpoint& asked, int threads, rt::PassedSockets& passed);
/// ErrorCode::machine.
Result<ListeningSockets> bind_tls(const Endpoint& asked, int threads, rt::PassedSockets& passed);

}  // namespace popnet::dns
