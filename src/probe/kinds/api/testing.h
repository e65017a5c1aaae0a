// For tests of probe kinds only: a loop on a thread of its own, servers that follow a script, real daemons as
// child processes. Every wait is bounded; what was started is ended by its own id.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "probe/kinds/api/kind.h"
#include "rt/socket.h"

namespace popnet::probe::testing {

using namespace std::chrono_literals;

/// The probe thread of a test.
class Bench {
 public:
  Bench() : thread_([this] { loop_.run(); }) {}
  ~Bench() {
    loop_.stop();
    thread_.join();
  }

  rt::Loop& loop() { return loop_; }

  /// Runs `work` on the loop's thread and waits for its end.
  void on(const std::function<void()>& work) {
    std::promise<void> ended;
    loop_.post([&] {
      work();
      ended.set_value();
    });
    ended.get_future().wait();
  }

  /// One attempt from start to done. `memory` carries over from run to run.
  Outcome run(const Kind& kind, const Target& target, const model::KindOptions& options,
              Duration timeout = 5s) {
    std::promise<Outcome> ended;
    std::unique_ptr<Attempt> attempt;
    bool starting = true;
    on([&] {
      const Context context{loop_, memory};
      attempt = kind.start(context, target, options, timeout, [&](Outcome outcome) {
        EXPECT_FALSE(starting) << "done was called from within start()";
        ended.set_value(std::move(outcome));
      });
      starting = false;
    });
    auto future = ended.get_future();
    const bool in_time = future.wait_for(timeout + 5s) == std::future_status::ready;
    on([&] { attempt.reset(); });
    EXPECT_TRUE(in_time) << "the attempt did not end by its timeout";
    return in_time ? future.get() : Outcome{.error = "the attempt hung"};
  }

  std::shared_ptr<Memory> memory;

 private:
  rt::Loop loop_;
  std::thread thread_;
};

inline void make_blocking(int fd) {
  timeval limit{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// One accepted connection, told line by line.
class Line {
 public:
  explicit Line(int fd) : fd_(fd) { make_blocking(fd_.get()); }
  void send(std::string_view bytes) { (void)!::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  /// The next line without its end; "" when the peer closed or 10 s went by.
  std::string line() {
    std::string text;
    char c;
    while (::recv(fd_.get(), &c, 1, 0) == 1 && c != '\n')
      if (c != '\r') text += c;
    return text;
  }
  /// Reads an HTTP request's head; gives its lines.
  std::vector<std::string> head() {
    std::vector<std::string> lines;
    for (std::string text = line(); !text.empty(); text = line()) lines.push_back(std::move(text));
    return lines;
  }
  /// Waits until the peer closes.
  void until_closed() {
    char waste[4096];
    while (::recv(fd_.get(), waste, sizeof waste, 0) > 0) continue;
  }
  [[nodiscard]] bool peer_is_there() const {
    char c;
    return ::recv(fd_.get(), &c, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
  }

 private:
  rt::UniqueFd fd_;
};

/// A listener whose queue is full: the kernel drops further SYNs, as a dead machine does.
struct Deaf {
  Deaf() : listener(rt::listen_tcp({IpAddress::v4(127, 0, 0, 1), 0}, 0).value()) {
    for (int i = 0; i < 4; ++i) filling.push_back(rt::begin_connect(endpoint()).fd);
  }
  [[nodiscard]] Endpoint endpoint() const { return rt::local_endpoint(listener.get()); }
  rt::UniqueFd listener;
  std::vector<rt::UniqueFd> filling;
};

/// A server on 127.0.0.1 that plays `script` with each connection, each on its own thread.
class ScriptedServer {
 public:
  using Script = std::function<void(Line&)>;
  explicit ScriptedServer(Script script, const std::string& address = "127.0.0.1")
      : script_(std::move(script)), listener_(rt::listen_tcp({*IpAddress::parse(address), 0}).value()) {
    thread_ = std::thread([this] { accept_all(); });
  }
  ~ScriptedServer() {
    stop_ = true;
    thread_.join();
    for (std::thread& play : plays_) play.join();
  }
  [[nodiscard]] Endpoint endpoint() const { return rt::local_endpoint(listener_.get()); }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all() {
    while (!stop_) {
      pollfd waiting{listener_.get(), POLLIN, 0};
      if (poll(&waiting, 1, 20) != 1) continue;
      const int fd = ::accept(listener_.get(), nullptr, nullptr);
      if (fd < 0) continue;
      ++connections_;
      plays_.emplace_back([this, fd] {
        Line line(fd);
        script_(line);
      });
    }
  }

  Script script_;
  rt::UniqueFd listener_;
  std::atomic<bool> stop_{false};
  std::atomic<int> connections_{0};
  std::vector<std::thread> plays_;
  std::thread thread_;
};

/// Says `bytes` after the request's head and closes.
inline ScriptedServer::Script answers(std::string bytes) {
  return [bytes = std::move(bytes)](Line& line) {
    line.head();
    line.send(bytes);
  };
}

/// A folder that goes with the test.
class TempDir {
 public:
  TempDir() {
    std::string pattern = ::testing::TempDir() + "popnet-probe-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  [[nodiscard]] const std::string& path() const { return path_; }
  void write(std::string_view name, std::string_view text) const {
    const std::filesystem::path file = *this / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

 private:
  std::string path_;
};

/// A port of `address` that was free a moment ago, for daemons that cannot say which port they got.
inline uint16_t free_port(const std::string& address = "127.0.0.1") {
  return rt::local_endpoint(rt::listen_tcp({*IpAddress::parse(address), 0})->get()).port;
}

inline bool accepts(const Endpoint& endpoint) {
  const rt::Connecting connecting = rt::begin_connect(endpoint);
  if (connecting.error != 0) return false;
  pollfd waiting{connecting.fd.get(), POLLOUT, 0};
  return poll(&waiting, 1, 1000) == 1 && rt::pending_error(connecting.fd.get()) == 0;
}

/// A real daemon, started in the foreground; ended by its process group when the test ends.
class Daemon {
 public:
  Daemon(std::vector<std::string> argv, const std::string& log) {
    pid_ = ::fork();
    if (pid_ == 0) exec(argv, log);
    ::setpgid(pid_, pid_);
  }
  ~Daemon() {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  /// Waits at most 10 s until the daemon listens.
  [[nodiscard]] bool listens(const Endpoint& endpoint) const {
    for (int i = 0; i < 500; ++i) {
      if (accepts(endpoint)) return true;
      if (ended()) return false;
      ::poll(nullptr, 0, 20);
    }
    return false;
  }

 private:
  [[nodiscard]] bool ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
  }
  [[noreturn]] static void exec(const std::vector<std::string>& argv, const std::string& log) {
    ::setpgid(0, 0);
    (void)!::freopen("/dev/null", "r", stdin);
    (void)!::freopen(log.c_str(), "w", stdout);
    ::dup2(STDOUT_FILENO, STDERR_FILENO);
    std::vector<char*> words;
    for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::perror(words[0]);
    ::_exit(127);
  }
  pid_t pid_;
};

inline Target target_at(const Endpoint& endpoint) {
  return {.id = model::TargetId::origin("shop", "web1"), .endpoint = endpoint};
}

}  // namespace popnet::probe::testing
