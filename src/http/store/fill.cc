#include "http/store/fill.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "http/store/store.h"
#include "rt/loop.h"

namespace popnet::http {

namespace {
constexpr uint32_t first_slab_bytes = 8 * 1024;  // of a body whose length is not known
constexpr uint32_t compact_max = 64 * 1024;
constexpr uint32_t window_slab_bytes = 64 * 1024;
constexpr int window_slabs = 4;
}  // namespace

Fill* Fill::make(Store& store, Space& space, uint64_t hash, std::string_view key, uint64_t stamp) {
  void* place = store.blocks_.take(sizeof(Fill) + key.size());
  auto* fill = new (place) Fill(store, space, hash, static_cast<uint32_t>(key.size()), stamp);
  if (!key.empty()) std::memcpy(static_cast<void*>(fill + 1), key.data(), key.size());
  return fill;
}

void Fill::unref() {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const ObjectRef last = std::move(object_);  // the store may end without it
  Store& store = store_;
  const size_t bytes = sizeof(Fill) + key_length_;
  this->~Fill();
  store.blocks_.give_back(this, bytes);
}

void Fill::Listener::leave() {
  if (fill_ == nullptr) return;
  next_->before_ = before_;
  before_->next_ = next_;
  fill_->listeners_.fetch_sub(1, std::memory_order_relaxed);
  std::exchange(fill_, nullptr)->unref();
}

void Fill::Ring::add(Listener& listener) {
  listener.next_ = &head;
  listener.before_ = head.before_;
  head.before_->next_ = &listener;
  head.before_ = &listener;
}

void Fill::listen(rt::Loop& loop, Listener& listener) {
  ref();
  listener.fill_ = this;
  listeners_.fetch_add(1, std::memory_order_relaxed);
  ring_of(loop).add(listener);
}

Fill::Ring& Fill::ring_of(rt::Loop& loop) {
  const std::lock_guard lock(mutex_);
  if (first_ring_ && first_ring_->loop == &loop) return *first_ring_;
  if (!first_ring_) return first_ring_.emplace(loop);
  for (const auto& ring : more_rings_)
    if (ring->loop == &loop) return *ring;
  return *more_rings_.emplace_back(std::make_unique<Ring>(loop));
}

void Fill::tell(const rt::Loop& writer) {
  Ring* own = nullptr;
  const auto tell_one = [&](Ring& ring) {
    if (ring.loop == &writer)
      own = &ring;
    else if (!ring.told.exchange(true))
      ring.loop->post([fill = FillRef::share(this), r = &ring] {
        r->told.store(false);  // before the listeners look: what is published after that tells again
        fill->tell_ring(*r);
      });
  };
  {
    const std::lock_guard lock(mutex_);
    if (first_ring_) tell_one(*first_ring_);
    for (const auto& ring : more_rings_) tell_one(*ring);
  }
  if (own == nullptr) return;
  const FillRef keep = FillRef::share(this);
  tell_ring(*own);
}

// Listeners may leave, come and die while others are told: all move to a ring of their own first, each goes
// back before it is called.
void Fill::tell_ring(Ring& ring) {
  Ring batch(*ring.loop);
  if (ring.head.next_ == &ring.head) return;
  batch.head.next_ = ring.head.next_;
  batch.head.before_ = ring.head.before_;
  batch.head.next_->before_ = batch.head.before_->next_ = &batch.head;
  ring.head.next_ = ring.head.before_ = &ring.head;
  while (batch.head.next_ != &batch.head) {
    Listener& listener = *batch.head.next_;
    batch.head.next_ = listener.next_;
    listener.next_->before_ = &batch.head;
    ring.add(listener);
    listener.on_progress();
  }
}

Filler& Filler::operator=(Filler&& other) noexcept {
  if (this != &other) {
    abandon();
    fill_ = std::move(other.fill_);
    object_ = std::exchange(other.object_, nullptr);
    length_ = other.length_;
    size_max_ = other.size_max_;
    may_stay_ = other.may_stay_;
    grown_ = std::exchange(other.grown_, 0);
    passes_ = std::exchange(other.passes_, false);
    window_ = std::move(other.window_);
    hidden_ = std::exchange(other.hidden_, false);
    told_ = other.told_;
  }
  return *this;
}

void Filler::make_object(const Draft& draft) {
  Fill& fill = *fill_.get();
  length_ = draft.length;
  size_max_ = draft.size_max;
  may_stay_ = draft.may_stay;
  fill.ends_marks_ = draft.ends_marks;
  Object::Parts parts{draft.meta, fill.key(), draft.variant, draft.head, draft.tags};
  const bool in_line =
      length_ && *length_ <= Store::inline_max;  // also what passes: it is one slab either way
  // An empty body has a slab too: "no first slab" says that the beginning is gone.
  if (in_line) parts.inline_body = std::max<uint32_t>(1, static_cast<uint32_t>(*length_));
  object_ = Object::make(fill.store_, fill.space_, fill.hash_, fill.stamp_, parts);
  if (!in_line) add_slab();
  object_->fill_.store(FillRef(fill_).release(), std::memory_order_relaxed);
  fill.object_ = ObjectRef::adopt(object_);
}

void Filler::open(const Draft& draft) {
  make_object(draft);
  fill_->store_.link(*fill_.get(), *object_);
  grown_ = object_->charge_;
  const bool fits = fill_->store_.grow(fill_->space_, grown_);
  // Such a length can only end in that: before it pushes others out, and before anybody is told that it is stored.
  const bool never_fits = length_ && *length_ > fill_->store_.growing_max();
  if (!fits || never_fits) stop_storing();
}

void Filler::open_alone(const Draft& draft, const std::optional<NotShared>& leaves) {
  passes_ = true;
  make_object(draft);
  fill_->store_.set_aside(*fill_.get(), leaves);
}

void Filler::add_slab() {
  Body& body = object_->body_;
  const uint64_t size = body.size_.load(std::memory_order_relaxed);
  const bool first = body.tail_.get() == nullptr;
  uint64_t want = passes_ ? window_slab_bytes : Store::slab_bytes;
  if (length_)
    want = std::min<uint64_t>(want, std::max<uint64_t>(1, *length_ - std::min(size, *length_)));
  else
    want = std::min<uint64_t>(want, std::max<uint64_t>(first_slab_bytes, size));
  const auto capacity = static_cast<uint32_t>(want);
  if (!passes_ && !charge(Slab::paged_footprint(capacity)) && !first) stop_storing();
  if (passes_ && !window_) window_ = std::make_shared<Window>(window_slabs);
  Slab* slab = passes_ ? Slab::make(capacity, window_) : Slab::make(capacity, fill_->store_.pages_);
  if (first) {
    body.first_.store(slab, std::memory_order_release);
  } else {
    body.tail_.get()->link(slab);
    if (passes_ && told_) forget_beginning();
  }
  body.tail_ = SlabRef::share(slab);
  body.tail_used_ = 0;
}

/// False when the object may not grow by that. What comes with the object is counted by open().
bool Filler::charge(uint64_t bytes) {
  Store& store = fill_->store_;
  const bool linked = store.charge(*object_, bytes);
  if (!linked) return false;
  grown_ += bytes;
  return store.grow(fill_->space_, bytes);
}

void Filler::forget_beginning() {
  SlabRef first;
  const std::lock_guard lock(fill_->mutex_);  // see Object::cursor()
  first = SlabRef::adopt(object_->body_.first_.exchange(nullptr, std::memory_order_acq_rel));
}

std::span<char> Filler::room() {
  Body& body = object_->body_;
  if (body.tail_used_ == body.tail_.get()->capacity()) add_slab();
  Slab* tail = body.tail_.get();
  return {tail->data() + body.tail_used_, tail->capacity() - body.tail_used_};
}

void Filler::advance(size_t count) {
  Body& body = object_->body_;
  body.tail_used_ += static_cast<uint32_t>(count);
  const uint64_t size = body.size_.load(std::memory_order_relaxed) + count;
  body.size_.store(size, std::memory_order_release);
  if (!passes_ && size > size_max_) stop_storing();
}

void Filler::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> space = room();
    const size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    advance(count);
    bytes.remove_prefix(count);
  }
}

