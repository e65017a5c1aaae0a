#include "probe/kinds/icmp/echo.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "rt/clock.h"
#include "rt/fd.h"
#include "rt/socket.h"

namespace popnet::probe {

namespace {

// Type, code, checksum (the kernel's work), identifier (the kernel's choice), sequence number: 8 bytes, then
// ours.
constexpr size_t header_size = 8;
constexpr std::string_view payload = "popnet latency measurement";
using Packet = std::array<uint8_t, header_size + payload.size()>;

Packet echo_request(bool v4) {
  Packet packet{};
  packet[0] = v4 ? uint8_t{ICMP_ECHO} : uint8_t{ICMP6_ECHO_REQUEST};
  packet[7] = 1;
  std::memcpy(packet.data() + header_size, payload.data(), payload.size());
  return packet;
}

bool is_reply(bool v4, std::span<const uint8_t> bytes) {
  const uint8_t type = v4 ? uint8_t{ICMP_ECHOREPLY} : uint8_t{ICMP6_ECHO_REPLY};
  const Packet request = echo_request(v4);
  return bytes.size() == request.size() && bytes[0] == type &&
         std::memcmp(bytes.data() + 6, request.data() + 6, request.size() - 6) == 0;
}

/// What came in: 0 for our reply, an errno value for a bad answer, nothing for anything else.
std::optional<int> look_for_reply(int fd, bool v4) {
  uint8_t bytes[256];
  const auto size = ::recv(fd, bytes, sizeof bytes, 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? std::nullopt : std::optional(errno);
  return is_reply(v4, {bytes, static_cast<size_t>(size)}) ? std::optional(0) : std::nullopt;
}

/// Asks the kernel to report ICMP errors for this socket (off by default for ping sockets).
void want_errors(int fd, bool v4) {
  const int on = 1;
  if (v4) setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  if (!v4) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
}

/// 0, or an errno value.
int send_request(int fd, const IpAddress& remote) {
  const rt::SocketAddress address({remote, 0});
  if (connect(fd, address.raw(), address.length) != 0) return errno;
  const Packet packet = echo_request(remote.is_v4());
  return send(fd, packet.data(), packet.size(), MSG_NOSIGNAL) < 0 ? errno : 0;
}

}  // namespace

std::unique_ptr<Attempt> time_echo(rt::Loop& loop, const IpAddress& remote, Duration timeout,
                                   RoundTripDone done) {
  const bool v4 = remote.is_v4();
  rt::UniqueFd fd(socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                         v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6}));
  int error = fd.valid() ? 0 : errno;
  if (error == 0) want_errors(fd.get(), v4);
  const TimePoint started = rt::monotonic_now();
  if (error == 0) error = send_request(fd.get(), remote);
  if (error != 0)
    return std::make_unique<Later>(loop, [done = std::move(done), error] { done({error, {}}); });
  SocketWait wait{.fd = std::move(fd),
                  .events = EPOLLIN,
                  .started = started,
                  .timeout = timeout,
                  .look = [v4](int socket) { return look_for_reply(socket, v4); }};
  return wait_for_answer(loop, std::move(wait), std::move(done));
}

}  // namespace popnet::probe
