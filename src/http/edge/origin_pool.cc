#include "http/edge/origin_pool.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include <fmt/format.h>

#include "rt/socket.h"

namespace popnet::http {

OriginConnection::OriginConnection(OriginPool& pool, rt::Loop& loop, OriginPeer peer, rt::UniqueFd fd)
    : pool_(pool), loop_(loop), peer_(std::move(peer)), fd_(std::move(fd)), decrypted_(loop, [this] {
        on_decrypted();
      }) {
  watched_ = loop_.watch(fd_.get(), EPOLLIN | EPOLLOUT, *this);
}

OriginConnection::~OriginConnection() {
  if (watched_) loop_.unwatch(fd_.get());
}

void OriginConnection::on_ready(uint32_t events) {
  if (user_ == nullptr) {
    if (watched_) pool_.drop_idle(*this);  // an idle origin has nothing to say but good-bye
    return;
  }
  if (!connected_) {
    if (tls_) return shake_hands();
    Status status = rt::connect_error(fd_.get(), peer_.endpoint);
    if (status && peer_.tls) status = begin_tls();
    if (!status) return user_->on_connect_failed(status.error());
    if (tls_) return shake_hands();
    connected_ = true;
    want(true, false);
    return user_->on_connected();
  }
  // One of the two: the call may end the use. The other event comes again.
  if (reading_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return user_->on_readable();
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) user_->on_writable();
}

void OriginConnection::want(bool read, bool write) {
  if (read == reading_ && write == writing_) return;
  reading_ = read;
  writing_ = write;
  loop_.rewatch(fd_.get(), (read ? EPOLLIN : 0U) | (write ? EPOLLOUT : 0U));
  if (tls_ && connected_) expect_decrypted();
}

ssize_t OriginConnection::read(std::span<char> room) {
  if (!tls_) return ::recv(fd_.get(), room.data(), room.size(), 0);
  const ssize_t n = as_socket(tls_->read(room));
  expect_decrypted();
  return n;
}

ssize_t OriginConnection::write(std::string_view bytes) {
  if (!tls_) return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return as_socket(tls_->write(bytes));
}

// --- TLS ---

Status OriginConnection::begin_tls() {
  tls_ = peer_.tls->connect(fd_.get(), peer_.name);
  if (!tls_) return Error{ErrorCode::machine, "OpenSSL has no memory for a session"};
  return {};
}

void OriginConnection::shake_hands() {
  const auto progress = tls_->shake_hands();
  switch (progress.result) {
    case tls::Session::Result::done:
      connected_ = true;
      want(true, false);
      return user_->on_connected();
    case tls::Session::Result::wants_read:
      return want(true, false);
    case tls::Session::Result::wants_write:
      return want(false, true);
    case tls::Session::Result::closed:
    case tls::Session::Result::broken:
      break;
  }
  const std::string why = tls_->why_broken();
  user_->on_connect_failed(
      {ErrorCode::peer, fmt::format("TLS with {} as '{}' failed: {}", peer_.endpoint.to_string(), peer_.name,
                                    why.empty() ? "closed by the peer" : why)});
}

ssize_t OriginConnection::as_socket(const tls::Session::Progress& progress) {
  switch (progress.result) {
    case tls::Session::Result::done:
      return static_cast<ssize_t>(progress.size);
    case tls::Session::Result::closed:
      return 0;
    case tls::Session::Result::wants_read:
    case tls::Session::Result::wants_write:
      errno = EAGAIN;
      return -1;
    case tls::Session::Result::broken:
      errno = ECONNRESET;
      return -1;
  }
  return -1;
}

// The loop tells of bytes in the socket, not of those that OpenSSL has taken from there already.
void OriginConnection::expect_decrypted() {
  if (reading_ && tls_->has_decrypted()) decrypted_.arm_after(Duration::zero());
}

void OriginConnection::on_decrypted() {
  if (user_ == nullptr) return pool_.drop_idle(*this);
  if (reading_) user_->on_readable();
}

OriginPool::OriginPool(rt::Loop& loop, Duration idle_max, uint32_t idle_each_max)
    : loop_(loop), idle_max_(idle_max), idle_each_max_(idle_each_max), sweeper_(loop, [this] { sweep(); }) {}

OriginPool::~OriginPool() = default;

std::unique_ptr<OriginConnection> OriginPool::take(const OriginPeer& peer, OriginConnection::User& user) {
  const auto found = idle_.find(peer);
  if (found == idle_.end() || found->second.empty()) return nullptr;
  auto connection = std::move(found->second.back());  // the one used last is the least likely to be closed
  found->second.pop_back();
  --idle_count_;
  connection->user_ = &user;
  ++connection->uses_;
  return connection;
}

Result<std::unique_ptr<OriginConnection>> OriginPool::connect(OriginPeer peer, OriginConnection::User& user) {
  auto fd = rt::connect_tcp(peer.endpoint);
  if (!fd) return fd.error();
  std::unique_ptr<OriginConnection> connection(
      new OriginConnection(*this, loop_, std::move(peer), std::move(*fd)));
  if (!connection->watched_)
    return Error{ErrorCode::machine, "the kernel watches no more descriptors for us"};
  connection->user_ = &user;
  connection->uses_ = 1;
  return connection;
}

void OriginPool::give_back(std::unique_ptr<OriginConnection> connection, bool keep) {
  connection->user_ = nullptr;
  Idle& idle = idle_[connection->peer_];
  if (!keep || !connection->connected_ || idle.size() >= idle_each_max_) return bury(std::move(connection));
  connection->want(true, false);
  connection->idle_since_ = loop_.now();
  idle.push_back(std::move(connection));
  ++idle_count_;
  if (!sweeper_.armed()) sweeper_.arm_after(idle_max_);
}

void OriginPool::drop_idle(OriginConnection& connection) {
  Idle& idle = idle_[connection.peer_];
  for (auto it = idle.begin(); it != idle.end(); ++it) {
    if (it->get() != &connection) continue;
    bury(std::move(*it));
    idle.erase(it);
    --idle_count_;
    return;
  }
}

// Closed at once, destroyed later: the call that leads here may come from the connection itself.
void OriginPool::bury(std::unique_ptr<OriginConnection> connection) {
  loop_.unwatch(connection->fd_.get());
  connection->watched_ = false;
  connection->tls_.reset();
  connection->decrypted_.cancel();
  connection->fd_.reset();
  dead_.push_back(std::move(connection));
  sweeper_.arm_after(Duration::zero());
}

void OriginPool::sweep() {
  dead_.clear();
  const TimePoint limit = loop_.now() - idle_max_;
  TimePoint oldest = TimePoint::max();
  for (auto& [peer, idle] : idle_) {
    std::erase_if(idle, [&](const auto& connection) {
      if (connection->idle_since_ > limit) {
        oldest = std::min(oldest, connection->idle_since_);
        return false;
      }
      --idle_count_;
      return true;
    });
  }
  if (idle_count_ > 0) sweeper_.arm(oldest + idle_max_);
}

}  // namespace popnet::http
