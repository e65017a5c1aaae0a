#include "dns/server/sockets.h"

#include "dns/server/udp.h"
#include "rt/socket.h"

namespace popnet::dns {

namespace {

constexpr int port_attempts = 16;  // for a port that is free for both UDP and TCP
constexpr const char* udp_use = "dns-udp";
constexpr const char* tcp_use = "dns-tcp";
constexpr const char* tls_use = "dns-tls";

Status check_free(bool tcp, const Endpoint& at, const rt::PassedSockets& passed) {
  return passed.has_port(at.port) ? Status() : rt::check_port_free(tcp, at);
}

/// Binds what is missing to one socket each thread.
Status complete(ListeningSockets& sockets, size_t threads, bool with_udp) {
  const auto add = [&](std::vector<rt::UniqueFd>& to, Result<rt::UniqueFd> socket) -> Status {
    if (!socket) return socket.error();
    sockets.endpoint = rt::local_endpoint(socket->get());
    to.push_back(std::move(*socket));
    return {};
  };
  while (with_udp && sockets.udp.size() < threads)
    if (auto added = add(sockets.udp, open_udp(sockets.endpoint)); !added) return added;
  while (sockets.tcp.size() < threads)
    if (auto added = add(sockets.tcp, rt::listen_tcp(sockets.endpoint)); !added) return added;
  return {};
}

ListeningSockets begin(const Endpoint& asked, std::vector<rt::UniqueFd> udp, std::vector<rt::UniqueFd> tcp) {
  ListeningSockets sockets;
  sockets.asked = sockets.endpoint = asked;
  sockets.udp = std::move(udp);
  sockets.tcp = std::move(tcp);
  if (!sockets.tcp.empty()) sockets.endpoint = rt::local_endpoint(sockets.tcp.front().get());
  return sockets;
}

}  // namespace

std::vector<rt::SocketRef> ListeningSockets::refs() const {
  std::vector<rt::SocketRef> refs;
  for (const rt::UniqueFd& fd : udp) refs.push_back({{udp_use, asked}, fd.get()});
  for (const rt::UniqueFd& fd : tcp)
    refs.push_back({{stream == Transport::tls ? tls_use : tcp_use, asked}, fd.get()});
  return refs;
}

Result<ListeningSockets> bind_plain(const Endpoint& asked, int threads, rt::PassedSockets& passed) {
  ListeningSockets sockets = begin(asked, passed.take({udp_use, asked}), passed.take({tcp_use, asked}));
  const bool may_try_again = asked.port == 0 && sockets.tcp.empty();
  if (sockets.tcp.empty())
    for (const bool tcp : {false, true})
      if (auto free = check_free(tcp, asked, passed); !free) return free.error();
  for (int attempt = 1;; ++attempt) {
    const Status bound = complete(sockets, static_cast<size_t>(threads), true);
    if (bound) return sockets;
    if (attempt == port_attempts || !may_try_again) return bound.error();
    sockets = begin(asked, {}, {});
  }
}

Result<ListeningSockets> bind_tls(const Endpoint& asked, int threads, rt::PassedSockets& passed) {
  ListeningSockets sockets = begin(asked, {}, passed.take({tls_use, asked}));
  sockets.stream = Transport::tls;
  if (sockets.tcp.empty())
    if (auto free = check_free(true, asked, passed); !free) return free.error();
  if (auto bound = complete(sockets, static_cast<size_t>(threads), false); !bound) return bound.error();
  return sockets;
}

}  // namespace popnet::dns
