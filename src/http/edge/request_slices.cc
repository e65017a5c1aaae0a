// The part of a Request that delivers objects in slices: see slices.h. From deliver_sliced() on, fill_ is that of a
// slice.
#include "http/edge/fetch.h"
#include "http/edge/request.h"
#include "http/edge/slices.h"
#include "http/edge/worker.h"

namespace popnet::http {

namespace {
constexpr uint8_t tries_max = 8;  // for one slice
}  // namespace

// The answer begins when its first slice has: until then an origin that fails is an error, not a broken answer.
Request::Step Request::deliver_sliced(Turn& turn) {
  if (!sliced_) {
    leave_fill();
    tries_ = 0;
    sliced_ = ObjectRef::share(turn.object);
  }
  Answer answer;
  make_answer(turn, true, !asker_, answer);
  if (!answer.body || answer.object == nullptr) {
    hand_over(answer);
    return Step::done;
  }
  at_ = answer.first;
  end_ = answer.first + *answer.length;
  if (!saved_) save(turn);
  std::optional<Cursor> cursor;
  if (piece_) cursor = piece_->cursor();
  if (!cursor) cursor = open_piece();
  if (!cursor && !fill_)
    return answer_local(503, "This object changes faster than it can be fetched.\n", Outcome::failed);
  if (!cursor) return Step::wait;
  answer.piece = piece_.get();
  answer.first = at_ % stored_meta(*sliced_).slice;
  hand_over(answer, std::move(cursor));
  return Step::done;
}

Request::Step Request::progress_sliced(Turn& turn) {
  turn.object = sliced_.get();
  switch (fill_->stage()) {
    case Fill::Stage::asked:
      return Step::wait;
    case Fill::Stage::shared:
    case Fill::Stage::alone:
      take_piece();
      return Step::deliver;
    case Fill::Stage::failed:
      break;
  }
  const uint16_t why = fill_->note();
  leave_fill();
  if (why != note::changed) return answer_failure(why);
  forget_sliced();
  return Step::lookup;
}

/// Of the fill that has been waited for. What it brings to others alone does not become piece_: then open_piece() gets this
/// request's own.
void Request::take_piece() {
  if (fill_->stage() == Fill::Stage::alone && !own_piece_)
    tries_ = std::max<uint8_t>(tries_, tries_max - 1);
  else if (fill_->object()->body().state() != Body::State::broken)
    piece_ = fill_->object();
}

/// The slice with the byte at_: the start of its body where it can be read now. Else it is on its way, and fill_ tells;
/// without fill_, it cannot be had.
std::optional<Cursor> Request::open_piece() {
  const uint64_t slice = at_ / stored_meta(*sliced_).slice;
  while (++tries_ <= tries_max) {
    leave_fill();
    piece_.reset();
    Store::Begun begun = begin_slice(slice, tries_ == tries_max);
    if (begun.object) {
      piece_ = std::move(begun.object);
      if (Fill* fill = piece_->fill()) {  // still coming: listen first, then look
        fill_ = FillRef::share(fill);
        fill_->listen(worker_.loop, *this);
      }
      if (auto cursor = piece_->cursor()) return cursor;
      continue;  // it passes by, and its beginning is gone
    }
    fill_ = begun.fill;
    fill_->listen(worker_.loop, *this);
    if (!delivering_ && is_hit(outcome_)) {
      outcome_ = begun.filler ? Outcome::miss : Outcome::collapsed;
      cache_status_ = {.forward = CacheForward::partial, .stored = true, .collapsed = !begun.filler};
    }
    own_piece_ = static_cast<bool>(begun.filler);
    if (own_piece_) fetch_slice(slice, std::move(begun.filler));
    return {};
  }
  leave_fill();
  piece_.reset();
  return {};
}

Store::Begun Request::begin_slice(uint64_t slice, bool alone) {
  const std::string text = slice_key(sliced_->key(), stored_meta(*sliced_).series, slice);
  return worker_.store.begin(worker_.store.key(saved_->route().site->state->space, text), alone,
                             [](const Object& o) { return o.body().state() != Body::State::broken; });
}

void Request::fetch_slice(uint64_t slice, Filler filler) {
  ahead_ = std::max(ahead_, slice);
  RequestHead& head = worker_.scratch->request;
  saved_->restore(head);
  Fetch::Task task;
  task.want = Want::slice;
  task.filler = std::move(filler);
  task.request = saved_;
  task.slice_size = stored_meta(*sliced_).slice;
  task.slice = slice;
  task.head = sliced_;
  worker_.new_fetch().start(std::move(task), head);
}

/// The origin need not rest while the client reads the end of a slice that is all here: one slice more.
void Request::read_ahead() {
  if (!sliced_ || !piece_ || piece_->body().state() != Body::State::complete) return;
  const uint64_t size = stored_meta(*sliced_).slice;
  const uint64_t next = at_ / size + 1;
  if (next * size >= end_ || ahead_ >= next) return;
  ahead_ = next;
  Store::Begun begun = begin_slice(next, false);
  if (begun.filler) fetch_slice(next, std::move(begun.filler));
}

void Request::next_piece() {
  if (covered_) return next_part();
  leave_fill();
  piece_.reset();
  tries_ = 0;
  const uint64_t size = stored_meta(*sliced_).slice;
  at_ = (at_ / size + 1) * size;
  if (auto cursor = open_piece()) return give_piece(std::move(*cursor));
  if (!fill_) peer_->cut();
}

void Request::give_piece(Cursor cursor) {
  read_ahead();
  peer_->proceed(*piece_, std::move(cursor), at_ % stored_meta(*sliced_).slice);
}

/// What next_piece() has waited for.
void Request::piece_arrived() {
  if (fill_->stage() == Fill::Stage::asked) return;
  if (fill_->stage() == Fill::Stage::failed) {
    if (fill_->note() == note::changed) forget_sliced();
    return peer_->cut();
  }
  take_piece();
  std::optional<Cursor> cursor;
  if (piece_) cursor = piece_->cursor();
  if (!cursor) cursor = open_piece();
  if (!cursor) return fill_ ? void() : peer_->cut();
  give_piece(std::move(*cursor));
  peer_->moved();
}

/// The origin has another version: who asks from now on gets that. Those who have begun with this one cannot go on.
void Request::forget_sliced() {
  const uint64_t series = stored_meta(*sliced_).series;
  const std::string text(sliced_->key());
  const Key key = worker_.store.key(saved_->route().site->state->space, text);
  const Object* stored =
      worker_.store.lookup(key, [series](const Object& o) { return stored_meta(o).series == series; });
  if (stored != nullptr) worker_.store.purge(key, Purge::hard);
  leave_fill();
  piece_.reset();
  sliced_.reset();
}

}  // namespace popnet::http
