// Open sockets and lines of text from one process to another of the same machine, over a local socket
// (unix(7): SOCK_SEQPACKET, SCM_RIGHTS). Both processes then have the same sockets: what waits in their queues
// is received by whoever asks first, and they live until the last has closed them.
//
// Blocking; any thread, one at a time for each connection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "common/time.h"
#include "rt/fd.h"

namespace popnet::rt {

/// What a listening socket is for.
struct SocketUse {
  std::string what;  // a word: "dns-udp"
  Endpoint asked;    // by the config; with port 0 the kernel has chosen another
  friend bool operator==(const SocketUse&, const SocketUse&) = default;
};
/// A socket that belongs to somebody else.
struct SocketRef {
  SocketUse use;
  int fd = -1;
};

/// Sockets of another process that this one may go on with.
class PassedSockets {
 public:
  void add(SocketUse use, UniqueFd fd) { sockets_.push_back({std::move(use), std::move(fd)}); }
  /// All that are for this; the caller's from now on.
  std::vector<UniqueFd> take(const SocketUse& use);
  [[nodiscard]] bool empty() const { return sockets_.empty(); }
  [[nodiscard]] size_t size() const { return sockets_.size(); }
  /// check_port_free() must not mind the process that these are from.
  [[nodiscard]] bool has_port(uint16_t port) const;

 private:
  struct Passed {
    SocketUse use;
    UniqueFd fd;
  };
  std::vector<Passed> sockets_;
};

inline constexpr size_t passed_at_once_max = 64;  // SCM_MAX_FD is 253

/// Listens at that path, for processes of this user only, in the place of whoever listened there before.
/// ErrorCode::machine.
Result<UniqueFd> listen_local(const std::string& path);
/// ErrorCode::not_found when nobody listens there, ErrorCode::machine else.
Result<UniqueFd> connect_local(const std::string& path);

struct Message {
  std::string text;
  std::vector<UniqueFd> fds;
};
inline constexpr size_t message_bytes_max = 64 * 1024;
/// At most passed_at_once_max descriptors, and `text` not empty, of at most message_bytes_max. ErrorCode::peer.
Status send_message(int socket, std::string_view text, const std::vector<int>& fds = {});
/// Waits for at most `patience`; no end when that is zero. ErrorCode::timeout; ErrorCode::peer when the other
/// end is gone.
Result<Message> receive_message(int socket, Duration patience);

}  // namespace popnet::rt
