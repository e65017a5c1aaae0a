#include "dns/server/tcp.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "dns/wire/protocol.h"
#include "rt/socket.h"

namespace popnet::dns {

namespace {
constexpr size_t length_size = 2;                 // leads each message
constexpr size_t unread_replies_max = 256 << 10;  // bytes; a peer that leaves more is not read from
constexpr size_t read_step = 4096;
constexpr Duration accept_pause = std::chrono::milliseconds(100);
}  // namespace

class TcpShard::Listener final : public rt::Watcher {
 public:
  Listener(TcpShard& shard, rt::UniqueFd fd) : shard_(shard), fd_(std::move(fd)) { watch(); }
  ~Listener() { pause(); }
  void on_ready(uint32_t) override { shard_.accept_all(fd_.get()); }
  void watch() {
    if (!watched_) shard_.loop_.watch(fd_.get(), EPOLLIN, *this);
    watched_ = true;
  }
  void pause() {
    if (watched_) shard_.loop_.unwatch(fd_.get());
    watched_ = false;
  }

 private:
  TcpShard& shard_;
  rt::UniqueFd fd_;
  bool watched_ = false;
};

class TcpShard::Connection final : public rt::Watcher {
 public:
  Connection(TcpShard& shard, rt::UniqueFd fd, const IpAddress& peer)
      : shard_(shard), fd_(std::move(fd)), peer_(peer), idle_(shard.loop_, [this] { end(); }) {
    shard_.loop_.watch(fd_.get(), events_, *this);
    idle_.arm_after(shard_.limits_.idle);
  }
  ~Connection() {
    shard_.loop_.unwatch(fd_.get());
    shard_.state_.counts.tcp_closed.add();
  }

  void on_ready(uint32_t) override { work(); }
  /// Answers what has arrived; then ends as soon as the replies are written.
  void finish() {
    (void)read_all();
    peer_ended_ = true;
    work();
  }

 private:
  // Each call may destroy this connection as its last act.
  void work() {
    if (!peer_ended_ && !paused()) peer_ended_ = !read_all();
    do {
      if (!answer_all() || !write_all()) return end();
    } while (unwritten() == 0 && next_size() != 0);
    if (peer_ended_ && unwritten() == 0) return end();
    want(paused() || peer_ended_ ? EPOLLOUT : unwritten() > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
  void end() { shard_.close(fd_.get()); }

  [[nodiscard]] size_t unwritten() const { return out_.size() - written_; }
  [[nodiscard]] bool paused() const { return unwritten() > unread_replies_max; }

  /// Size of the message at the front of in_ with its length field; 0 = not all of it is there.
  [[nodiscard]] size_t next_size(size_t at = 0) const {
    if (in_.size() - at < length_size) return 0;
    const size_t size = length_size + (size_t{in_[at]} << 8 | in_[at + 1]);
    return in_.size() - at < size ? 0 : size;
  }

  bool read_all();
  bool answer_all();
  bool answer_one(std::span<const uint8_t> message);
  bool write_all();
  void forget_written();
  void want(uint32_t events) {
    if (events != events_) shard_.loop_.rewatch(fd_.get(), events);
    events_ = events;
  }

  TcpShard& shard_;
  rt::UniqueFd fd_;
  const IpAddress peer_;
  rt::Timer idle_;
  uint32_t events_ = EPOLLIN;
  bool peer_ended_ = false;
  std::vector<uint8_t> in_;  // not yet answered
  std::vector<uint8_t> out_;
  size_t written_ = 0;  // of out_
};

/// False when nothing more will come. At most about one message of the greatest size is held.
bool TcpShard::Connection::read_all() {
  while (in_.size() < length_size + message_size_max) {
    const size_t size = in_.size();
    in_.resize(size + read_step);
    const ssize_t n = ::recv(fd_.get(), in_.data() + size, read_step, 0);
    in_.resize(size + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
  }
  return true;
}

/// False if the peer does not speak DNS.
bool TcpShard::Connection::answer_all() {
  size_t at = 0;
  for (size_t size; !paused() && (size = next_size(at)) != 0; at += size)
    if (!answer_one(std::span(in_).subspan(at + length_size, size - length_size))) return false;
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

bool TcpShard::Connection::answer_one(std::span<const uint8_t> message) {
  const View& view = shard_.view_.get();
  Query query;
  parse_query(message, query);
  const Outcome outcome = answer(view, message, query, peer_, Transport::tcp, shard_.room_);
  shard_.state_.account(view, Transport::tcp, query, peer_, outcome);
  if (outcome.size == 0) return false;
  out_.push_back(static_cast<uint8_t>(outcome.size >> 8));
  out_.push_back(static_cast<uint8_t>(outcome.size));
  out_.insert(out_.end(), shard_.room_.begin(),
              shard_.room_.begin() + static_cast<std::ptrdiff_t>(outcome.size));
  idle_.arm_after(shard_.limits_.idle);
  return true;
}

/// False if the peer is gone.
bool TcpShard::Connection::write_all() {
  while (unwritten() > 0) {
    const ssize_t n = ::send(fd_.get(), out_.data() + written_, unwritten(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return false;
    if (n < 0) break;
    written_ += static_cast<size_t>(n);
  }
  forget_written();
  return true;
}

void TcpShard::Connection::forget_written() {
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(written_));
  written_ = 0;
}

TcpShard::TcpShard(rt::Loop& loop, std::vector<rt::UniqueFd> listeners, const rt::Published<View>& view,
                   ThreadState& state, const TcpLimits& limits)
    : loop_(loop),
      view_(view),
      state_(state),
      limits_(limits),
      room_(message_size_max),
      accept_again_(loop,
                    [this] {
                      for (auto& listener : listeners_) listener->watch();
                    }),
      drained_(loop, [this] {
        connections_.clear();
        finish_if_empty();
      }) {
  for (rt::UniqueFd& fd : listeners) listeners_.push_back(std::make_unique<Listener>(*this, std::move(fd)));
}

TcpShard::~TcpShard() = default;

void TcpShard::accept_all(int listener) {
  for (;;) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    rt::UniqueFd fd(
        ::accept4(listener, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause_accepting();
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return;
    }
    if (connections_.size() >= limits_.connections_max) {
      state_.counts.tcp_refused.add();
      continue;
    }
    state_.counts.tcp_accepted.add();
    const int key = fd.get();
    connections_[key] = std::make_unique<Connection>(*this, std::move(fd), rt::to_endpoint(from).address);
  }
}

// Out of descriptors or memory: the listener stays ready, and the loop would spin.
void TcpShard::pause_accepting() {
  for (auto& listener : listeners_) listener->pause();
  accept_again_.arm_after(accept_pause);
}

void TcpShard::close(int fd) {
  connections_.erase(fd);
  finish_if_empty();
}

void TcpShard::drain(std::function<void()> done) {
  accept_again_.cancel();
  listeners_.clear();
  done_ = std::move(done);
  std::vector<Connection*> present;
  for (auto& [fd, connection] : connections_) present.push_back(connection.get());
  drained_.arm_after(limits_.drain);
  for (Connection* connection : present) connection->finish();
  finish_if_empty();
}

void TcpShard::finish_if_empty() {
  if (!done_ || !connections_.empty()) return;
  drained_.cancel();
  std::exchange(done_, nullptr)();
}

}  // namespace popnet::dns
