// A flood of DNS queries, for dns_flood_bench.py. Replies are not read.
// usage: dns_flood ADDRESS PORT random-names|spoofed|signed RATE SECONDS      RATE 0: as many as go out
//
//   random-names   names that are not there, from one address
//   spoofed        one name, each query from another loopback address
//   signed         names that are not there, from many addresses, and signatures are asked for (DO)
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

constexpr unsigned batch = 64;
using Clock = std::chrono::steady_clock;

uint64_t chance() {
  static uint64_t state = 1;
  state += 0x9e3779b97f4a7c15ULL;  // SplitMix64
  uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// <label>.bench.test A, with EDNS; DO if `wants_signatures`.
std::string query(const std::string& label, bool wants_signatures) {
  std::string out("\0\0\1\0\0\1\0\0\0\0\0\1", 12);
  for (const std::string& part : {label, std::string("bench"), std::string("test")})
    out += static_cast<char>(part.size()) + part;
  out += std::string("\0\0\1\0\1", 5);
  out += std::string("\0\0\x29\x04\xd0\0\0", 7) + std::string(wants_signatures ? "\x80\0" : "\0\0", 2) +
         std::string("\0\0", 2);
  return out;
}

struct Flood {
  std::string bytes[batch];
  mmsghdr messages[batch] = {};
  iovec parts[batch] = {};
  alignas(cmsghdr) char control[batch][CMSG_SPACE(sizeof(in_pktinfo))] = {};
  sockaddr_in to{};
  int fd = -1;
  uint64_t sent = 0;

  void prepare(const std::string& kind) {
    const bool spoofed = kind != "random-names";
    for (unsigned i = 0; i < batch; ++i) {
      bytes[i] =
          kind == "spoofed" ? query("h1", false) : query("x" + std::to_string(chance()), kind == "signed");
      const auto id = static_cast<uint16_t>(chance());
      std::memcpy(bytes[i].data(), &id, sizeof id);
      parts[i] = {bytes[i].data(), bytes[i].size()};
      msghdr& m = messages[i].msg_hdr;
      m.msg_name = &to;
      m.msg_namelen = sizeof to;
      m.msg_iov = &parts[i];
      m.msg_iovlen = 1;
      if (!spoofed) continue;
      m.msg_control = control[i];
      m.msg_controllen = sizeof control[i];
      cmsghdr* c = CMSG_FIRSTHDR(&m);
      c->cmsg_level = IPPROTO_IP;
      c->cmsg_type = IP_PKTINFO;
      c->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
      in_pktinfo info{};
      info.ipi_spec_dst.s_addr =
          htonl(0x7f000000U | (static_cast<uint32_t>(chance()) & 0x00ffffffU) | 0x00800001U);
      std::memcpy(CMSG_DATA(c), &info, sizeof info);
    }
  }
  void send() {
    for (unsigned at = 0; at < batch;) {
      const int n = sendmmsg(fd, messages + at, batch - at, 0);
      at += n > 0 ? static_cast<unsigned>(n) : 1U;
      sent += n > 0 ? static_cast<uint64_t>(n) : 0U;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  static Flood flood;
  flood.to.sin_family = AF_INET;
  if (argc != 6 || inet_pton(AF_INET, argv[1], &flood.to.sin_addr) != 1) return 2;
  flood.to.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  const std::string kind = argv[3];
  const double rate = std::atof(argv[4]);
  const auto length = std::chrono::duration<double>(std::atof(argv[5]));
  flood.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto start = Clock::now();
  while (Clock::now() - start < length) {
    flood.prepare(kind);
    flood.send();
    if (rate > 0)
      std::this_thread::sleep_until(
          start + std::chrono::duration_cast<Clock::duration>(
                      std::chrono::duration<double>(static_cast<double>(flood.sent) / rate)));
  }
  std::printf("%llu\n", static_cast<unsigned long long>(flood.sent));
  return 0;
}