void Filler::stop_storing() {
  if (std::exchange(passes_, true)) return;
  fill_->stores_.store(false, std::memory_order_release);
  fill_->store_.drop(*fill_.get(), object_);
  if (told_) forget_beginning();
}

bool Filler::when_room(rt::Loop& loop, std::function<void()> room) {
  if (!window_) return false;
  // The beginning would hold all of a window that was full before anybody was told, and nobody could make room.
  if (told_) forget_beginning();
  return window_->wait(loop, std::move(room));
}

void Filler::tell(const rt::Loop& loop) {
  told_ = true;
  fill_->tell(loop);
}

FillRef Filler::commit() {
  if (!passes_) {
    object_->body_.state_.store(Body::State::complete, std::memory_order_release);
    Object* compact = worth_compacting() ? make_compact(own_parts()) : nullptr;
    fill_->store_.settle(*fill_.get(), *object_, compact, may_stay_);
  }
  return end(Body::State::complete);
}

bool Filler::worth_compacting() const {
  return !length_ && object_->body_.size_.load(std::memory_order_relaxed) <= compact_max;
}

Object::Parts Filler::own_parts() const {
  const std::span<const std::byte> meta{reinterpret_cast<const std::byte*>(object_->tail()),
                                        object_->meta_length_};
  return {meta, object_->key(), object_->variant(), object_->head(), object_->tags()};
}

