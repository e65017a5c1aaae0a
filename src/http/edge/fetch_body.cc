// The second half of a Fetch: the body of the answer, from the origin's connection into the store.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "http/edge/fetch.h"
#include "http/edge/stored.h"
#include "http/edge/worker.h"
#include "http/wire/writer.h"

namespace popnet::http {

namespace {
constexpr uint64_t unattended_max = 1 << 20;    // bytes fetched for nobody; see worth_finishing()
constexpr uint64_t copied_at_once = 256 << 10;  // of stored bytes
constexpr Duration time_to_listen = std::chrono::milliseconds(50);  // for who has looked an object up
}  // namespace

bool Fetch::is_tunnel() const {
  return task_.upload && task_.upload->is_tunnel();
}

Duration Fetch::body_patience() const {
  return tunnel_stands_ ? worker_.shared.timeouts.tunnel : site_->site->fill.between_bytes_timeout;
}

void Fetch::read_body() {
  if (hidden_ || (task_.filler.fill().listeners() == 0 && !worth_finishing() && leave_unattended())) return;
  const bool direct = framing_.kind != Framing::Kind::chunked;  // straight into the store
  Scratch& scratch = *worker_.scratch;
  std::memcpy(scratch.in.data(), in_.data(), in_.size());
  std::span<char> room = direct ? task_.filler.room() : std::span(scratch.in).subspan(in_.size());
  if (direct && counted_) room = room.first(std::min<uint64_t>(room.size(), left_));
  const ssize_t n = connection_->read(room);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n == 0 && framing_.kind == Framing::Kind::until_close && !counted_) return body_complete(false);
  if (n <= 0) return body_broken("broke off in the body");
  expect_more(static_cast<size_t>(n));
  if (!direct) return take_chunks({scratch.in.data(), in_.size() + static_cast<size_t>(n)});
  task_.filler.advance(static_cast<size_t>(n));
  body_moved(static_cast<size_t>(n), keep_alive_);
}

/// Who finds it in the store just now must have time to listen: until the next bytes, or, where what has come is to be kept, for
/// a moment without any. True when nothing is to be read now.
bool Fetch::leave_unattended() {
  if (task_.filler.passes()) {
    body_broken({});
    return true;
  }
  if (!has_use_cut()) {
    task_.filler.stop_storing();
    return false;
  }
  task_.filler.hide();
  hidden_ = true;
  connection_->want_read(false);
  timer_.arm_after(time_to_listen);
  return true;
}

void Fetch::look_again() {
  hidden_ = false;
  if (task_.filler.fill().listeners() == 0) return body_broken({});
  task_.filler.stop_storing();
  connection_->want_read(true);
  timer_.arm_after(body_patience());
}

/// RFC 9111 section 3.3: of a body that breaks off, what has come is a part, where its version, and the length of the whole, can
/// be told. But not where the whole is stored, of another version too: that may serve stale.
bool Fetch::has_use_cut() const {
  const ObjectRef object = task_.filler.fill().object();
  if (!object || task_.filler.passes() || task_.request->method() != Method::get ||
      object->body().size() == 0)
    return false;
  const StoredMeta& meta = stored_meta(*object);
  const bool of_whole =
      meta.status == 200 && meta.slice == 0 && meta.content_length != StoredMeta::unknown_length;
  if (!of_whole && !meta.is_part()) return false;
  Fields& fields = worker_.scratch->fields;
  read_stored_fields(*object, fields);
  if (version_of(fields, response_wall_, true) == 0) return false;
  const Key key = worker_.store.key(site_->state->space, object->key());
  return worker_.store.lookup(key, [&](const Object& o) {
    return &o != object.get() && o.variant() == object->variant() && !stored_meta(o).is_part() &&
           !stored_meta(o).head_only;
  }) == nullptr;
}

FillRef Fetch::cut_or_abandon() {
  if (state_ != State::reading_body || !has_use_cut()) return task_.filler.abandon();
  const ObjectRef object = task_.filler.fill().object();
  const Fields& fields = worker_.scratch->fields;  // of the object
  StoredMeta meta = stored_meta(*object);
  if (!meta.is_part()) meta.whole_size = meta.content_length;
  meta.content_length = object->body().size();
  meta.status = 206;
  meta.version = version_of(fields, response_wall_, true);
  HeadWriter out(worker_.scratch->head);
  out.status_line(meta.status);
  meta.status_line = static_cast<uint16_t>(out.size());
  for (const Field& field : fields) out.field(field.name, field.value);
  const Draft draft{std::as_bytes(std::span(&meta, 1)),
                    object->variant(),
                    out.written(),
                    std::nullopt,
                    0,
                    object->tags(),
                    stays_beside};
  return task_.filler.commit_cut(draft);
}

/// A trickle of an answer that one user alone waits for may be what he wants: events, a log. One that is
/// shared holds up everybody who asks for the object.
void Fetch::expect_more(size_t count) {
  const EdgeTimeouts& timeouts = worker_.shared.timeouts;
  moved_ += count;
  if (moved_ < timeouts.progress_bytes && !task_.filler.passes()) return;
  moved_ = 0;
  timer_.arm_after(body_patience());
}

/// Nobody listens. A refresh was never for anybody, and a slice of an object that was asked for before is worth its bytes;
/// else what is left must be little, or no more than has
/// come: or users who leave at once could make us fetch, and throw out others' objects for, what nobody
/// reads.
bool Fetch::worth_finishing() const {
  if (task_.filler.passes()) return false;
  if (!attended_ || task_.head) return true;
  if (!counted_) return received_ <= unattended_max;
  return left_ <= std::max(unattended_max, received_);
}

