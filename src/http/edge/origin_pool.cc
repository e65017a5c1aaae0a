#include "http/edge/origin_pool.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
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

OriginConnection::OriginConnection(OriginPool& pool, OriginPeer peer, rt::UniqueFd fd)
    : pool_(pool), loop_(pool.loop_), peer_(std::move(peer)), fd_(std::move(fd)), decrypted_(loop_, [this] {
        on_decrypted();
      }) {}

OriginConnection::~OriginConnection() {
  if (watched_) loop_.unwatch(fd_.get());
}

void OriginConnection::on_ready(uint32_t events) {
  if (user_ == nullptr) return pool_.on_idle_ready(*this);
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
  untimely_ = reused_ && since_ == loop_.now();  // the loop knew it before the request was sent
  ended_ = (events & EPOLLRDHUP) != 0;
  // One of the two: the call may end the use. The other event comes again.
  if (reading_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
    if (writing_ && (events & EPOLLOUT)) loop_.rewatch(fd_.get(), wanted());
    return user_->on_readable();
  }
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) user_->on_writable();
}

void OriginConnection::want(bool read, bool write) {
  if (read == reading_ && write == writing_) return;
  reading_ = read;
  writing_ = write;
  loop_.rewatch(fd_.get(), wanted());
  if (tls_ && connected_) expect_decrypted();
}

/// With TLS nobody can say what is left in the socket: the kernel looks each time. But while nothing is wanted of it, it tells
/// once: that the origin has gone is told unasked, and would be so again and again.
uint32_t OriginConnection::wanted() const {
  const uint32_t events = (reading_ ? EPOLLIN : 0U) | (writing_ ? EPOLLOUT : 0U);
  if (!peer_.tls) return events | EPOLLRDHUP | EPOLLET;
  return events != 0 ? events : uint32_t{EPOLLET};
}

