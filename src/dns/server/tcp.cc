#include "dns/server/tcp.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/log.h"
#include "dns/server/policy.h"
#include "dns/server/transfer.h"
#include "dns/wire/protocol.h"
#include "dns/wire/proxy_header.h"
#include "rt/socket.h"

namespace popnet::dns {

namespace {
constexpr size_t length_size = 2;                 // leads each message
constexpr size_t unread_replies_max = 256 << 10;  // bytes; a peer that leaves more is not read from
constexpr size_t read_step = 4096;
constexpr size_t proxy_header_max = 2048;  // bytes; addresses and a few extensions
constexpr Duration accept_pause = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(1);  // that a client is let go in
constexpr int pause_part = 10;                               // of the time that there is, if that is less

bool asks_zone(const Query& query) {
  return query.verdict == Verdict::fine && query.qclass == class_in &&
         (query.type == type::axfr || query.type == type::ixfr);
}

int64_t unix_seconds(const rt::Loop& loop) {
  return std::chrono::duration_cast<std::chrono::seconds>(loop.wall().time_since_epoch()).count();
}
}  // namespace

class TcpShard::Listener final : public rt::Watcher {
 public:
  Listener(TcpShard& shard, TcpListener listener)
      : shard_(shard), fd_(std::move(listener.fd)), transport_(listener.transport) {
    watch();
  }
  ~Listener() { pause(); }
  void on_ready(uint32_t) override { shard_.accept_all(fd_.get(), transport_); }
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
  const Transport transport_;
  bool watched_ = false;
};

class TcpShard::Connection final : public rt::Watcher {
 public:
  /// `peer`: whose connections are counted.
  Connection(TcpShard& shard, rt::UniqueFd fd, Transport transport, const ConnectionPeer& peer)
      : shard_(shard),
        key_(fd.get()),
        fd_(std::move(fd)),
        peer_(peer.from.address),
        port_(peer.proxy ? 0 : peer.from.port),
        source_{peer.resolver.value_or(peer.from.address), transport},
        of_proxy_(peer.proxy),
        behind_proxy_(peer.proxy && !peer.resolver),
        decrypted_at_(peer.decrypted_at),
        idle_(shard.loop_, [this] { on_idle(); }),
        by_idleness_(shard.by_idleness_.insert(shard.by_idleness_.end(), key_)) {
    source_.leaving = decrypted_at_.has_value();
    watched_ = shard_.loop_.watch(fd_.get(), events_, *this);
    idle_.arm_after(shard_.limits_.idle);
  }
  ~Connection() {
    if (watched_) shard_.loop_.unwatch(fd_.get());
    shard_.by_idleness_.erase(by_idleness_);
    shard_.sources_.remove(peer_);
    shard_.state_.counts.tcp_closed.add();
  }

  void on_ready(uint32_t) override { work(); }
  void begin_with(std::span<const uint8_t> received) { in_.assign(received.begin(), received.end()); }
  /// Looks for what is to do. May destroy this connection.
  void go_on() { work(); }
  /// Another process has the address. May destroy this connection.
  void leave() {
    if (is_bound() && shard_.pass_on_.relays == nullptr) stays();
    work();
  }
  /// Its next answer is its last. May destroy this connection.
  void finish_soon() {
    if (!leaving_) return finish();
    if (!peer_ended_) idle_.arm_after(shard_.limits_.drain / 2);
  }
  /// Answers what has arrived; then ends as soon as the replies are written. May destroy this connection.
  void finish() {
    if (shard_.leaving_) stays();
    (void)read_all();
    peer_ended_ = true;
    idle_.arm_after(shard_.limits_.drain);
    work();
  }
  /// False: it cannot live.
  bool start() {
    if (source_.transport == Transport::tls && !decrypted_at_) {
      const auto& context = shard_.view_.get().policy->tls;
      if (context != nullptr) tls_ = context->accept(fd_.get());
      return watched_ && tls_ != nullptr;
    }
    return watched_;
  }

