// Sockets: making them, and the conversions between Endpoint and the kernel's address structures. All sockets
// are non-blocking and close-on-exec. Errors name the address and the cause in plain words.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "common/ip.h"
#include "common/result.h"
#include "rt/fd.h"

namespace popnet::rt {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint);
  [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// REQUIRES: an AF_INET or AF_INET6 address
Endpoint to_endpoint(const sockaddr_storage& address);

/// SO_REUSEPORT lets several of our threads share a port, and would let a second popnet share it unseen.
/// Called once before a server's first socket, this says whether somebody listens there already.
/// ErrorCode::machine.
Status check_port_free(bool tcp, const Endpoint& local);

/// A listening TCP socket with SO_REUSEPORT (one a thread) and TCP_NODELAY for what it accepts.
/// ErrorCode::machine.
Result<UniqueFd> listen_tcp(const Endpoint& local, int backlog = 4096);
/// A bound UDP socket with SO_REUSEPORT. `blocking` for threads that do nothing else. ErrorCode::machine.
Result<UniqueFd> bind_udp(const Endpoint& local, bool blocking = false);
/// Starts to connect; wait for EPOLLOUT, then ask pending_error(). For who needs the kernel's own word (an
/// errno value) on why it failed, such as probes. `fd` is invalid when it failed at once; `error` says why.
struct Connecting {
  UniqueFd fd;
  int error = 0;
};
/// `from`: the local address; none: as the kernel chooses.
Connecting begin_connect(const Endpoint& remote, const std::optional<IpAddress>& from = std::nullopt);
/// SO_ERROR of a socket: 0, or an errno value, which is then cleared.
int pending_error(int fd);

/// Starts to connect; wait for EPOLLOUT, then ask connect_error(). ErrorCode::peer, or machine where we have
/// no socket.
Result<UniqueFd> connect_tcp(const Endpoint& remote, const std::optional<IpAddress>& from = std::nullopt);
/// How the connect ended.
Status connect_error(int fd, const Endpoint& remote);
/// The address a socket is bound to (to learn a port given by the kernel).
Endpoint local_endpoint(int fd);

}  // namespace popnet::rt