// A short body whose length was not known before lies in slabs made for longer ones: a copy in one piece
// takes its place. Those who read the first one go on reading it.
Object* Filler::make_compact(Object::Parts parts) const {
  const Fill& fill = *fill_.get();
  const uint64_t size = object_->body_.size_.load(std::memory_order_relaxed);
  const auto capacity = std::max<uint32_t>(1, static_cast<uint32_t>(size));
  if (size <= Store::inline_max) parts.inline_body = capacity;
  Object* compact = Object::make(fill.store_, fill.space_, fill.hash_, fill.stamp_, parts);
  if (size > Store::inline_max) {
    compact->body_.first_.store(Slab::make(capacity, fill.store_.pages_), std::memory_order_relaxed);
    compact->charge_ += Slab::paged_footprint(capacity);
    fill.store_.held_.fetch_add(Slab::paged_footprint(capacity), std::memory_order_relaxed);
  }
  iovec pieces[16];  // slabs double from first_slab_bytes on: compact_max takes no more than five
  const size_t count = gather(object_->body_.first(), 0, size, pieces);
  char* to = compact->body_.first_.load(std::memory_order_relaxed)->data();
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
    to += pieces[i].iov_len;
  }
  compact->body_.size_.store(size, std::memory_order_relaxed);
  compact->body_.state_.store(Body::State::complete, std::memory_order_relaxed);
  return compact;
}

void Filler::hide() {
  if (passes_ || std::exchange(hidden_, true)) return;
  fill_->stores_.store(false, std::memory_order_release);
  fill_->store_.hide(*fill_.get(), *object_);
}

// A long one keeps its slabs, to which nothing will be added any more.
FillRef Filler::commit_cut(const Draft& draft) {
  if (passes_) return abandon();
  Fill& fill = *fill_.get();
  const uint64_t size = object_->body_.size_.load(std::memory_order_relaxed);
  const Object::Parts parts{draft.meta, object_->key(), draft.variant, draft.head, draft.tags};
  Object* kept = nullptr;
  if (size <= compact_max) {
    kept = make_compact(parts);
  } else {
    kept = Object::make(fill.store_, fill.space_, fill.hash_, fill.stamp_, parts);
    Slab* first = object_->body_.first_.load(std::memory_order_relaxed);
    first->ref();
    kept->body_.first_.store(first, std::memory_order_relaxed);
    kept->body_.size_.store(size, std::memory_order_relaxed);
    kept->body_.state_.store(Body::State::complete, std::memory_order_relaxed);
    fill.store_.lend_body(*object_, *kept);
  }
  fill.store_.settle_cut(fill, *object_, *kept, hidden_, draft.may_stay);
  kept->unref();
  return end(Body::State::broken);
}