 private:
  // Each call may destroy this connection as its last act. It does one step of a bounded size, so that a client that never
  // pauses does not hold up others: what is at hand after that is for the next turn, as a transfer is.
  void work() {
    if (!peer_ended_ && !paused()) peer_ended_ = !read_all();
    if (!answer_all() || !write_all()) return end();
    const bool more = more_at_hand();
    if (says_last_ && in_.empty() && !more) peer_ended_ = true;
    if (peer_ended_ && unwritten() == 0 && transfer_ == nullptr && next_size() == 0)
      return leaving_ ? let_go() : end();
    if (shard_.pass_on_.take && pass_on()) return end();
    if (leaving_ && !peer_ended_) idle_.arm_after(patience());
    const bool writes = unwritten() > 0 || tls_wants_write_ || transfer_ != nullptr || more;
    want(paused() || peer_ended_ ? EPOLLOUT : writes ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
  void end() { shard_.close(key_); }
  void on_idle() {
    if (leaving_ && !peer_ended_) return finish();
    end();
  }
  void let_go();
  /// It ends here, and its client is told so.
  void stays() { leaving_ = source_.leaving = true; }
  /// Only this process has its keys.
  [[nodiscard]] bool is_bound() const { return tls_ != nullptr; }
  /// True if another process has it now. Not while something is under way.
  bool pass_on();
  bool pass_on_session(const ConnectionPeer& peer);
  /// How long nothing may come while it is leaving. A client that has asked nothing yet is about to.
  [[nodiscard]] Duration patience() const {
    if (shard_.time_is_over_) return shard_.limits_.drain / 2;
    return answered_ && in_.empty() ? shard_.pause_ : shard_.limits_.idle;
  }
  /// Something that no event of the socket will announce.
  [[nodiscard]] bool more_at_hand() const {
    return (transfer_ == nullptr && next_size() != 0) ||
           (!peer_ended_ && tls_ != nullptr && tls_->has_decrypted());
  }

  [[nodiscard]] size_t unwritten() const { return out_.size() - written_; }
  /// Nothing is read: its replies are not.
  [[nodiscard]] bool paused() const { return unwritten() > unread_replies_max; }

  /// Size of the message at the front of in_ with its length field; 0 = not all of it is there.
  [[nodiscard]] size_t next_size(size_t at = 0) const {
    if (in_.size() - at < length_size) return 0;
    const size_t size = length_size + (size_t{in_[at]} << 8 | in_[at + 1]);
    return in_.size() - at < size ? 0 : size;
  }

  enum class Read : uint8_t { some, nothing, end };
  bool read_all();
  Read read_some(std::span<uint8_t> room, size_t& size);
  bool read_proxy();
  bool answer_all();
  bool answer_one(std::span<const uint8_t> message, const Query& query);
  bool begin_transfer(std::span<const uint8_t> message, const Query& query);
  bool go_on_with_transfer();
  void put_reply(size_t size);
  bool write_all();
  ssize_t write_some(std::span<const uint8_t> bytes);
  void forget_written();
  void want(uint32_t events) {
    if (events != events_) shard_.loop_.rewatch(fd_.get(), events);
    events_ = events;
  }

  TcpShard& shard_;
  const int key_;  // in the shard: the descriptor that it came with
  rt::UniqueFd fd_;
  const IpAddress peer_;
  const uint16_t port_;  // of the resolver, if it is known
  Source source_;
  const bool of_proxy_;
  bool behind_proxy_;                           // its header is not read yet
  const std::optional<Endpoint> decrypted_at_;  // the session is another process's
  rt::Timer idle_;
  const std::list<int>::iterator by_idleness_;
  uint32_t events_ = EPOLLIN;
  bool watched_ = false;
  bool peer_ended_ = false;  // or is not listened to any more
  bool answered_ = false;    // something
  bool leaving_ = false;     // ends here, while another process has the address
  bool says_last_ = false;
  bool told_end_ = false;
  bool tls_wants_write_ = false;
  std::unique_ptr<tls::Session> tls_;   // null: plain
  std::unique_ptr<Transfer> transfer_;  // null: none under way
  std::vector<uint8_t> in_;             // not yet answered
  std::vector<uint8_t> out_;
  size_t written_ = 0;  // of out_
};

/// False when nothing more will come. At most about one message of the greatest size is held.
bool TcpShard::Connection::read_all() {
  if (behind_proxy_ && !read_proxy()) return false;
  while (!behind_proxy_ && in_.size() < length_size + message_size_max) {
    const size_t before = in_.size();
    in_.resize(before + read_step);
    size_t size = 0;
    const Read read = read_some(std::span(in_).subspan(before), size);
    in_.resize(before + size);
    if (read != Read::some) return read == Read::nothing;
  }
  return true;
}

TcpShard::Connection::Read TcpShard::Connection::read_some(std::span<uint8_t> room, size_t& size) {
  if (tls_ != nullptr) {
    const auto progress = tls_->read(std::span(reinterpret_cast<char*>(room.data()), room.size()));
    tls_wants_write_ = progress.result == tls::Session::Result::wants_write;
    size = progress.size;
    if (progress.ended()) return Read::end;
    return progress.result == tls::Session::Result::done ? Read::some : Read::nothing;
  }
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), room.data(), room.size(), 0);
    if (n > 0) return size = static_cast<size_t>(n), Read::some;
    if (n == 0) return Read::end;
    if (errno != EINTR) return errno == EAGAIN ? Read::nothing : Read::end;
  }
}

