// GET requests over keep-alive connections, all from one thread, and how long each answer took: what bench/run measures
// latency and misses with.
//
//   without --rate   each connection asks again as soon as its answer is complete
//   with --rate N    requests fall due at random moments, N a second on average (exponential gaps). One that finds no free
//                    connection waits for one, and its time counts from the moment it was due: a server that stalls
//                    cannot hide it (Gil Tene's "coordinated omission")
//
// A "%" in PATH becomes the number of the request, counted from --first: every request asks for another object. Answers
// have to be 200 with a Content-Length. --spin polls instead of sleeping, where the thread has a core to itself.
// Prints: requests, failures, requests a second, and microseconds: median, 90 %, 99 %, 99.9 %, longest.
// usage: http_load ADDRESS PORT PATH [--connections N] [--seconds S] [--rate N] [--first N] [--spin]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Moment = Clock::time_point;

struct Options {
  std::string address, path;
  uint16_t port = 0;
  int connections = 32;
  double seconds = 4;
  double rate = 0;  // 0: as fast as the answers come
  uint64_t first = 0;
  bool spin = false;
};

struct Connection {
  int fd = -1;
  bool busy = false;
  Moment due;
  std::string head;   // of the answer, until it is complete
  uint64_t left = 0;  // of its body
  bool in_body = false;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "http_load: %s\n", what);
  std::exit(3);
}

class Load {
 public:
  explicit Load(Options options)
      : options_(std::move(options)), epoll_(epoll_create1(0)), gaps_(std::max(options_.rate, 1.0)) {
    connections_.resize(static_cast<size_t>(options_.connections));
    for (size_t i = 0; i < connections_.size(); ++i) {
      connect(i);
      free_.push_back(i);
    }
  }

  void run() {
    begun_ = Clock::now();
    end_ =
        begun_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
    due_ = begun_;
    if (options_.rate == 0)
      while (!free_.empty()) ask(take_free(), Clock::now());
    const Moment give_up = end_ + std::chrono::seconds(5);
    for (Moment now = begun_; now < end_ || (busy_ > 0 && now < give_up); now = Clock::now()) {
      if (options_.rate > 0) start_due(now);
      wait(now);
    }
    failures_ += busy_;
  }

  void print() {
    std::sort(times_.begin(), times_.end());
    const auto at = [this](double share) {
      if (times_.empty()) return 0.0;
      return times_[std::min(times_.size() - 1,
                             static_cast<size_t>(share * static_cast<double>(times_.size())))] /
             1e3;
    };
    std::printf("%zu %zu %.1f %.1f %.1f %.1f %.1f %.1f\n", times_.size(), failures_,
                static_cast<double>(times_.size()) / options_.seconds, at(0.5), at(0.9), at(0.99), at(0.999),
                at(1));
  }