/// Bytes that came with the head, or of a chunked body. In the thread's scratch memory: after tell() they are
/// gone.
void Fetch::take_body(std::string_view bytes) {
  switch (framing_.kind) {
    case Framing::Kind::none:
      return body_complete(keep_alive_);
    case Framing::Kind::chunked:
      return take_chunks(bytes);
    case Framing::Kind::until_close:
    case Framing::Kind::length: {
      const std::string_view body = bytes.substr(0, counted_ ? left_ : bytes.npos);
      task_.filler.append(body);
      return body_moved(body.size(), keep_alive_ && body.size() == bytes.size());
    }
  }
}

/// `count` more bytes are in the store; `reusable` should the body end here.
void Fetch::body_moved(size_t count, bool reusable) {
  worker_.counters.fill_bytes.add(count);
  worker_.moved(count);
  received_ += count;
  if (counted_) {
    left_ -= count;
    if (left_ == 0 && framing_.kind != Framing::Kind::chunked) return body_complete(reusable);
  }
  task_.filler.tell(worker_.loop);
  wait_for_room();
}

void Fetch::take_chunks(std::string_view bytes) {
  size_t count = 0;
  for (;;) {
    const ChunkedReader::Step step = chunks_->next(bytes);
    bytes.remove_prefix(step.consumed);
    switch (step.state) {
      case ChunkedReader::State::data:
        if (counted_ && step.data.size() > left_ - count) return body_contradicts();
        task_.filler.append(step.data);
        count += step.data.size();
        break;
      case ChunkedReader::State::need_more:
        in_.assign(bytes);
        return body_moved(count, false);
      case ChunkedReader::State::done:
        if (counted_ && count < left_) return body_contradicts();
        worker_.counters.fill_bytes.add(count);
        return body_complete(keep_alive_ && bytes.empty());
      case ChunkedReader::State::error:
        return body_broken(to_string(step.fault));
    }
  }
}

void Fetch::wait_for_room() {
  if (state_ == State::ended) return;  // told followers, the last of which has given up
  // Where nobody reads there will be no room: the next bytes end it, if nobody has come until then.
  if (!task_.filler.full() || task_.filler.fill().listeners() == 0) return;
  const auto resume = [handle = handle()] {
    Fetch* self = *handle;
    if (self == nullptr || self->state_ != State::reading_body) return;
    self->connection_->want_read(true);
    self->timer_.arm_after(self->body_patience());
  };
  if (!task_.filler.when_room(worker_.loop, resume)) return;
  connection_->want_read(false);
  timer_.cancel();  // it is the reader who is slow, and watched for that
}

void Fetch::body_complete(bool reusable) {
  leave_origin(reusable);
  if (join_.behind.empty()) return finish(task_.filler.commit());
  copy_stored(join_.behind, {});
}

/// `held`: of the body, behind them.
void Fetch::copy_stored(std::span<const JoinPlan::Piece> pieces, std::string_view held) {
  copying_ = pieces;
  held_.assign(held);
  timer_.cancel();
  if (connection_) connection_->want_read(false);
  copy_on();
}

/// Some of what is stored, and then others have their turn: there may be much of it.
void Fetch::copy_on() {
  if (task_.filler.passes() && task_.filler.fill().listeners() == 0) return body_broken({});
  for (uint64_t left = copied_at_once; left > 0 && !copying_.empty() && !task_.filler.full();) {
    const JoinPlan::Piece& piece = copying_.front();
    if (copied_ == 0) {
      const Object& part = *task_.parts[piece.part];
      copy_from_ = part.cursor();
      copy_from_->advance(piece.bytes.first - stored_meta(part).part_first);
    }
    iovec stretches[16];
    const size_t count = copy_from_->gather(std::min(left, piece.bytes.size() - copied_), stretches);
    uint64_t moved = 0;
    for (size_t i = 0; i < count; ++i) {
      task_.filler.append({static_cast<const char*>(stretches[i].iov_base), stretches[i].iov_len});
      moved += stretches[i].iov_len;
    }
    copy_from_->advance(moved);
    copied_ += moved;
    left -= moved;
    if (copied_ < piece.bytes.size()) continue;
    copying_ = copying_.subspan(1);
    copied_ = 0;
  }
  if (copying_.empty()) return copied();
  task_.filler.tell(worker_.loop);
  if (state_ == State::ended) return;
  const auto resume = [handle = handle()] {
    if (*handle != nullptr && (*handle)->state_ == State::reading_body) (*handle)->copy_on();
  };
  if (task_.filler.full() && task_.filler.when_room(worker_.loop, resume)) return;
  (void)worker_.loop.post(resume);
}

void Fetch::copied() {
  copy_from_.reset();
  if (!connection_) return finish(task_.filler.commit());  // it was what comes last
  connection_->want_read(true);
  timer_.arm_after(body_patience());
  take_body(std::string(std::exchange(held_, {})));
}

/// Its chunks end elsewhere than Content-Range says: nothing of it can be relied on.
void Fetch::body_contradicts() {
  task_.filler.stop_storing();
  body_broken("the body is not as long as Content-Range says");
}

void Fetch::body_broken(std::string_view why) {
  if (!why.empty())
    site_->origins[origin_]->failed(worker_.loop.now(), site_->site->name, site_->site->origins[origin_].name,
                                    why);
  give_up(note::bad_gateway);
}

}  // namespace popnet::http