/// With the body of `base`: a short one is copied.
void Filler::make_refreshed(const ObjectRef& base, Draft draft) {
  const uint64_t size = base->body().size();
  draft.length = draft.size_max = size;
  if (size > Store::inline_max) {
    make_heir(base, draft);
  } else {
    make_object(draft);
    iovec pieces[16];
    const size_t count = gather(base->body().first(), 0, size, pieces);
    for (size_t i = 0; i < count; ++i)
      append({static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len});
  }
  object_->body_.state_.store(Body::State::complete, std::memory_order_release);
}

FillRef Filler::commit_refreshed(const ObjectRef& base, const Draft& draft) {
  make_refreshed(base, draft);
  if (object_->base_ != nullptr) fill_->store_.lend_body(const_cast<Object&>(*base), *object_);
  // The origin may have confirmed it before a purge that concerns the stored one by a tag that the new one has
  // not.
  const Fill& fill = *fill_.get();
  const Space::Verdict since = fill.space_.verdict(fill.stamp_, base->key(), base->tags());
  if (since.gone) object_->mark_purged();
  fill_->store_.link(*fill_.get(), *object_, since.stale);
  fill_->store_.settle(*fill_.get(), *object_, nullptr, may_stay_);
  return end(Body::State::complete);
}

// A long body stays charged to `base`, which is stored and may stay so.
FillRef Filler::commit_confirmed_alone(const ObjectRef& base, const Draft& draft,
                                       const std::optional<NotShared>& leaves) {
  passes_ = true;
  make_refreshed(base, draft);
  fill_->store_.set_aside(*fill_.get(), leaves);
  return end(Body::State::complete);
}

void Filler::make_heir(const ObjectRef& base, const Draft& draft) {
  Fill& fill = *fill_.get();
  may_stay_ = draft.may_stay;
  fill.ends_marks_ = draft.ends_marks;
  const Object::Parts parts{draft.meta, fill.key(), draft.variant, draft.head, draft.tags};
  object_ = Object::make(fill.store_, fill.space_, fill.hash_, fill.stamp_, parts);
  const Object* owner = base->base_ != nullptr ? base->base_ : base.get();
  owner->ref();
  object_->base_ = owner;
  object_->hits_.store(base->hits_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  fill.object_ = ObjectRef::adopt(object_);
}

FillRef Filler::abandon() {
  if (!fill_) return {};
  fill_->store_.drop(*fill_.get(), object_);
  return end(Body::State::broken);
}

FillRef Filler::end(Body::State state) {
  Fill& fill = *fill_.get();
  if (object_ != nullptr) {
    object_->body_.state_.store(state, std::memory_order_release);
    object_->body_.tail_.reset();
    if (Fill* held = object_->fill_.exchange(nullptr, std::memory_order_acq_rel)) {
      if (fill.stage_.load(std::memory_order_relaxed) == Fill::Stage::alone)
        held->unref();  // it was never in the store: nobody can have borrowed it
      else
        fill.store_.epoch_.retire_small([](void* f) { static_cast<Fill*>(f)->unref(); }, held);
    }
  } else {
    fill.stage_.store(Fill::Stage::failed, std::memory_order_release);
  }
  object_ = nullptr;
  fill.store_.release(fill.space_, std::exchange(grown_, 0));
  if (window_) window_->cancel();
  window_.reset();
  return std::exchange(fill_, FillRef());
}

}  // namespace popnet::http
