#include "http/edge/client.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "http/edge/answer_head.h"
#include "http/edge/worker.h"

namespace popnet::http {

namespace {

constexpr uint64_t copied_max = 16 * 1024;  // longer bodies are sent from where they lie
constexpr size_t uncopied_min =
    Pages::least;  // longer pieces of them are not copied by the kernel, where they lie in pages
constexpr size_t pieces_max = 16;
constexpr uint64_t given_max = 2 * 1024 * 1024;  // bytes that one connection gets in one turn
// Who has ended his side may still read what comes (`nc -N` does). Where nothing has come, or gone, for so long, nobody is there.
constexpr Duration time_to_read = std::chrono::seconds(1);
constexpr uint32_t input = EPOLLIN | EPOLLRDHUP;

/// To whom the end of the connection is the end of the body, only a reset says that it is not whole.
void reset_when_closed(int fd) {
  const linger at_once{1, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/// Bytes that the peer has acknowledged. What we have written says little of a slow reader: the kernel takes
/// megabytes at once, and then nothing for as long as he needs for them.
uint64_t acknowledged(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_acked : 0;
}

std::string_view refusal_text(uint16_t status) {
  switch (status) {
    case 414:
      return "The address is too long.\n";
    case 417:
      return "The expectation cannot be met.\n";
    case 431:
      return "The head of the request is too long.\n";
    case 501:
      return "This method or transfer coding is not implemented.\n";
    case 505:
      return "Only HTTP/1.1 and HTTP/1.0 are spoken here.\n";
    default:
      return "This is not a correct HTTP/1.1 request.\n";
  }
}

}  // namespace

Client::Client(Worker& worker, rt::UniqueFd socket, const IpAddress& address, uint16_t port)
    : worker_(worker),
      timer_(worker.loop, [this] { on_timeout(); }),
      fd_(std::move(socket)),
      address_(address),
      port_(port) {}

Client::~Client() = default;

bool Client::start() {
  if (!worker_.loop.watch(fd_.get(), input | EPOLLET, *this)) return false;
  watched_ = input;
  timer_.arm_after(worker_.shared.timeouts.keep_alive);
  return true;
}

void Client::close() {
  if (put_off_) worker_.outbox.send();
  if (state_ == State::closed) return;
  state_ = State::closed;
  worker_.loop.unwatch(fd_.get());
  if (ends_body_ && (active_ || !unsent_.empty())) reset_when_closed(fd_.get());
  fd_.reset();
  timer_.cancel();
  (void)take_out();
  end_active();
  worker_.bury(*this);
}

void Client::close_soon() {
  if (put_off_) worker_.outbox.send();  // it may have to wait for the socket
  keep_alive_ = false;
  if (state_ == State::idle && unsent_.empty()) close();
}

void Client::on_ready(uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP)) return close();
  if (events & EPOLLOUT) {
    blocked_ = false;
    pump();
    go_on();
  }
  if ((events & EPOLLIN) && state_ != State::closed) read((events & EPOLLRDHUP) != 0);
}

// --- deadlines ---

void Client::on_timeout() {
  const bool tunnel = active_ && active_->upload &&
                      active_->upload->is_tunnel();  // may be silent for as long as the fetch allows
  const bool moving = blocked_ || (state_ == State::busy && wants_input() && !tunnel);
  if (state_ == State::lingering) return close();
  if (client_ended_ && state_ == State::busy && !blocked_) {
    if (acknowledged(fd_.get()) == acknowledged_) return close();
    return give_time_to_read();
  }
  if (moving ? !has_moved() : state_ == State::idle) {
    if (moving || !in_.empty()) worker_.counters.timeouts.add();
    return close();
  }
  watch_progress();  // on the move, or waiting for an origin, who has deadlines of his own
}

void Client::watch_progress() {
  received_ = 0;
  acknowledged_ = acknowledged(fd_.get());
  timer_.arm_after(worker_.shared.timeouts.progress);
}

void Client::give_time_to_read() {
  acknowledged_ = acknowledged(fd_.get());
  timer_.arm_after(time_to_read);
}

bool Client::has_moved() const {
  return received_ + (acknowledged(fd_.get()) - acknowledged_) >= worker_.shared.timeouts.progress_bytes;
}

// --- reading ---

bool Client::wants_input() const {
  switch (state_) {
    case State::idle:
      return keep_alive_ && unsent_.empty();
    case State::busy:
      return active_->upload && active_->body.kind != Framing::Kind::none && !active_->upload->full();
    case State::lingering:
      return true;
    case State::closed:
      return false;
  }
  return false;
}

/// `ended`: the client sends no more than what is here.
void Client::read(bool ended) {
  if (put_off_)
    worker_.outbox
        .send();  // before what comes next: it may close this client, or have to wait for the socket
  if (state_ == State::closed) return;
  if (!wants_input()) {
    if (ended && has_ended()) {
      client_ended_ = true;
      if (!blocked_) give_time_to_read();
    }
    mute_ = true;
    return watch_for();
  }
  Scratch& scratch = *worker_.scratch;
  const size_t before = in_.size();
  std::memcpy(scratch.in.data(), in_.data(), before);
  const size_t room = scratch.in.size() - before;
  const ssize_t n = ::recv(fd_.get(), scratch.in.data() + before, room, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close();
  if (ended || static_cast<size_t>(n) == room) watched_ = 0;  // there is more
  if (state_ == State::lingering) return watch_for();         // whatever it is, it comes too late
  received_ += static_cast<size_t>(n);
  std::string_view bytes(scratch.in.data(), before + static_cast<size_t>(n));
  if (state_ == State::idle) return process(bytes, before);
  take_body(bytes);
  keep(bytes);
  go_on();
}

/// The client has closed its side while it waits, and asks for nothing more.
bool Client::has_ended() const {
  char byte;
  return state_ == State::busy && in_.empty() && ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void Client::process(std::string_view bytes, size_t judged) {
  in_process_ = true;
  while (!bytes.empty() && state_ == State::idle && wants_input() && process_request(bytes, judged))
    judged = 0;
  in_process_ = false;
  if (state_ == State::closed) return;
  keep(bytes);
  flush();
  settle();
}

/// False when more bytes are needed, or nothing more is to be read.
bool Client::process_request(std::string_view& bytes, size_t judged) {
  RequestHead& head = worker_.scratch->request;
  const Parsed parsed = parse_request(bytes, worker_.shared.limits.heads, head, judged);
  switch (parsed.state) {
    case Parsed::State::need_more:
      if (!head_begun_) timer_.arm_after(worker_.shared.timeouts.head);
      head_begun_ = true;
      return false;
    case Parsed::State::error:
      worker_.counters.bad_requests.add();
      keep_alive_ = false;
      must_linger_ = true;
      begin_active();
      active_->request.refuse(*this, parsed.status, refusal_text(parsed.status), std::exchange(bytes, {}));
      return false;
    case Parsed::State::complete:
      break;
  }
  bytes.remove_prefix(parsed.length);
  head_begun_ = false;
  keep_alive_ = head.keep_alive;
  begin_active();
  Active& active = *active_;
  active.minor = head.minor;
  active.expect_continue = head.expect_continue;
  active.body = head.body;
  if (active.body.kind == Framing::Kind::length && active.body.length == 0) active.body = {};
  if (active.body.kind == Framing::Kind::chunked) active.chunks.emplace();
  active.request.begin(*this, head);
  if (state_ == State::busy && active.upload) take_body(bytes);
  return true;
}

void Client::begin_active() {
  active_ = worker_.take_active();
  state_ = State::busy;
}

/// The request and its answer are over, or the connection is.
void Client::end_active() {
  if (!active_) return;
  std::unique_ptr<Active> active = std::move(active_);
  active->request.end(active->sent);
  const std::shared_ptr<Upload> upload = std::move(active->upload);
  worker_.give_back(std::move(active));
  if (!upload) return;
  upload->on_room = nullptr;
  if (!upload->ended()) upload->fail();
}

// To push may end the exchange, for whoever reads the upload may answer: what is left of the body is looked at anew.
void Client::take_body(std::string_view& bytes) {
  const std::shared_ptr<Upload> upload = active_->upload;
  Framing& body = active_->body;
  if (body.kind == Framing::Kind::until_close) {
    if (!bytes.empty()) upload->push(std::exchange(bytes, {}));
    return;
  }
  if (body.kind == Framing::Kind::length) {
    const std::string_view data = bytes.substr(0, std::min<uint64_t>(bytes.size(), body.length));
    bytes.remove_prefix(data.size());
    body.length -= data.size();
    if (!data.empty()) upload->push(data);
    if (active_ && active_->body.length == 0) end_body();
    return;
  }
  bool added = false;
  while (state_ == State::busy && active_->upload && active_->body.kind == Framing::Kind::chunked) {
    const ChunkedReader::Step step = active_->chunks->next(bytes);
    bytes.remove_prefix(step.consumed);
    switch (step.state) {
      case ChunkedReader::State::data:
        upload->add(step.data);
        added = true;
        break;
      case ChunkedReader::State::need_more:
        if (added) upload->tell();
        return;
      case ChunkedReader::State::done:
        end_body();
        break;
      case ChunkedReader::State::error:
        return refuse_body();
    }
  }
}

// The exchange with the origin ends here; who has had no answer yet is told why.
void Client::refuse_body() {
  worker_.counters.bad_requests.add();
  if (active_->sent > 0) return close();
  active_->request.refuse(*this, 400, "The chunks of this body are not correct.\n");
  if (!in_process_) flush();
}

void Client::end_body() {
  active_->body = {};
  active_->chunks.reset();
  if (const std::shared_ptr<Upload> upload = active_->upload) upload->end();
}

void Client::keep(std::string_view bytes) {
  if (!in_.empty() || !bytes.empty()) in_.assign(bytes);
}

// --- the request's other side ---

std::shared_ptr<Upload> Client::upload() {
  if (active_->body.kind == Framing::Kind::none) return nullptr;
  const auto upload = std::make_shared<Upload>(active_->body);
  active_->upload = upload;
  upload->on_room = [this] { settle(); };
  if (active_->expect_continue && active_->minor == 1) {
    put("HTTP/1.1 100 Continue\r\n\r\n");
    flush();
    if (!active_) return upload;  // the client has gone; who takes it finds it failed
  }
  watch_progress();
  return upload;
}

std::shared_ptr<Upload> Client::tunnel() {
  active_->body = {Framing::Kind::until_close, 0};
  const auto upload = std::make_shared<Upload>(active_->body);
  active_->upload = upload;
  upload->on_room = [this] { settle(); };
  watch_progress();
  return upload;
}

void Client::answer(const Answer& answer, std::optional<Cursor> cursor) {
  Active& active = *active_;
  const bool body_unread = active.body.kind != Framing::Kind::none;
  if (body_unread || worker_.draining()) keep_alive_ = false;
  must_linger_ = must_linger_ || body_unread;
  const bool endless = answer.body && answer.object != nullptr && !answer.length;
  const bool switches = answer.status == 101;
  active.chunked = endless && active.minor == 1 && !switches;
  ends_body_ = endless && !active.chunked && !switches;
  if (endless && !active.chunked) keep_alive_ = false;

  if (claim_out().out.size() - worker_.scratch->out_used < Scratch::head_bytes) flush();
  if (!active_) return;  // what was before it found the connection broken
  Scratch& scratch = claim_out();
  HeadWriter head(std::span(scratch.out).subspan(scratch.out_used));
  write_answer_head(answer, {active.chunked, keep_alive_ || switches, active.minor},
                    worker_.date.at(worker_.loop.wall()), head);
  if (!head.ok()) return close();
  scratch.out_used += head.size();
  active.sent = head.size();
  if (!answer.body) return answer_over();
  if (answer.object == nullptr) {
    put(answer.text);
    if (!active_) return;
    active.sent += answer.text.size();
    return answer_over();
  }
  if (cursor && is_short_and_whole(answer))
    send_short(answer, *cursor);
  else if (cursor)
    send_growing(answer, std::move(*cursor));
  else
    send_stored(*answer.object, answer.first, answer.length.value_or(0));
}

void Client::interim(uint16_t status, std::string_view lines) {
  if (state_ != State::busy || in_process_ || active_->minor == 0) return;
  flush();
  Scratch& scratch = claim_out();
  HeadWriter head(scratch.out);
  head.status_line(status);
  head.prepared(lines);
  head.end();
  if (!head.ok()) return;
  scratch.out_used = head.size();
  flush();
  settle();
}

// --- sending ---

/// Where this client's answers are gathered. Those of another that are there leave first.
Scratch& Client::claim_out() {
  Scratch& scratch = *worker_.scratch;
  if (scratch.out_of != this) {
    if (Client* other = scratch.out_of; other != nullptr) {
      other->flush();
      if (other->state_ != State::closed) other->watch_for();
    }
    scratch.out_of = this;
  }
  return scratch;
}

/// What is gathered of this client's; valid until the next claim.
std::string_view Client::take_out() {
  Scratch& scratch = *worker_.scratch;
  if (scratch.out_of != this) return {};
  scratch.out_of = nullptr;
  return {scratch.out.data(), std::exchange(scratch.out_used, 0)};
}

void Client::put(std::string_view bytes) {
  if (bytes.empty()) return;
  if (claim_out().out.size() - worker_.scratch->out_used < bytes.size()) flush();
  if (state_ == State::closed) return;
  Scratch& scratch = claim_out();
  std::memcpy(scratch.out.data() + scratch.out_used, bytes.data(), bytes.size());
  scratch.out_used += bytes.size();
}

/// Sends what was put, or keeps it.
void Client::flush() {
  send_now(take_out());
}

/// `bytes`, behind what is unsent; what the socket does not take is kept.
void Client::send_now(std::string_view bytes) {
  if (bytes.empty() || state_ == State::closed) return;
  size_t sent = 0;
  if (unsent_.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return close();
    sent = static_cast<size_t>(std::max<ssize_t>(n, 0));
    worker_.moved(sent);
    if (sent == bytes.size()) return;
  }
  block();
  unsent_.append(bytes.substr(sent));
}

void Client::block() {
  if (!blocked_) watch_progress();
  blocked_ = true;
}

// A complete object: copied behind its head when short, else sent from where it lies.
void Client::send_stored(const Object& object, uint64_t first, uint64_t count) {
  Active& active = *active_;
  iovec pieces[pieces_max];
  const size_t used = gather(object.body().first(), first, count, std::span(pieces).subspan(1));
  if (count <= copied_max) {
    for (size_t i = 1; i <= used; ++i) put({static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len});
    if (!active_) return;  // put() found the connection broken
    active.sent += count;
    return answer_over();
  }
  const std::string_view head = take_out();
  pieces[0] = {const_cast<char*>(head.data()), head.size()};
  size_t sent = 0;
  if (unsent_.empty() && !send_pieces(std::span(pieces).first(used + 1), object.is_popular(), sent)) return;
  const size_t of_head = std::min(sent, head.size());
  unsent_.append(head.substr(of_head));
  const uint64_t of_body = sent - of_head;
  active.sent += of_body;
  if (of_body == count) return answer_over();
  active.object = ObjectRef::share(&object);
  active.cursor = *object.cursor();
  active.cursor.advance(first + of_body);
  active.body_from = first;
  active.body_left = count - of_body;
  active.piece_left = 0;
  pump();
}

/// Nothing has been read of it yet, and nothing more will come.
bool Client::is_short_and_whole(const Answer& answer) {
  const Body& body = (answer.piece != nullptr ? answer.piece : answer.object)->body();
  return answer.length && *answer.length <= copied_max && body.state() == Body::State::complete &&
         body.size() >= answer.first + *answer.length;
}

// What passes through and is complete before its head is sent: leaves in one piece with it.
void Client::send_short(const Answer& answer, Cursor& cursor) {
  iovec pieces[pieces_max];
  cursor.advance(answer.first);
  const size_t used = cursor.gather(*answer.length, pieces);
  for (size_t i = 0; i < used; ++i) put({static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len});
  if (!active_) return;  // put() found the connection broken
  active_->sent += *answer.length;
  answer_over();
}

void Client::send_growing(const Answer& answer, Cursor cursor) {
  Active& active = *active_;
  active.sent = 0;  // pump() counts the head
  unsent_.append(take_out());
  active.in_pieces = answer.piece != nullptr;
  active.object = ObjectRef::share(active.in_pieces ? answer.piece : answer.object);
  active.cursor = std::move(cursor);
  active.body_from = answer.first;
  active.body_left = answer.length.value_or(UINT64_MAX);
  active.piece_left = 0;
  pump();
}

/// False when the connection broke and is closed. `uncopied`: what lies in the store's pages is not copied.
bool Client::send_pieces(std::span<const iovec> pieces, bool uncopied, size_t& sent) {
  sent = 0;
  while (!pieces.empty() && given_ + sent < given_max) {
    if (pieces[0].iov_len == 0) {
      pieces = pieces.subspan(1);
      continue;
    }
    size_t before = uncopied ? 0 : pieces.size();  // the first that is not copied
    while (before < pieces.size() && !can_go_uncopied(pieces[before])) ++before;
    const size_t count = before > 0 ? before : 1;
    const bool taken = before > 0 ? send_copied(pieces.first(count), count < pieces.size(), sent)
                                  : send_uncopied(pieces[0], sent);
    if (state_ == State::closed) return false;
    if (!taken) {
      block();
      break;
    }
    pieces = pieces.subspan(count);
  }
  given_ += sent;
  worker_.moved(sent);
  return true;
}

/// A call for each, and the pages' bookkeeping: less than the copy costs from some length on.
bool Client::can_go_uncopied(const iovec& piece) const {
  return piece.iov_len >= uncopied_min && worker_.store.pages().has(piece.iov_base);
}

/// False when the socket took less, or broke. `more`: what follows goes at once.
bool Client::send_copied(std::span<const iovec> pieces, bool more, size_t& sent) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  const ssize_t n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  if (n < 0) return send_failed();
  sent += static_cast<size_t>(n);
  size_t wanted = 0;
  for (const iovec& piece : pieces) wanted += piece.iov_len;
  return static_cast<size_t>(n) == wanted;
}

// It may stop early where the socket has room: only an error says that it has none.
bool Client::send_uncopied(const iovec& piece, size_t& sent) {
  std::span left(static_cast<const char*>(piece.iov_base), piece.iov_len);
  while (!left.empty()) {
    const ssize_t n = worker_.store.pages().send(fd_.get(), left);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    // Where it is the socket that is broken, that shows again.
    if (n <= 0)
      return send_copied(std::array{iovec{const_cast<char*>(left.data()), left.size()}}, false, sent);
    sent += static_cast<size_t>(n);
    left = left.subspan(static_cast<size_t>(n));
  }
  return true;
}

bool Client::send_failed() {
  if (errno != EAGAIN && errno != EINTR) close();
  return false;
}

// Until the socket takes no more, the object has no more, or the answer is over.
// A reader as fast as this thread could have it for as long as a large object takes: the others get their turn between.
void Client::pump() {
  given_ = 0;
  while (!blocked_ && state_ != State::closed) {
    if (given_ >= given_max) {
      block();
      watched_ &=
          ~uint32_t{EPOLLOUT};  // there is room: to watch for it anew is to be told of it in the next turn
      return;
    }
    if (active_ && active_->object) {
      if (pump_once()) continue;
      if (!active_ || !std::exchange(active_->piece_over, false)) return;
      active_->cursor = {};
      active_->object.reset();
      active_->request.next_piece();
    } else if (unsent_.empty() || !pump_unsent()) {
      return;
    }
  }
}

void Client::proceed(const Object& piece, Cursor cursor, uint64_t first) {
  active_->object = ObjectRef::share(&piece);
  active_->cursor = std::move(cursor);
  active_->body_from = first;
}

/// What is left when the answer's body has been handed over. False when the connection broke.
bool Client::pump_unsent() {
  const iovec piece{unsent_.data(), unsent_.size()};
  size_t sent = 0;
  if (!send_pieces({&piece, 1}, false, sent)) return false;
  unsent_.erase(0, sent);
  return true;
}

/// What is unsent, the next stretch of the body, and what frames it. False when there is nothing
/// to send now.
bool Client::pump_once() {
  Active& active = *active_;
  uint64_t count = 0;
  bool last = false;
  if (!next_stretch(count, last)) return false;
  if (active.chunked && active.piece_left == 0 && count > 0) {
    unsent_.append(ChunkHead(count).text());
    active.piece_left = count;
  }
  iovec pieces[pieces_max];
  const size_t used =
      count > 0 ? active.cursor.gather(count, std::span(pieces).subspan(1, pieces_max - 2)) : 0;
  size_t of_body = 0;
  for (size_t i = 1; i <= used; ++i) of_body += pieces[i].iov_len;
  last = last && of_body == count;
  std::string_view tail;
  if (active.chunked && of_body == active.piece_left) tail = frame_end(count > 0, last);
  pieces[0] = {unsent_.data(), unsent_.size()};
  pieces[used + 1] = {const_cast<char*>(tail.data()), tail.size()};

  size_t sent = 0;
  if (!send_pieces(std::span(pieces).first(used + 2), active.object->is_popular(), sent)) return false;
  active.sent += sent;
  const size_t of_unsent = std::min(sent, unsent_.size());
  unsent_.erase(0, of_unsent);
  sent -= of_unsent;
  const size_t body_sent = std::min(sent, of_body);
  active.cursor.advance(body_sent);
  active.body_left -= body_sent;
  if (active.chunked) active.piece_left -= body_sent;
  if (body_sent < of_body) return true;
  unsent_.append(tail.substr(sent - body_sent));
  if (last) answer_over();
  return true;
}

/// How much of the body can be sent now, and whether that is its end. False when nothing can be: it is to
/// come, or broke off.
bool Client::next_stretch(uint64_t& count, bool& last) {
  Active& active = *active_;
  const Body& body = active.object->body();
  const Body::State state = body.state();  // before size(): see Body
  const uint64_t size = body.size();
  if (active.cursor.position() < active.body_from)
    active.cursor.advance(std::min(size, active.body_from) - active.cursor.position());
  const uint64_t ready = active.cursor.position() < active.body_from ? 0 : size - active.cursor.position();
  count = std::min(ready, active.body_left);
  if (active.piece_left > 0) count = std::min(count, active.piece_left);
  last = count == active.body_left ||
         (state == Body::State::complete && count == ready && active.body_left > (uint64_t{1} << 62));
  if (count > 0 || last || !unsent_.empty()) return true;
  if (state == Body::State::growing) return false;
  active.piece_over = active.in_pieces && state == Body::State::complete;
  if (!active.piece_over) close();  // too short: only the end of the connection can say so
  return false;
}

std::string_view Client::frame_end(bool after_data, bool last) {
  if (after_data) return last ? "\r\n0\r\n\r\n" : "\r\n";
  return last ? last_chunk : std::string_view();
}

void Client::answer_over() {
  if (state_ == State::closed) return;
  state_ = State::idle;
  end_active();
}

void Client::moved() {
  pump();
  go_on();
}

void Client::resumed() {
  const bool waits = state_ == State::idle && keep_alive_ && in_.empty() && unsent_.empty();
  const std::string_view bytes = take_out();
  if (!waits || bytes.empty() || !worker_.outbox.put(*this, bytes))
    send_now(bytes);
  else
    put_off_ = true;
  go_on();
}

void Client::send_put_off(std::string_view bytes) {
  put_off_ = false;
  send_now(bytes);
  if (blocked_ && state_ != State::closed) watch_for();
}

/// After an event: the next request may be here already.
void Client::go_on() {
  if (state_ == State::idle && !in_.empty() && wants_input() && !in_process_) {
    Scratch& scratch = *worker_.scratch;
    std::memcpy(scratch.in.data(), in_.data(), in_.size());
    return process({scratch.in.data(), in_.size()}, 0);
  }
  settle();
}

void Client::settle() {
  if (state_ == State::idle && !keep_alive_ && unsent_.empty()) return linger();
  if (state_ == State::closed) return;
  if (state_ == State::idle && unsent_.empty() && !head_begun_)
    timer_.arm_after(worker_.shared.timeouts.keep_alive);
  watch_for();
}

/// Watching for input that is not wanted costs nothing until some comes: only then is it given up.
void Client::watch_for() {
  uint32_t events = blocked_ ? EPOLLOUT : 0U;
  if (wants_input()) mute_ = false;
  if (!mute_) events |= input;
  if (events == watched_) return;
  watched_ = events;
  worker_.loop.rewatch(fd_.get(), events | EPOLLET);
}

// Closing with unread bytes would make the kernel send a reset, which can overtake the answer: the client is
// given time to read and to close.
void Client::linger() {
  if (!must_linger_ && in_.empty()) return close();
  state_ = State::lingering;
  in_.clear();
  ::shutdown(fd_.get(), SHUT_WR);
  timer_.cancel();
  timer_.arm_after(worker_.shared.timeouts.linger);
  watch_for();
}

}  // namespace popnet::http
