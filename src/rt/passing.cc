#include "rt/passing.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace popnet::rt {

namespace {

constexpr mode_t owner_only = 0600;

Error machine_error(std::string_view what, const std::string& path, int error) {
  return {ErrorCode::machine, fmt::format("cannot {} {}: {}", what, path, std::strerror(error))};
}

Result<sockaddr_un> local_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{ErrorCode::machine, fmt::format("{}: a local socket's path has at most {} characters", path,
                                                 sizeof address.sun_path - 1)};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

UniqueFd make_socket() {
  return UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

}  // namespace

std::vector<UniqueFd> PassedSockets::take(const SocketUse& use) {
  std::vector<UniqueFd> taken;
  for (Passed& passed : sockets_)
    if (passed.use == use) taken.push_back(std::move(passed.fd));
  std::erase_if(sockets_, [](const Passed& passed) { return !passed.fd.valid(); });
  return taken;
}

bool PassedSockets::has_port(uint16_t port) const {
  return std::ranges::any_of(sockets_, [port](const Passed& p) { return p.use.asked.port == port; });
}

Result<UniqueFd> listen_local(const std::string& path) {
  const std::string fresh = path + ".new";
  const auto address = local_address(fresh);
  if (!address) return address.error();
  UniqueFd fd = make_socket();
  if (!fd.valid()) return machine_error("make a socket for", path, errno);
  ::unlink(fresh.c_str());
  fchmod(fd.get(),
         owner_only);  // the mode that bind() gives the file, umask taken off: never wider, not for a moment
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::chmod(fresh.c_str(), owner_only) != 0 || listen(fd.get(), 8) != 0 ||
      std::rename(fresh.c_str(), path.c_str()) != 0)
    return machine_error("listen at", path, errno);
  return fd;
}

Result<UniqueFd> connect_local(const std::string& path) {
  const auto address = local_address(path);
  if (!address) return address.error();
  UniqueFd fd = make_socket();
  if (!fd.valid()) return machine_error("make a socket for", path, errno);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) return fd;
  if (errno == ENOENT || errno == ECONNREFUSED)
    return Error{ErrorCode::not_found, fmt::format("nobody listens at {}", path)};
  return machine_error("connect to", path, errno);
}

Status send_message(int socket, std::string_view text, const std::vector<int>& fds) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * passed_at_once_max)] = {};
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    const size_t bytes = sizeof(int) * std::min(fds.size(), passed_at_once_max);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(rights), fds.data(), bytes);
  }
  for (;;) {
    if (sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return {};
    if (errno != EINTR) return Error{ErrorCode::peer, std::strerror(errno)};
  }
}

Result<Message> receive_message(int socket, Duration patience) {
  pollfd ready{socket, POLLIN, 0};
  const int wait = patience == Duration::zero() ? -1 : static_cast<int>(to_ms(patience));
  int polled;
  while ((polled = poll(&ready, 1, wait)) < 0 && errno == EINTR) continue;
  if (polled == 0) return Error{ErrorCode::timeout, "the other process said nothing in time"};

  Message received;
  received.text.resize(message_bytes_max);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * passed_at_once_max)] = {};
  iovec part{received.text.data(), received.text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n;
  // The other end has closed without having read all: what it has said is behind this error.
  bool was_reset = false;
  while ((n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 &&
         (errno == EINTR || (errno == ECONNRESET && !std::exchange(was_reset, true))))
    continue;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); n >= 0 && c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  if (n <= 0) return Error{ErrorCode::peer, n == 0 ? "the other process has ended" : std::strerror(errno)};
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
    return Error{ErrorCode::peer,
                 "a message was cut: too many files are open (ulimit -n), or it is not popnet"};
  received.text.resize(static_cast<size_t>(n));
  return received;
}

}  // namespace popnet::rt