ssize_t OriginConnection::read(std::span<char> room) {
  if (untimely_) return 0;  // as good as closed
  if (!tls_) {
    const ssize_t n = ::recv(fd_.get(), room.data(), room.size(), 0);
    const bool more = n > 0 && (ended_ || static_cast<size_t>(n) == room.size());
    if (more) loop_.rewatch(fd_.get(), wanted());
    return n;
  }
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

// --- what all threads share ---

void IdleConnections::join(OriginPool& pool) {
  const std::lock_guard lock(mutex_);
  pools_.push_back(&pool);
}

void IdleConnections::leave(OriginPool& pool) {
  const std::lock_guard lock(mutex_);
  std::erase(pools_, &pool);
}

std::shared_ptr<IdleConnections::Count> IdleConnections::count_of(const OriginPeer& peer) {
  const std::lock_guard lock(mutex_);
  std::erase_if(counts_, [](const auto& known) { return known.second.expired(); });
  std::weak_ptr<Count>& known = counts_[peer];
  std::shared_ptr<Count> count = known.lock();
  if (!count) known = count = std::make_shared<Count>(0);
  return count;
}

// --- one thread's ---

OriginPool::OriginPool(rt::Loop& loop, IdleConnections& all)
    : loop_(loop), all_(all), burial_(loop, [this] { dead_.clear(); }), sweeper_(loop, [this] { sweep(); }) {
  all_.join(*this);
}

OriginPool::~OriginPool() {
  all_.leave(*this);
}

std::unique_ptr<OriginConnection> OriginPool::make(const OriginPeer& peer, rt::UniqueFd fd,
                                                   std::unique_ptr<tls::Session> tls, bool connected,
                                                   OriginConnection::User* user) {
  const int number = fd.get();
  std::unique_ptr<OriginConnection> connection(new OriginConnection(*this, peer, std::move(fd)));
  connection->tls_ = std::move(tls);  // says good-bye over the descriptor: goes before it
  connection->user_ = user;
  connection->connected_ = connected;
  connection->writing_ = !connected;
  connection->since_ = loop_.now();
  connection->watched_ = loop_.watch(number, connection->wanted(), *connection);
  return connection->watched_ ? std::move(connection) : nullptr;
}

Result<std::unique_ptr<OriginConnection>> OriginPool::connect(OriginPeer peer, OriginConnection::User& user) {
  auto fd = rt::connect_tcp(peer.endpoint);
  if (!fd) return fd.error();
  auto connection = make(peer, std::move(*fd), nullptr, false, &user);
  if (!connection) return Error{ErrorCode::machine, "the kernel watches no more descriptors for us"};
  return connection;
}

std::unique_ptr<OriginConnection> OriginPool::take(const OriginPeer& peer, OriginConnection::User& user) {
  Shelf& there = shelf(peer);
  while (there.count->load(std::memory_order_relaxed) > 0) {
    std::unique_ptr<OriginConnection> connection = take_own(there);
    if (!connection) connection = take_from_others(peer);
    if (!connection) return nullptr;
    OriginConnection& c = *connection;
    const bool loop_would_know = c.since_ != loop_.now() && loop_.told_all();
    if (!loop_would_know && !is_silent(c.fd_.get())) {
      close(std::move(connection));
      continue;
    }
    c.user_ = &user;
    c.since_ = loop_.now();
    c.reused_ = true;
    return connection;
  }
  return nullptr;
}

OriginPool::Shelf& OriginPool::shelf(const OriginPeer& peer) {
  if (recent_ != shelves_.end() && recent_->first == peer) return recent_->second;
  recent_ = shelves_.find(peer);
  if (recent_ != shelves_.end()) return recent_->second;
  std::shared_ptr<IdleConnections::Count> count = all_.count_of(peer);
  if (!sweeper_.armed()) sweeper_.arm_after(between_sweeps);
  const std::lock_guard lock(mutex_);
  recent_ = shelves_.emplace(peer, Shelf{std::move(count)}).first;
  return recent_->second;
}

/// The one used last is the least likely to be closed. Those given back in this turn come last: they have to be asked.
std::unique_ptr<OriginConnection> OriginPool::take_own(Shelf& shelf) {
  const std::lock_guard lock(mutex_);
  if (shelf.idle.empty()) return nullptr;
  auto found = std::find_if(shelf.idle.rbegin(), shelf.idle.rend(),
                            [now = loop_.now()](const auto& c) { return c->since_ != now; });
  if (found == shelf.idle.rend()) found = shelf.idle.rbegin();
  std::unique_ptr<OriginConnection> connection = std::move(*found);
  shelf.idle.erase(std::next(found).base());
  shelf.count->fetch_sub(1, std::memory_order_relaxed);
  return connection;
}

std::unique_ptr<OriginConnection> OriginPool::take_from_others(const OriginPeer& peer) {
  rt::UniqueFd fd;
  std::unique_ptr<tls::Session> tls;
  {
    const std::lock_guard lock(all_.mutex_);
    const auto& pools = all_.pools_;
    const auto own = static_cast<size_t>(std::find(pools.begin(), pools.end(), this) - pools.begin());
    for (size_t i = 1; i < pools.size() && !fd.valid(); ++i)
      (void)pools[(own + i) % pools.size()]->lend(peer, fd, tls);
  }
  if (!fd.valid()) return nullptr;
  return make(peer, std::move(fd), std::move(tls), true, nullptr);
}

bool OriginPool::lend(const OriginPeer& peer, rt::UniqueFd& fd, std::unique_ptr<tls::Session>& tls) {
  const std::lock_guard lock(mutex_);
  const auto there = shelves_.find(peer);
  if (there == shelves_.end() || there->second.idle.empty()) return false;
  Shelf& shelf = there->second;
  OriginConnection& connection = *lent_.emplace_back(std::move(shelf.idle.front()));
  shelf.idle.pop_front();
  shelf.count->fetch_sub(1, std::memory_order_relaxed);
  loop_.give_away(connection.fd_.get());
  connection.watched_ = false;
  fd = std::move(connection.fd_);
  tls = std::move(connection.tls_);
  return true;
}

void OriginPool::give_back(std::unique_ptr<OriginConnection> connection, bool keep) {
  OriginConnection& c = *connection;
  c.user_ = nullptr;
  c.decrypted_.cancel();
  if (!keep || !c.connected_ || (c.tls_ && c.tls_->has_decrypted())) return close(std::move(connection));
  c.want(true, false);
  c.since_ = loop_.now();
  park(std::move(connection));
}

/// Closes the one that is idle here for the longest when there are too many.
void OriginPool::park(std::unique_ptr<OriginConnection> connection) {
  Shelf& there = shelf(connection->peer_);
  std::unique_ptr<OriginConnection> too_many;
  {
    const std::lock_guard lock(mutex_);
    there.idle.push_back(std::move(connection));
    if (there.count->fetch_add(1, std::memory_order_relaxed) >= all_.each_max_) {
      too_many = std::move(there.idle.front());
      there.idle.pop_front();
      there.count->fetch_sub(1, std::memory_order_relaxed);
    }
  }
  if (too_many) close(std::move(too_many));
}

// An idle origin has nothing to say but good-bye. If the connection is not here, another thread has just taken it.
void OriginPool::on_idle_ready(OriginConnection& connection) {
  std::unique_ptr<OriginConnection> over;
  {
    const std::lock_guard lock(mutex_);
    const auto there = shelves_.find(connection.peer_);
    if (there == shelves_.end()) return;
    auto& idle = there->second.idle;
    const auto found =
        std::find_if(idle.begin(), idle.end(), [&](const auto& c) { return c.get() == &connection; });
    if (found == idle.end()) return;
    over = std::move(*found);
    idle.erase(found);
    there->second.count->fetch_sub(1, std::memory_order_relaxed);
  }
  close(std::move(over));
}

// Closed at once, destroyed later: the call that leads here may come from the connection itself.
void OriginPool::close(std::unique_ptr<OriginConnection> connection) {
  OriginConnection& c = *connection;
  if (std::exchange(c.watched_, false)) loop_.unwatch(c.fd_.get());
  c.tls_.reset();
  c.fd_.reset();
  dead_.push_back(std::move(connection));
  if (!burial_.armed()) burial_.arm_after(Duration::zero());
}

/// Those that are idle for too long go, and what is left of those that were lent.
void OriginPool::sweep() {
  Connections over;
  {
    const std::lock_guard lock(mutex_);
    over.swap(lent_);
    for (auto there = shelves_.begin(); there != shelves_.end();) {
      Shelf& shelf = there->second;
      while (!shelf.idle.empty() && loop_.now() - shelf.idle.front()->since_ >= all_.idle_max_) {
        over.push_back(std::move(shelf.idle.front()));
        shelf.idle.pop_front();
        shelf.count->fetch_sub(1, std::memory_order_relaxed);
      }
      there = shelf.idle.empty() ? shelves_.erase(there) : std::next(there);
    }
    recent_ = shelves_.end();
  }
  for (auto& connection : over) close(std::move(connection));
  if (!shelves_.empty()) sweeper_.arm_after(between_sweeps);
}

}  // namespace popnet::http