/// Reads the PROXY header and not a byte more: behind it TLS may begin. False if the peer is no proxy.
bool TcpShard::Connection::read_proxy() {
  for (;;) {
    const ProxyHeader header = read_proxy_header(in_);
    if (header.verdict == ProxyHeader::Verdict::broken || header.size > proxy_header_max) return false;
    if (header.verdict == ProxyHeader::Verdict::fine) {
      if (header.source) source_.address = header.source->address;
      behind_proxy_ = false;
      in_.clear();
      return true;
    }
    const size_t before = in_.size();
    in_.resize(header.size);
    const ssize_t n = ::recv(fd_.get(), in_.data() + before, header.size - before, 0);
    in_.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0 || (n < 0 && errno != EINTR)) return n < 0 && errno == EAGAIN;
  }
}

/// False if the peer does not speak DNS. Replies stand between the messages of a transfer (RFC 7766 section 6.2.1.1,
/// RFC 5936 section 4.1.1); another transfer waits until it has ended.
bool TcpShard::Connection::answer_all() {
  size_t at = 0;
  for (size_t size; !paused() && (size = next_size(at)) != 0; at += size) {
    const auto message = std::span<const uint8_t>(in_).subspan(at + length_size, size - length_size);
    Query query;
    parse_query(message, query);
    if (transfer_ != nullptr && asks_zone(query)) break;
    if (!answer_one(message, query)) return false;
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
  return go_on_with_transfer();
}

bool TcpShard::Connection::answer_one(std::span<const uint8_t> message, const Query& query) {
  const View& view = shard_.view_.get();
  if (asks_zone(query) && begin_transfer(message, query)) return true;
  const Moment now = {shard_.loop_.now(), shard_.loop_.wall()};
  const Outcome outcome = shard_.state_.responder.respond(view, message, query, source_, now, shard_.room_);
  shard_.state_.account(view, query, source_, outcome);
  if (shard_.state_.recorder != nullptr) [[unlikely]]
    shard_.state_.record(message, std::span(shard_.room_).first(outcome.size), source_, port_,
                         decrypted_at_ ? *decrypted_at_ : rt::local_endpoint(fd_.get()), outcome, now.wall);
  if (outcome.size == 0) return false;
  put_reply(outcome.size);
  return true;
}

/// What stands in the shard's room is to be sent.
void TcpShard::Connection::put_reply(size_t size) {
  out_.push_back(static_cast<uint8_t>(size >> 8));
  out_.push_back(static_cast<uint8_t>(size));
  out_.insert(out_.end(), shard_.room_.begin(), shard_.room_.begin() + static_cast<std::ptrdiff_t>(size));
  answered_ = true;
  says_last_ = leaving_ && shard_.time_is_over_;
  idle_.arm_after(shard_.limits_.idle);
  shard_.by_idleness_.splice(shard_.by_idleness_.end(), shard_.by_idleness_, by_idleness_);
}

/// False if the peer may not have the zone.
bool TcpShard::Connection::begin_transfer(std::span<const uint8_t> message, const Query& query) {
  const View& view = shard_.view_.get();
  auto transfer = std::make_unique<Transfer>(view, message, query, source_, unix_seconds(shard_.loop_));
  if (!transfer->admitted()) return false;
  Outcome outcome;
  outcome.size = header_size;  // at least
  shard_.state_.account(view, query, source_, outcome);
  log::info("{}", transfer->title());
  transfer_ = std::move(transfer);
  return true;
}

/// As much of it as may wait to be read, and as does not hold up others. False if it cannot go on.
bool TcpShard::Connection::go_on_with_transfer() {
  for (bool goes_on = true; goes_on && transfer_ != nullptr && unwritten() <= unread_replies_max;) {
    const size_t size = transfer_->next(shard_.room_, unix_seconds(shard_.loop_));
    if (size == 0) return false;
    put_reply(size);
    goes_on = !transfer_->was_costly();
    if (transfer_->done()) transfer_.reset();
  }
  return true;
}

/// False if the peer is gone.
bool TcpShard::Connection::write_all() {
  while (unwritten() > 0) {
    const ssize_t n = write_some(std::span(out_).subspan(written_));
    if (n < 0) return false;
    if (n == 0) break;
    written_ += static_cast<size_t>(n);
  }
  forget_written();
  return true;
}

/// How many bytes were taken, 0 if none can be now, -1 if the peer is gone.
ssize_t TcpShard::Connection::write_some(std::span<const uint8_t> bytes) {
  if (tls_ != nullptr) {
    const auto progress = tls_->write(std::span(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return progress.ended() ? -1 : static_cast<ssize_t>(progress.size);
  }
  for (;;) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) return n;
    if (errno != EINTR) return errno == EAGAIN ? 0 : -1;
  }
}

bool TcpShard::Connection::pass_on() {
  if (leaving_ || transfer_ != nullptr || unwritten() > 0 || peer_ended_ || next_size() != 0) return false;
  if (is_bound() && behind_proxy_) return false;  // what is read next is not TLS yet
  const bool named = of_proxy_ && !behind_proxy_;
  const ConnectionPeer peer{
      {peer_, port_}, of_proxy_, named ? std::optional(source_.address) : std::nullopt, decrypted_at_};
  const bool taken = is_bound() ? pass_on_session(peer) : shard_.pass_on_.take({fd_.get(), peer, in_});
  if (!taken) stays();
  return taken;
}

/// The other process gets a socket where it finds what is decrypted here.
bool TcpShard::Connection::pass_on_session(const ConnectionPeer& peer) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return false;
  rt::UniqueFd ours(ends[0]);
  const rt::UniqueFd theirs(ends[1]);
  ConnectionPeer decrypted = peer;
  decrypted.decrypted_at = rt::local_endpoint(fd_.get());
  if (!shard_.pass_on_.take({theirs.get(), decrypted, in_})) return false;
  shard_.loop_.unwatch(fd_.get());
  watched_ = false;
  shard_.pass_on_.relays->add(std::move(fd_), std::move(tls_), std::move(ours), shard_.limits_.idle);
  return true;
}

