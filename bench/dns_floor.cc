// The least a UDP server that answers in batches can do: recvmmsg, turn QR on, sendmmsg. What dns_bench.py compares with.
// usage: dns_floor ADDRESS PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  constexpr unsigned batch = 64;
  static uint8_t bytes[batch][4160];
  static mmsghdr messages[batch];
  static iovec parts[batch];
  static sockaddr_in peers[batch];

  sockaddr_in local{};
  local.sin_family = AF_INET;
  if (argc != 3 || inet_pton(AF_INET, argv[1], &local.sin_addr) != 1) return 2;
  local.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int buffer = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) {
    std::perror("dns_floor: bind");
    return 3;
  }
  for (;;) {
    for (unsigned i = 0; i < batch; ++i) {
      parts[i] = {bytes[i], sizeof bytes[i]};
      messages[i].msg_hdr.msg_name = &peers[i];
      messages[i].msg_hdr.msg_namelen = sizeof peers[i];
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int received = recvmmsg(fd, messages, batch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < received; ++i) {
      bytes[i][2] |= 0x80;
      parts[i].iov_len = messages[i].msg_len;
    }
    for (int sent = 0; sent < received;) {
      const int n = sendmmsg(fd, messages + sent, static_cast<unsigned>(received - sent), 0);
      sent += n > 0 ? n : 1;
    }
  }
}
