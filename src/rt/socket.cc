#include "rt/socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

namespace popnet::rt {

namespace {

Error machine_error(std::string_view what, const Endpoint& at, int error) {
  std::string_view hint;
  if (error == EADDRINUSE) hint = " (another program uses this port; stop it or choose another address)";
  if (error == EADDRNOTAVAIL) hint = " (this machine does not have that address)";
  if (error == EACCES) hint = " (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
  return {ErrorCode::machine,
          fmt::format("cannot {} {}: {}{}", what, at.to_string(), std::strerror(error), hint)};
}

/// Why there was no local address and port for it: true when ports are used up; false when nothing here leads to it, as where
/// IPv6 is switched off. The ports of UDP are others.
bool lacks_a_port(const Endpoint& remote) {
  const SocketAddress address(remote);
  const UniqueFd other(socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return other.valid() && connect(other.get(), address.raw(), address.length) == 0;
}

Error connect_failure(const Endpoint& remote, int error) {
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
    return machine_error("make a socket for", remote, error);
  const bool ours = error == EADDRNOTAVAIL && lacks_a_port(remote);
  return {ours ? ErrorCode::machine : ErrorCode::peer,
          fmt::format("cannot connect to {}: {}{}", remote.to_string(), std::strerror(error),
                      ours ? " (no port is free here, or the local address is not of this machine)" : "")};
}

void set_option(int fd, int level, int name) {
  const int on = 1;
  setsockopt(fd, level, name, &on, sizeof on);
}

Result<UniqueFd> bind_socket(int type, const Endpoint& local) {
  const SocketAddress address(local);
  UniqueFd fd(socket(address.storage.ss_family, type | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return machine_error("make a socket for", local, errno);
  if (type & SOCK_STREAM) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  if (!local.address.is_v4()) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (bind(fd.get(), address.raw(), address.length) != 0) return machine_error("listen on", local, errno);
  return fd;
}

}  // namespace

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    auto* in = reinterpret_cast<sockaddr_in*>(&storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(endpoint.port);
    std::memcpy(&in->sin_addr, bytes.data(), 4);
    length = sizeof *in;
  } else {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(endpoint.port);
    std::memcpy(&in6->sin6_addr, bytes.data(), 16);
    length = sizeof *in6;
  }
}

Endpoint to_endpoint(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    return {IpAddress::from_bytes({reinterpret_cast<const uint8_t*>(&in.sin_addr), 4}), ntohs(in.sin_port)};
  }
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address);
  return {IpAddress::from_bytes({reinterpret_cast<const uint8_t*>(&in6.sin6_addr), 16}),
          ntohs(in6.sin6_port)};
}

Status check_port_free(bool tcp, const Endpoint& local) {
  if (local.port == 0) return {};
  const SocketAddress address(local);
  const UniqueFd probe(socket(address.storage.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (tcp) set_option(probe.get(), SOL_SOCKET, SO_REUSEADDR);
  if (!local.address.is_v4()) set_option(probe.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (bind(probe.get(), address.raw(), address.length) != 0) return machine_error("listen on", local, errno);
  return {};
}

Result<UniqueFd> listen_tcp(const Endpoint& local, int backlog) {
  auto fd = bind_socket(SOCK_STREAM | SOCK_NONBLOCK, local);
  if (!fd) return fd;
  set_option(fd->get(), IPPROTO_TCP, TCP_NODELAY);  // inherited by accepted sockets
  if (listen(fd->get(), backlog) != 0) return machine_error("listen on", local, errno);
  return fd;
}

Result<UniqueFd> bind_udp(const Endpoint& local, bool blocking) {
  return bind_socket(SOCK_DGRAM | (blocking ? 0 : SOCK_NONBLOCK), local);
}

Connecting begin_connect(const Endpoint& remote, const std::optional<IpAddress>& from) {
  const SocketAddress address(remote);
  UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return {{}, errno};
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  if (from) {
    const SocketAddress local({*from, 0});
    set_option(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);  // else a port is taken from all destinations
    if (bind(fd.get(), local.raw(), local.length) != 0) return {{}, errno};
  }
  if (connect(fd.get(), address.raw(), address.length) != 0 && errno != EINPROGRESS) return {{}, errno};
  return {std::move(fd), 0};
}

int pending_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

Result<UniqueFd> connect_tcp(const Endpoint& remote, const std::optional<IpAddress>& from) {
  Connecting connecting = begin_connect(remote, from);
  if (connecting.error != 0) return connect_failure(remote, connecting.error);
  return std::move(connecting.fd);
}

Status connect_error(int fd, const Endpoint& remote) {
  const int error = pending_error(fd);
  if (error == 0) return {};
  return connect_failure(remote, error);
}

Endpoint local_endpoint(int fd) {
  SocketAddress address;
  address.length = sizeof address.storage;
  getsockname(fd, address.raw(), &address.length);
  return to_endpoint(address.storage);
}

}  // namespace popnet::rt
