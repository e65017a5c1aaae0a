#include "tls/relay/relays.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>
#include <vector>

#include "rt/shards.h"

namespace popnet::tls {

namespace {
constexpr size_t held_max = 4096;  // bytes, each way
constexpr int steps_max = 64;      // in one turn, so that nobody holds up others

/// Bytes on their way.
class Held {
 public:
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::span<char> room() { return room_; }
  [[nodiscard]] std::span<const char> bytes() const {
    return std::span(room_).subspan(begin_, end_ - begin_);
  }
  /// REQUIRES: empty
  void came(size_t size) { begin_ = 0, end_ = size; }
  void went(size_t size) { begin_ += size; }
  void drop() { begin_ = end_; }

 private:
  std::array<char, held_max> room_;
  size_t begin_ = 0, end_ = 0;
};

bool would_block(ssize_t result) {
  return result < 0 && (errno == EAGAIN || errno == EINTR);
}
}  // namespace

class Relays::Relay {
 public:
  Relay(Relays& relays, rt::UniqueFd client, std::unique_ptr<Session> session, rt::UniqueFd plain,
        Duration takes_within)
      : relays_(relays),
        takes_within_(takes_within),
        client_(*this, std::move(client)),
        session_(std::move(session)),
        plain_(*this, std::move(plain)),
        patience_(relays.loop_, [this] { end(); }) {}

  /// What the client has sent is the last that is taken of it. May destroy this, as do all that call work().
  void finish() {
    finishes_ = true;
    work();
  }

  void work() {
    bool more = true;
    for (int i = 0; i < steps_max && more; ++i) more = take_up() || take_down();
    if (broken_) return end();
    if (finishes_) client_ended_ = true;
    if (client_ended_ && up_.empty() && !told_plain_) {
      told_plain_ = true;
      ::shutdown(plain_.fd(), SHUT_WR);
    }
    if ((plain_ended_ || !down_.empty()) && !patience_.armed())
      patience_.arm_after(plain_ended_ ? relays_.ends_within_ : takes_within_);
    if (plain_ended_ && down_.empty()) return let_go();
    const bool reads = up_.empty() && !client_ended_ && !plain_ended_;
    const bool writes = !down_.empty();
    // What OpenSSL holds is announced by no event; a socket that is written to now is.
    if (!client_.want((reads && !read_wants_write_) || (writes && write_wants_read_),
                      (writes && !write_wants_read_) || (reads && read_wants_write_) || more) ||
        !plain_.want(down_.empty() && !plain_ended_, !up_.empty() || (more && !plain_ended_)))
      end();
  }

 private:
  class Side final : public rt::Watcher {
   public:
    Side(Relay& relay, rt::UniqueFd fd) : relay_(relay), fd_(std::move(fd)) {}
    ~Side() { stop(); }
    [[nodiscard]] int fd() const { return fd_.get(); }
    void on_ready(uint32_t events) override { relay_.on_ready(*this, events); }
    /// Without a wish it is not watched at all: the kernel tells of a hang-up wished for or not, again and again. False when
    /// the kernel has no room.
    bool want(bool in, bool out) {
      const uint32_t events = (in ? uint32_t{EPOLLIN} : 0U) | (out ? uint32_t{EPOLLOUT} : 0U);
      if (events == 0) return stop(), true;
      if (events_ == 0) {
        if (!relay_.relays_.loop_.watch(fd(), events, *this)) return false;
      } else if (events != events_) {
        relay_.relays_.loop_.rewatch(fd(), events);
      }
      events_ = events;
      return true;
    }

   private:
    void stop() {
      if (events_ != 0) relay_.relays_.loop_.unwatch(fd());
      events_ = 0;
    }
    Relay& relay_;
    const rt::UniqueFd fd_;
    uint32_t events_ = 0;
  };

  void on_ready(const Side& side, uint32_t events) {
    // A reset: nobody is there who could read what is under way.
    if (&side == &client_ && (events & (EPOLLERR | EPOLLHUP)) != 0) return end();
    work();
  }
  void end() { relays_.remove(*this); }

