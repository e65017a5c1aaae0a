#include "http/edge/origin_pool.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include <fmt/format.h>

#include "rt/socket.h"

namespace popnet::http {

namespace {

constexpr Duration between_sweeps = std::chrono::seconds(2);

/// An idle origin has nothing to say but good-bye.
bool is_silent(int fd) {
  char byte;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

}  // namespace

OriginConnection::OriginConnection(rt::Loop& loop, OriginPeer peer, rt::UniqueFd fd)
    : loop_(loop), peer_(std::move(peer)), fd_(std::move(fd)), decrypted_(loop, [this] { on_decrypted(); }) {}

OriginConnection::~OriginConnection() {
  if (watched_) loop_.unwatch(fd_.get());
}

void OriginConnection::on_ready(uint32_t events) {
  if (user_ == nullptr) return;
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
  if (user_ != nullptr && reading_) user_->on_readable();
}

// --- idle ---

IdleConnections::Idle IdleConnections::take(const OriginPeer& peer) {
  for (;;) {
    Idle idle;
    {
      const std::lock_guard lock(mutex_);
      const auto found = idle_.find(peer);
      if (found == idle_.end() || found->second.empty()) return {};
      idle = std::move(found->second.back());  // the one used last is the least likely to be closed
      found->second.pop_back();
    }
    if (is_silent(idle.fd.get())) return idle;
  }
}

void IdleConnections::park(const OriginPeer& peer, Idle idle) {
  Idle too_many;  // closed without the lock
  const std::lock_guard lock(mutex_);
  auto& there = idle_[peer];
  if (there.size() >= each_max_ && !there.empty()) {
    too_many = std::move(there.front());
    there.pop_front();
  }
  there.push_back(std::move(idle));
}

void IdleConnections::sweep(TimePoint now) {
  std::vector<Idle> over;  // closed without the lock
  const std::lock_guard lock(mutex_);
  for (auto peer = idle_.begin(); peer != idle_.end();) {
    std::erase_if(peer->second, [&](Idle& idle) {
      const bool ends = now - idle.since >= idle_max_ || !is_silent(idle.fd.get());
      if (ends) over.push_back(std::move(idle));
      return ends;
    });
    peer = peer->second.empty() ? idle_.erase(peer) : std::next(peer);
  }
}

// --- one thread's ---

OriginPool::OriginPool(rt::Loop& loop, IdleConnections& idle)
    : loop_(loop),
      idle_(idle),
      burial_(loop, [this] { dead_.clear(); }),
      sweeper_(loop, [this] { idle_.sweep(loop_.now()); }) {}

OriginPool::~OriginPool() = default;

std::unique_ptr<OriginConnection> OriginPool::make(const OriginPeer& peer, rt::UniqueFd fd, bool connected,
                                                   OriginConnection::User& user) {
  const int number = fd.get();
  std::unique_ptr<OriginConnection> connection(new OriginConnection(loop_, peer, std::move(fd)));
  connection->user_ = &user;
  connection->connected_ = connection->reused_ = connected;
  connection->writing_ = !connected;
  connection->watched_ = loop_.watch(number, connected ? EPOLLIN : EPOLLIN | EPOLLOUT, *connection);
  return connection->watched_ ? std::move(connection) : nullptr;
}

std::unique_ptr<OriginConnection> OriginPool::take(const OriginPeer& peer, OriginConnection::User& user) {
  IdleConnections::Idle idle = idle_.take(peer);
  if (!idle.fd.valid()) return nullptr;
  auto connection = make(peer, std::move(idle.fd), true, user);
  if (connection) connection->tls_ = std::move(idle.tls);
  return connection;
}

Result<std::unique_ptr<OriginConnection>> OriginPool::connect(OriginPeer peer, OriginConnection::User& user) {
  auto fd = rt::connect_tcp(peer.endpoint);
  if (!fd) return fd.error();
  auto connection = make(peer, std::move(*fd), false, user);
  if (!connection) return Error{ErrorCode::machine, "the kernel watches no more descriptors for us"};
  return connection;
}

// Closed or parked at once, destroyed later: the call that leads here may come from the connection itself.
void OriginPool::give_back(std::unique_ptr<OriginConnection> connection, bool keep) {
  OriginConnection& c = *connection;
  c.user_ = nullptr;
  loop_.unwatch(c.fd_.get());
  c.watched_ = false;
  c.decrypted_.cancel();
  if (keep && c.connected_ && !(c.tls_ && c.tls_->has_decrypted())) {
    idle_.park(c.peer_, {std::move(c.fd_), std::move(c.tls_), loop_.now()});
    if (!sweeper_.armed()) sweeper_.arm_after(between_sweeps);
  }
  c.tls_.reset();
  c.fd_.reset();
  dead_.push_back(std::move(connection));
  if (!burial_.armed()) burial_.arm_after(Duration::zero());
}

}  // namespace popnet::http
