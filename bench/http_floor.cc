// The least an HTTP server can do for a hit: epoll_wait, recv, send of a ready answer; nothing is parsed.
// What http_bench.py compares with. usage: http_floor ADDRESS PORT BODY_BYTES
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

int listen_on(const char* address, const char* port) {
  sockaddr_in local{};
  local.sin_family = AF_INET;
  if (inet_pton(AF_INET, address, &local.sin_addr) != 1) return -1;
  local.sin_port = htons(static_cast<uint16_t>(std::atoi(port)));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0 || listen(fd, 1024) != 0) return -1;
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int listener = listen_on(argv[1], argv[2]);
  if (listener < 0) {
    std::perror("http_floor: listen");
    return 3;
  }
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ";
  answer += std::string(argv[3]) + "\r\n\r\n" + std::string(static_cast<size_t>(std::atol(argv[3])), 'x');

  const int epoll = epoll_create1(0);
  const auto control = [epoll](int operation, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll, operation, fd, &event);
  };
  control(EPOLL_CTL_ADD, listener, EPOLLIN);
  std::vector<size_t> left;  // by descriptor: bytes of the answer that the socket has not taken
  static char request[64 * 1024];
  static epoll_event ready[256];
  for (;;) {
    const int count = epoll_wait(epoll, ready, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == listener) {
        const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (client < 0) continue;
        if (left.size() <= static_cast<size_t>(client)) left.resize(static_cast<size_t>(client) + 1);
        left[static_cast<size_t>(client)] = 0;
        control(EPOLL_CTL_ADD, client, EPOLLIN);
        continue;
      }
      size_t& owed = left[static_cast<size_t>(fd)];
      const bool waited = owed > 0;
      if (!waited) {
        if (recv(fd, request, sizeof request, 0) <= 0) {
          close(fd);
          continue;
        }
        owed = answer.size();
      }
      const ssize_t sent = send(fd, answer.data() + answer.size() - owed, owed, MSG_NOSIGNAL);
      if (sent > 0) owed -= static_cast<size_t>(sent);
      if (waited != (owed > 0)) control(EPOLL_CTL_MOD, fd, owed > 0 ? EPOLLOUT : EPOLLIN);
    }
  }
}