 private:
  void connect(size_t i) {
    Connection& c = connections_[i];
    sockaddr_in remote{};
    remote.sin_family = AF_INET;
    remote.sin_port = htons(options_.port);
    if (inet_pton(AF_INET, options_.address.c_str(), &remote.sin_addr) != 1) fail("not an IPv4 address");
    c.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(c.fd, reinterpret_cast<sockaddr*>(&remote), sizeof remote) != 0) fail("cannot connect");
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
  }

  size_t take_free() {
    const size_t i = free_.back();
    free_.pop_back();
    return i;
  }

  void start_due(Moment now) {
    for (; due_ <= now && due_ < end_;
         due_ += std::chrono::nanoseconds(static_cast<int64_t>(gaps_(random_) * 1e9)))
      waiting_.push_back(due_);
    while (!waiting_.empty() && !free_.empty()) {
      ask(take_free(), waiting_.front());
      waiting_.pop_front();
    }
  }

  void ask(size_t i, Moment due) {
    Connection& c = connections_[i];
    c.busy = true;
    ++busy_;
    c.due = due;
    c.head.clear();
    c.in_body = false;
    request_ = "GET ";
    const size_t mark = options_.path.find('%');
    request_.append(options_.path, 0, mark);
    if (mark != std::string::npos)
      request_.append(std::to_string(options_.first + asked_)).append(options_.path, mark + 1);
    request_ += " HTTP/1.1\r\nHost: bench.test\r\n\r\n";
    ++asked_;
    if (send(c.fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
      broken(i);
  }

  /// To the next event, or to the moment at which a request falls due.
  void wait(Moment now) {
    epoll_event ready[64];
    timespec timeout{};
    if (!options_.spin) {
      Moment until = now + std::chrono::milliseconds(100);
      if (options_.rate > 0 && due_ < end_ && waiting_.empty()) until = std::min(until, due_);
      const auto ns = std::max<int64_t>(0, std::chrono::nanoseconds(until - now).count());
      timeout = {ns / 1'000'000'000, ns % 1'000'000'000};
    }
    const int count = epoll_pwait2(epoll_, ready, 64, &timeout, nullptr);
    for (int k = 0; k < count; ++k) on_ready(ready[k].data.u64);
  }

  void on_ready(size_t i) {
    static char room[256 * 1024];
    Connection& c = connections_[i];
    const ssize_t n = recv(c.fd, room, sizeof room, 0);
    if (n <= 0 || !c.busy) return broken(i);
    std::string_view bytes(room, static_cast<size_t>(n));
    if (!c.in_body) {
      c.head += bytes;
      const size_t head_end = c.head.find("\r\n\r\n");
      if (head_end == std::string::npos) return;
      if (!read_head(c)) return broken(i);
      bytes = std::string_view(c.head).substr(head_end + 4);
    }
    if (bytes.size() > c.left) return broken(i);
    c.left -= bytes.size();
    if (c.left == 0) done(i);
  }

  static bool read_head(Connection& c) {
    constexpr std::string_view length = "\r\ncontent-length:";
    c.in_body = true;
    for (size_t at = c.head.find("\r\n"); at != std::string::npos; at = c.head.find("\r\n", at + 2))
      if (strncasecmp(c.head.data() + at, length.data(), length.size()) == 0) {
        c.left = std::strtoull(c.head.data() + at + length.size(), nullptr, 10);
        return c.head.compare(0, 13, "HTTP/1.1 200 ") == 0;
      }
    return false;
  }

  void done(size_t i) {
    Connection& c = connections_[i];
    const Moment now = Clock::now();
    times_.push_back(static_cast<double>(std::chrono::nanoseconds(now - c.due).count()));
    release(i);
  }

  void broken(size_t i) {
    ++failures_;
    close(connections_[i].fd);
    connect(i);
    if (connections_[i].busy) release(i);
  }

  void release(size_t i) {
    connections_[i].busy = false;
    --busy_;
    if (options_.rate == 0 && Clock::now() < end_) return ask(i, Clock::now());
    free_.push_back(i);
    if (!waiting_.empty() && Clock::now() < end_) {
      const Moment due = waiting_.front();
      waiting_.pop_front();
      ask(take_free(), due);
    }
  }

  const Options options_;
  const int epoll_;
  std::vector<Connection> connections_;
  std::vector<size_t> free_;
  std::deque<Moment> waiting_;  // due, without a connection
  std::vector<double> times_;   // ns
  size_t failures_ = 0;
  size_t busy_ = 0;
  uint64_t asked_ = 0;
  std::string request_;
  Moment begun_, end_, due_;
  std::mt19937_64 random_{1};  // the same moments in every run
  std::exponential_distribution<double> gaps_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  Options options;
  options.address = argv[1];
  options.port = static_cast<uint16_t>(std::atoi(argv[2]));
  options.path = argv[3];
  for (int i = 4; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--spin") {
      options.spin = true;
      continue;
    }
    if (i + 1 == argc) return 2;
    const double value = std::atof(argv[++i]);
    if (name == "--connections")
      options.connections = static_cast<int>(value);
    else if (name == "--seconds")
      options.seconds = value;
    else if (name == "--rate")
      options.rate = value;
    else if (name == "--first")
      options.first = static_cast<uint64_t>(value);
    else
      return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);  // sleeps end when they should
  Load load(options);
  load.run();
  load.print();
}