/// Ends our half; the rest when the client has ended the other.
void TcpShard::Connection::let_go() {
  if (!told_end_) {
    if (tls_ != nullptr && tls_->end_writing().result == tls::Session::Result::wants_write)
      return want(EPOLLOUT);
    told_end_ = true;
    ::shutdown(fd_.get(), SHUT_WR);
  }
  uint8_t unread[read_step];
  const ssize_t n = ::recv(fd_.get(), unread, sizeof unread, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return end();
  want(EPOLLIN);
}

void TcpShard::Connection::forget_written() {
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(written_));
  written_ = 0;
}

TcpShard::TcpShard(rt::Loop& loop, std::vector<TcpListener> listeners, const rt::Published<View>& view,
                   ThreadState& state, SourceCounts& sources, const TcpLimits& limits)
    : loop_(loop),
      view_(view),
      state_(state),
      sources_(sources),
      limits_(limits),
      room_(message_size_max),
      accept_again_(loop,
                    [this] {
                      for (auto& listener : listeners_) listener->watch();
                    }),
      finish_(loop, [this] { finish_all(); }),
      drained_(loop, [this] {
        connections_.clear();
        finish_if_empty();
      }) {
  for (TcpListener& listener : listeners)
    listeners_.push_back(std::make_unique<Listener>(*this, std::move(listener)));
}

