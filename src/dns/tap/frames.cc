#include "dns/tap/frames.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "common/log.h"
#include "dns/tap/control_frame.h"

namespace popnet::dns::tap {

namespace {

using namespace std::chrono_literals;

constexpr Duration between_connects = 1s;
constexpr Duration between_looks = 1s;
constexpr int finish_patience_ms = 500;
constexpr size_t unsent_max = 4 << 20;      // bytes; a reader that is so far behind loses frames
constexpr size_t gathered_max = 256 << 10;  // written to a file at a time

class FrameFile final : public FrameSink {
 public:
  FrameFile(const std::string& path, const std::string& option) : file_(path, option) {}
  ~FrameFile() override {
    gathered_ += control_frame(Control::stop);
    write();
  }
  /// Can it be had? What is there stays as it is until the first tick().
  Status check() { return file_.open(); }

  bool put(std::string_view frame) override {
    if (broken_) return false;
    put_frame(frame, gathered_);
    if (gathered_.size() >= gathered_max) write();
    return !broken_;
  }
  void tick(TimePoint now) override {
    write();
    if (now < looks_at_ && !is_new_) return;
    looks_at_ = now + between_looks;
    // Where another stream is in its place, another process writes it: this one goes on in the file it has.
    if (!broken_ && !(file_.was_moved() && file_.name_is_free())) return;
    gathered_ = control_frame(Control::stop);
    write();
    const bool told = broken_ && !is_new_;
    if (const Status begun = begin(); !begun && !told) log::warning("dnstap: {}", begun.error().message);
  }

 private:
  /// A stream begins with START and ends with STOP: what stood in the file is another stream.
  Status begin() {
    const Status opened = file_.open_fresh();
    broken_ = !opened.ok();
    is_new_ = false;
    gathered_ = control_frame(Control::start);
    write();
    return opened;
  }
  void write() {
    if (!broken_ && !file_.write(gathered_)) {
      log::warning("dnstap: {}: {}: what cannot be written is lost", file_.path(), std::strerror(errno));
      broken_ = true;  // perhaps within a frame: only a new stream can go on
    }
    gathered_.clear();
  }

  records::NamedFile file_;
  std::string gathered_;
  TimePoint looks_at_{};
  bool is_new_ = true;
  bool broken_ = true;  // nothing can be written: it has not begun, or what was begun could not go on
};

class FrameSocket final : public FrameSink {
 public:
  explicit FrameSocket(std::string path) : path_(std::move(path)) {}
  ~FrameSocket() override {
    if (state_ != State::open) return;
    unsent_ += control_frame(Control::stop);
    // The reader may be slow, but not for ever: FINISH says that he has all.
    for (int turns = 0; turns < 10 && state_ == State::open; ++turns) {
      send();
      pollfd ready{socket_.get(), static_cast<short>(unsent_.empty() ? POLLIN : POLLOUT), 0};
      if (poll(&ready, 1, finish_patience_ms) <= 0) return;
      if (unsent_.empty()) return;
    }
  }

  bool put(std::string_view frame) override {
    if (state_ != State::open || unsent_.size() + frame.size() > unsent_max) return false;
    put_frame(frame, unsent_);
    return true;
  }
  void tick(TimePoint now) override {
    if (state_ == State::closed && now >= connects_at_) connect(now);
    if (state_ == State::waiting) send(), hear();
    if (state_ == State::open) send();
  }

 private:
  enum class State { closed, waiting, open };  // waiting: for ACCEPT

  void connect(TimePoint now) {
    connects_at_ = now + between_connects;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    socket_ = rt::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return socket_.reset();
    state_ = State::waiting;
    said_.clear();
    unsent_ = control_frame(Control::ready);
  }

  void hear() {
    char room[control_size_max];
    const ssize_t n = ::recv(socket_.get(), room, sizeof room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return close();
    said_.append(room, static_cast<size_t>(n));
    const Heard heard = hear_accept(said_);
    if (heard == Heard::more) return;
    if (heard == Heard::refuses) return refuse();
    unsent_ += control_frame(Control::start);
    state_ = State::open;
    log::info("dnstap: {} reads", path_);
  }
  void refuse() {
    log::warning("dnstap: who listens at {} does not take {}", path_, content_type);
    close();
  }

  void send() {
    size_t sent = 0;
    while (sent < unsent_.size()) {
      const ssize_t n = ::send(socket_.get(), unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) break;
      if (n <= 0) return close();
      sent += static_cast<size_t>(n);
    }
    unsent_.erase(0, sent);
  }
  void close() {
    if (state_ == State::open) log::warning("dnstap: lost the reader at {}", path_);
    state_ = State::closed;
    socket_.reset();
    unsent_.clear();
  }

  const std::string path_;
  rt::UniqueFd socket_;
  State state_ = State::closed;
  TimePoint connects_at_{};
  std::string unsent_, said_;
};

}  // namespace

Result<std::unique_ptr<FrameSink>> open_frame_file(const std::string& path, const std::string& option) {
  auto file = std::make_unique<FrameFile>(path, option);
  if (const Status checked = file->check(); !checked) return checked.error();
  return std::unique_ptr<FrameSink>(std::move(file));
}

std::unique_ptr<FrameSink> open_frame_socket(const std::string& path) {
  return std::make_unique<FrameSocket>(path);
}

}  // namespace popnet::dns::tap