  /// From the client to the successor. True if something has gone there.
  bool take_up() {
    if (broken_ || plain_ended_) return false;
    if (up_.empty() && !client_ended_) {
      const auto progress = session_->read(up_.room());
      read_wants_write_ = progress.result == Session::Result::wants_write;
      client_ended_ = progress.result == Session::Result::closed;
      broken_ = progress.result == Session::Result::broken;
      up_.came(progress.size);
    }
    if (up_.empty()) return false;
    const ssize_t n = ::send(plain_.fd(), up_.bytes().data(), up_.bytes().size(), MSG_NOSIGNAL);
    if (n > 0) return up_.went(static_cast<size_t>(n)), true;
    if (!would_block(n))
      up_.drop(), client_ended_ = told_plain_ = true;  // nobody reads it; what it has said goes out
    return false;
  }

  /// From the successor to the client. True if something has gone there.
  bool take_down() {
    if (broken_) return false;
    if (down_.empty() && !plain_ended_) {
      const ssize_t n = ::recv(plain_.fd(), down_.room().data(), down_.room().size(), 0);
      if (n > 0) down_.came(static_cast<size_t>(n));
      plain_ended_ = n <= 0 && !would_block(n);
    }
    if (down_.empty()) return false;
    const auto progress = session_->write(down_.bytes());
    write_wants_read_ = progress.result == Session::Result::wants_read;
    broken_ = progress.ended();
    down_.went(progress.size);
    if (progress.size > 0) patience_.rest();
    return progress.size > 0;
  }

  /// Ends our half; the rest when the client has ended the other.
  void let_go() {
    (void)plain_.want(false, false);
    if (!told_client_) {
      if (session_->end_writing().result == Session::Result::wants_write) return wait_for(false);
      told_client_ = true;
      ::shutdown(client_.fd(), SHUT_WR);
    }
    std::array<char, held_max> unread;
    const ssize_t n = ::recv(client_.fd(), unread.data(), unread.size(), 0);
    n > 0 || would_block(n) ? wait_for(true) : end();
  }
  void wait_for(bool in) {
    if (!client_.want(in, !in)) end();
  }

  Relays& relays_;
  const Duration takes_within_;
  Side client_;
  const std::unique_ptr<Session> session_;  // goes before the client's socket
  Side plain_;
  rt::Timer patience_;
  Held up_, down_;
  bool client_ended_ = false, told_client_ = false;
  bool plain_ended_ = false, told_plain_ = false;
  bool read_wants_write_ = false, write_wants_read_ = false;
  bool broken_ = false;
  bool finishes_ = false;
};

Relays::Relays(Duration ends_within) : ends_within_(ends_within) {}

void Relays::add(rt::UniqueFd client, std::unique_ptr<Session> session, rt::UniqueFd plain,
                 Duration takes_within) {
  ++count_;
  const std::lock_guard lock(mutex_);
  auto relay = std::make_shared<std::unique_ptr<Relay>>(
      std::make_unique<Relay>(*this, std::move(client), std::move(session), std::move(plain), takes_within));
  loop_.post([this, relay] {
    Relay& present = **relay;
    relays_[&present] = std::move(*relay);
    present.work();
  });
  if (thread_.joinable()) return;
  thread_ = std::thread([this] {
    rt::name_thread("tls-relays");
    loop_.run();
  });
}

void Relays::remove(Relay& relay) {
  relays_.erase(&relay);
  --count_;
  tell_if_empty();
}

void Relays::finish() {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) return;
  loop_.post([this] {
    std::vector<Relay*> present;
    for (const auto& [relay, owned] : relays_) present.push_back(relay);
    for (Relay* relay : present) relay->finish();  // which can end that one alone
  });
}

void Relays::when_empty(std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    if (thread_.joinable()) {
      loop_.post([this, then = std::move(then)]() mutable {
        when_empty_ = std::move(then);
        tell_if_empty();
      });
      return;
    }
  }
  then();
}

void Relays::tell_if_empty() {
  if (count_ == 0 && when_empty_) std::exchange(when_empty_, nullptr)();
}

Relays::~Relays() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

}  // namespace popnet::tls