TcpShard::~TcpShard() = default;

void TcpShard::accept_all(int listener, Transport transport) {
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
    const Endpoint peer = rt::to_endpoint(from);
    take(std::move(fd), transport, {peer, view_.get().policy->is_proxy(peer.address)});
  }
}

void TcpShard::adopt(rt::UniqueFd fd, const ConnectionPeer& peer, std::span<const uint8_t> received) {
  take(std::move(fd), peer.decrypted_at ? Transport::tls : Transport::tcp, peer, received);
}

void TcpShard::take(rt::UniqueFd fd, Transport transport, const ConnectionPeer& peer,
                    std::span<const uint8_t> received) {
  const size_t most = peer.proxy ? SIZE_MAX : limits_.per_source;  // a proxy stands for many
  if (!sources_.add(peer.from.address, most)) return state_.counts.tcp_refused.add();
  if (connections_.size() >= limits_.connections_max) {
    state_.counts.tcp_evicted.add();
    const int longest_idle = by_idleness_.front();
    connections_.erase(longest_idle);
  }
  state_.counts.tcp_accepted.add();
  const int key = fd.get();
  auto connection = std::make_unique<Connection>(*this, std::move(fd), transport, peer);
  if (!connection->start()) return;
  Connection& present = *connection;
  connections_[key] = std::move(connection);
  if (received.empty()) return;
  present.begin_with(received);
  present.go_on();
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

void TcpShard::drain(Duration at_most, PassOn pass_on, std::function<void()> done) {
  for (auto& listener : listeners_) listener->on_ready(EPOLLIN);
  accept_again_.cancel();
  listeners_.clear();
  done_ = std::move(done);
  pass_on_ = std::move(pass_on);
  leaving_ = pass_on_.take != nullptr;
  pause_ = std::min<Duration>({longest_pause, limits_.idle, at_most / pause_part});
  if (leaving_) on_all([](Connection& connection) { connection.leave(); });
  if (at_most > Duration::zero())
    finish_.arm_after(at_most);
  else
    finish_all();
  finish_if_empty();
}

void TcpShard::finish_all() {
  pass_on_ = {};
  time_is_over_ = true;
  drained_.arm_after(limits_.drain);
  on_all([](Connection& connection) { connection.finish_soon(); });
}

/// `work` may end the connection.
void TcpShard::on_all(const std::function<void(Connection&)>& work) {
  std::vector<int> present;
  for (auto& [fd, connection] : connections_) present.push_back(fd);
  for (const int fd : present)
    if (const auto found = connections_.find(fd); found != connections_.end()) work(*found->second);
}

void TcpShard::finish_if_empty() {
  if (!done_ || !connections_.empty()) return;
  finish_.cancel();
  drained_.cancel();
  std::exchange(done_, nullptr)();
}

}  // namespace popnet::dns
