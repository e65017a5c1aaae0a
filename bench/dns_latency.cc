// How long a DNS server takes at a given load: sends queries at evenly spaced moments, whether or not those
// before were answered (an open loop, so that a slow server cannot slow the questions), and notes when each
// answer comes. Prints the median, the 99th and the 99.9th percentile in microseconds, and how many queries
// got no answer. Spins on its core.
// usage: dns_latency ADDRESS PORT QUERY-FILE QUERIES-A-SECOND SECONDS    (the file as for dnsperf)
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Message = std::vector<uint8_t>;

constexpr std::chrono::milliseconds patience{500};  // after the last query

Message make_query(const std::string& name) {
  Message message = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  for (size_t begin = 0; begin < name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    message.push_back(static_cast<uint8_t>(end - begin));
    message.insert(message.end(), name.begin() + static_cast<std::ptrdiff_t>(begin),
                   name.begin() + static_cast<std::ptrdiff_t>(end));
    begin = end + 1;
  }
  message.insert(message.end(), {0, 0, 1, 0, 1});
  return message;
}

std::vector<Message> read_queries(const char* file) {
  std::vector<Message> queries;
  std::ifstream lines(file);
  std::string name, type;
  while (lines >> name >> type) queries.push_back(make_query(name));
  return queries;
}

int connect_to(const char* address, const char* port) {
  sockaddr_in remote{};
  remote.sin_family = AF_INET;
  remote.sin_port = htons(static_cast<uint16_t>(std::atoi(port)));
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const int buffer = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (inet_pton(AF_INET, address, &remote.sin_addr) != 1 ||
      connect(fd, reinterpret_cast<sockaddr*>(&remote), sizeof remote) != 0)
    return -1;
  return fd;
}

/// Answers carry the query's number, modulo 2^16, as their id.
struct Run {
  std::vector<Clock::time_point> sent = std::vector<Clock::time_point>(1 << 16);
  std::vector<bool> waiting = std::vector<bool>(1 << 16);
  std::vector<double> took;  // us

  void receive(int fd) {
    uint8_t reply[4096];
    while (recv(fd, reply, sizeof reply, 0) >= 12) {
      const size_t id = static_cast<size_t>(reply[0] << 8 | reply[1]);
      if (!waiting[id]) continue;
      waiting[id] = false;
      took.push_back(std::chrono::duration<double, std::micro>(Clock::now() - sent[id]).count());
    }
  }
  double percentile(double part) {
    if (took.empty()) return 0;
    return took[std::min(took.size() - 1, static_cast<size_t>(part * static_cast<double>(took.size())))];
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  auto queries = read_queries(argv[3]);
  const int fd = connect_to(argv[1], argv[2]);
  if (queries.empty() || fd < 0) return 2;
  const double rate = std::atof(argv[4]), seconds = std::atof(argv[5]);
  const auto count = static_cast<size_t>(rate * seconds);
  Run run;
  const auto start = Clock::now();
  for (size_t i = 0; i < count; ++i) {
    const auto due =
        start + std::chrono::nanoseconds(static_cast<int64_t>(1e9 * static_cast<double>(i) / rate));
    do run.receive(fd);
    while (Clock::now() < due);
    Message& query = queries[i % queries.size()];
    query[0] = static_cast<uint8_t>(i >> 8);
    query[1] = static_cast<uint8_t>(i);
    run.sent[i & 0xffff] = due;  // when it should have gone out: what holds us up counts too
    run.waiting[i & 0xffff] = send(fd, query.data(), query.size(), 0) > 0;
  }
  for (const auto end = Clock::now() + patience; Clock::now() < end;) run.receive(fd);
  std::sort(run.took.begin(), run.took.end());
  std::printf("%.1f %.1f %.1f %zu\n", run.percentile(0.5), run.percentile(0.99), run.percentile(0.999),
              count - run.took.size());
}
