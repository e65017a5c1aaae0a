#include "http/store/store.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <thread>

namespace popnet::http {

namespace {
// Two buckets for each small object: each one in a chain is a wait for memory, and a bucket takes but 8 bytes.
constexpr uint64_t bytes_each_bucket = 512;
constexpr uint64_t bytes_each_mark = 2048;                   // 0.4 % of the memory, beside it
constexpr uint64_t unlinked_max_least = uint64_t{64} << 20;  // of bytes that wait for the epoch
constexpr uint64_t blocks_kept_max = uint64_t{8}
                                     << 20;  // what a busy thread frees between two turns of the epoch
constexpr uint64_t pages_kept_max = uint64_t{256} << 20;  // what comes back of long bodies when an epoch ends
// Charged to what is freed soon: a short chain of slabs.
constexpr uint64_t small_max = 4 * Store::slab_bytes + 16 * 1024;
constexpr uint64_t buckets_min = 1024;
constexpr uint64_t buckets_max = uint64_t{1} << 24;
constexpr uint32_t victims_each_turn = 16;  // of one stripe, one after the other
constexpr int sweep_buckets = 1024;         // at a time, under one lock

uint64_t bucket_count(const Store::Options& options) {
  const uint64_t wanted = std::clamp(options.memory / bytes_each_bucket, buckets_min, buckets_max);
  return std::bit_ceil(std::max<uint64_t>(wanted, options.stripes));
}
}  // namespace

Store::Store(const Options& options, rt::Epoch& epoch)
    : options_(options),
      epoch_(epoch),
      blocks_(std::min(blocks_kept_max, options.memory / 2)),
      pages_(options.memory, std::min(pages_kept_max, options.memory / 4)),
      marks_(options.memory / bytes_each_mark),
      bucket_mask_(bucket_count(options) - 1),
      stripe_mask_(options.stripes - 1),
      buckets_(new std::atomic<Object*>[bucket_mask_ + 1]()),
      stripes_(new Stripe[options.stripes]) {
  assert(std::has_single_bit(options.stripes));
}

Store::~Store() {
  for (uint64_t i = 0; i <= bucket_mask_; ++i) {
    for (Object* o = buckets_[i].load(); o != nullptr;) {
      Object* next = o->next_.load();
      o->unref();
      o = next;
    }
  }
  // What was unlinked before waits in the epoch for the readers of other parts of the node, for a moment.
  while (objects_.load(std::memory_order_acquire) > 0) {
    epoch_.reclaim();
    std::this_thread::yield();
  }
}

Space& Store::space(std::string_view site) {
  const std::lock_guard lock(spaces_mutex_);
  auto& space = spaces_[std::string(site)];
  if (!space) space = std::make_unique<Space>(std::string(site), hash_bytes(site, options_.seed), epoch_);
  return *space;
}

Store::Begun Store::begin(const Key& key, bool alone, const std::function<bool(const Object&)>& usable,
                          uint64_t variant) {
  Stripe& s = stripe(key.hash);
  const std::lock_guard lock(s.mutex);
  for (const Object* o = usable ? bucket(key.hash).load() : nullptr; o != nullptr; o = o->next_.load()) {
    if (is(*o, key) && !o->purged() && usable(*o)) {
      o->visit();
      return {ObjectRef::share(o), {}, {}};
    }
  }
  const uint64_t stamp = clock_.load();
  if (!alone) {
    for (Fill* fill = fill_chain(s, key.hash); fill != nullptr; fill = fill->next_running_)
      if (is(*fill, key) && fill->variant_ == variant && fill->joinable_ && !fill->doomed_ &&
          fill->stage() == Fill::Stage::asked && !key.space->verdict(fill->stamp_, key.text, {}).gone)
        return {{}, {}, FillRef::share(fill)};
  }
  FillRef fill = FillRef::adopt(Fill::make(*this, *key.space, key.hash, key.text, stamp));
  fill->joinable_ = !alone;
  fill->variant_ = variant;
  fill->next_running_ = std::exchange(fill_chain(s, key.hash), fill.get());
  return {{}, Filler(fill), fill};
}

void Store::link(Fill& fill, Object& object, bool stale) {
  Stripe& s = stripe(fill.hash_);
  {
    const std::lock_guard lock(s.mutex);
    object.expired_.store(stale || fill.soft_purged_, std::memory_order_relaxed);
    if (!fill.doomed_ && !object.purged()) {
      push(s, object);
      fill.stores_.store(true, std::memory_order_release);
    }
    fill.stage_.store(Fill::Stage::shared, std::memory_order_release);
  }
  make_room();
}

// The object is complete: from now on it can be evicted, and takes the place of what it replaces.
void Store::settle(Fill& fill, Object& object, Object* compact, MayStay may_stay) {
  Stripe& s = stripe(fill.hash_);
  Unlinked out;
  {
    const std::lock_guard lock(s.mutex);
    forget(s, fill);
    if (object.linked_ && object.purged()) unlink(s, object, out);
    if (object.linked_) {
      Object* lasting = &object;
      if (compact != nullptr) {
        compact->expired_.store(object.expired_.load());
        unlink(s, object, out);
        push(s, *compact);
        lasting = compact;
        compact->unref();  // the table has its own
        compact = nullptr;
      }
      take_place(s, fill, *lasting, may_stay, out);
    }
  }
  if (compact != nullptr) compact->unref();
  retire(out);
  make_room();
}

// What came of a body that broke off takes the place of the object that should have had all of it.
void Store::settle_cut(Fill& fill, Object& broken, Object& kept, bool hidden, MayStay may_stay) {
  Stripe& s = stripe(fill.hash_);
  Unlinked out;
  {
    const std::lock_guard lock(s.mutex);
    forget(s, fill);
    const bool stands = (broken.linked_ || hidden) && !fill.doomed_ && !broken.purged();
    if (broken.linked_) unlink(s, broken, out);
    if (stands) {
      kept.expired_.store(broken.expired_.load() || fill.soft_purged_);
      push(s, kept);
      take_place(s, fill, kept, may_stay, out);
    }
  }
  retire(out);
  make_room();
}

void Store::hide(Fill& fill, Object& object) {
  Unlinked out;
  {
    Stripe& s = stripe(object.hash_);
    const std::lock_guard lock(s.mutex);
    fill.hidden_ = true;
    if (object.linked_) unlink(s, object, out);
  }
  retire(out);
}

void Store::drop(Fill& fill, Object* object) {
  Stripe& s = stripe(fill.hash_);
  Unlinked out;
  {
    const std::lock_guard lock(s.mutex);
    forget(s, fill);
    if (object != nullptr && object->linked_) unlink(s, *object, out);
  }
  retire(out);
}

/// Something newer has been said under the key: what is hidden there may not come back behind it.
void Store::doom_hidden(Stripe& stripe, const Key& key) {
  for (Fill* fill = fill_chain(stripe, key.hash); fill != nullptr; fill = fill->next_running_)
    if (fill->hidden_ && is(*fill, key)) fill->doomed_ = true;
}

void Store::set_aside(Fill& fill, const std::optional<NotShared>& leaves) {
  Stripe& s = stripe(fill.hash_);
  Unlinked out;
  {
    const std::lock_guard lock(s.mutex);
    forget(s, fill);
    // What was asked before a purge says nothing of what is there after it.
    if (leaves && !fill.doomed_ && !fill.space_.verdict(fill.stamp_, fill.key(), {}).gone &&
        !(leaves->tagged && fill.stamp_ < fill.space_.tag_floor())) {
      const Key key{&fill.space_, fill.key(), fill.hash_};
      clear_marks(*key.space, key.hash);
      marks_.set((leaves->tagged ? tagged_mark : mark)(*key.space, key.hash), leaves->until);
      doom_hidden(s, key);
      for (Object* o = bucket(key.hash).load(); o != nullptr; o = o->next_.load())
        if (is(*o, key) && o->variant() == leaves->variant) unlink(s, *o, out);
    }
    fill.stage_.store(Fill::Stage::alone, std::memory_order_release);
  }
  retire(out);
}

bool Store::charge(Object& object, uint64_t bytes) {
  {
    const std::lock_guard lock(stripe(object.hash_).mutex);
    object.charge_ += bytes;
    held_.fetch_add(bytes, std::memory_order_relaxed);
    if (!object.linked_) return false;
    used_.fetch_add(bytes, std::memory_order_relaxed);
  }
  make_room();
  return true;
}

bool Store::grow(Space& space, uint64_t bytes) {
  const uint64_t growing = space.growing_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  make_room();
  const uint64_t used = used_.load(std::memory_order_relaxed);
  const uint64_t all = held_.load(std::memory_order_relaxed);
  const uint64_t unlinked = all - std::min(all, used);
  return growing <= growing_max() && used <= options_.memory &&
         unlinked <= std::max(options_.memory, unlinked_max_least);
}

// The heir answers for the memory that it and its forebear share. So does each of several, for all but the last one go.
void Store::lend_body(Object& base, Object& heir) {
  const std::lock_guard lock(stripe(base.hash_).mutex);
  if (base.linked_) used_.fetch_sub(base.charge_, std::memory_order_relaxed);
  uint64_t lent = std::exchange(base.charge_, 0);
  if (lent == 0) held_.fetch_add(lent = base.body().size(), std::memory_order_relaxed);
  heir.charge_ += lent;
}

bool Store::purge(const Key& key, Purge how, const Fill* except) {
  Stripe& s = stripe(key.hash);
  Unlinked out;
  bool found = false;
  {
    const std::lock_guard lock(s.mutex);
    clear_marks(*key.space, key.hash);
    for (Object* o = bucket(key.hash).load(); o != nullptr; o = o->next_.load()) {
      if (!is(*o, key)) continue;
      found = true;
      if (how == Purge::hard) {
        o->mark_purged();
        unlink(s, *o, out);  // keeps its next: the walk goes on
      } else {
        o->expired_.store(true, std::memory_order_relaxed);
      }
    }
    for (Fill* fill = fill_chain(s, key.hash); fill != nullptr; fill = fill->next_running_)
      if (fill != except && is(*fill, key)) (how == Purge::hard ? fill->doomed_ : fill->soft_purged_) = true;
  }
  retire(out);
  return found;
}

bool Store::purged_since(const Fill& fill, const Object& object) const {
  const Space::Verdict since = fill.space_.verdict(fill.stamp_, object.key(), object.tags());
  const std::lock_guard lock(stripe(fill.hash_).mutex);
  return since.gone || since.stale || fill.doomed_ || fill.soft_purged_;
}

void Store::purge(Space& space, Purge how) {
  const std::lock_guard lock(spaces_mutex_);
  space.raise(how, next_floor());
  floors_raised(space, next_floor());
}

void Store::purge_tags(Space& space, std::span<const uint64_t> tags, Purge how) {
  const std::lock_guard lock(spaces_mutex_);
  for (const uint64_t tag : tags) space.raise_tag(tag, how, next_floor());
  floors_raised(space, next_floor());
}

void Store::purge_prefix(Space& space, std::string_view prefix, Purge how) {
  const std::lock_guard lock(spaces_mutex_);
  space.raise_prefix(prefix, how, next_floor());
  floors_raised(space, next_floor());
}

bool Store::sweep() {
  if (!sweep_.running) {
    const std::lock_guard lock(spaces_mutex_);
    if (!unswept_) return false;
    unswept_ = false;
    sweep_ = {true, 0, 0, clock_.load()};
  }
  Stripe& s = stripes_[sweep_.stripe];
  Unlinked out;
  {
    const std::lock_guard lock(s.mutex);
    for (int left = sweep_buckets; left > 0 && sweep_.bucket <= bucket_mask_; --left) {
      for (Object* o = buckets_[sweep_.bucket].load(); o != nullptr; o = o->next_.load())
        if (o->purged()) unlink(s, *o, out);
      sweep_.bucket += stripe_mask_ + 1;
    }
  }
  retire(out);
  if (sweep_.bucket > bucket_mask_) sweep_.bucket = ++sweep_.stripe;
  if (sweep_.stripe <= stripe_mask_) return true;
  end_sweep();
  return false;
}

// All objects that were there when it began have looked at the floors of that time, and those that came since did
// so when they came. What a running fill brings has not.
void Store::end_sweep() {
  sweep_.running = false;
  const uint64_t seen = std::min(sweep_.floor, oldest_fill());
  const std::lock_guard lock(spaces_mutex_);
  for (const auto& [name, space] : spaces_)
    if (space->forget(seen) > 0) unswept_ = true;
}

uint64_t Store::oldest_fill() const {
  uint64_t oldest = UINT64_MAX;
  for (uint64_t i = 0; i <= stripe_mask_; ++i) {
    const std::lock_guard lock(stripes_[i].mutex);
    for (const Fill* fill : stripes_[i].running)
      for (; fill != nullptr; fill = fill->next_running_) oldest = std::min(oldest, fill->stamp_);
  }
  return oldest;
}

void Store::for_each(const std::function<void(const Object&)>& visit) {
  for (uint64_t i = 0; i <= stripe_mask_; ++i) {
    const std::lock_guard lock(stripes_[i].mutex);
    for (uint64_t b = i; b <= bucket_mask_; b += stripe_mask_ + 1)
      for (const Object* o = buckets_[b].load(); o != nullptr; o = o->next_.load())
        if (!o->purged()) visit(*o);
  }
}

Store::Stats Store::stats() const {
  Stats stats;
  for (uint64_t i = 0; i <= stripe_mask_; ++i) {
    const std::lock_guard lock(stripes_[i].mutex);
    stats.objects += stripes_[i].objects;
    for (const Fill* fill : stripes_[i].running)
      for (; fill != nullptr; fill = fill->next_running_) {
        ++stats.fills;
        stats.waiting += static_cast<uint64_t>(std::max(fill->listeners(), 0));
      }
  }
  stats.bytes = used_.load();
  stats.held_bytes = held_.load() - std::min(held_.load(), stats.bytes);
  stats.evicted = evicted_.load();
  const std::lock_guard lock(spaces_mutex_);
  for (const auto& [name, space] : spaces_) stats.floors += space->floors_;
  return stats;
}

void Store::push(Stripe& stripe, Object& object) {
  std::atomic<Object*>& head = bucket(object.hash_);
  object.ref();
  object.linked_ = true;
  Object* next = head.load(std::memory_order_relaxed);
  object.link_ = &head;
  object.next_.store(next, std::memory_order_relaxed);
  if (next != nullptr) next->link_ = &object.next_;
  head.store(&object, std::memory_order_release);
  ++stripe.objects;
  used_.fetch_add(object.charge_, std::memory_order_relaxed);
}

void Store::unlink(Stripe& stripe, Object& object, Unlinked& out) {
  // Written, not read: who is evicted has been out of the CPU's cache for long, and so have its neighbours.
  Object* next = object.next_.load(std::memory_order_relaxed);
  object.link_->store(next, std::memory_order_release);
  if (next != nullptr) next->link_ = object.link_;
  if (object.in_sieve_) stripe.sieve.remove(object);
  object.in_sieve_ = object.linked_ = false;
  object.is_small_ = object.charge_ <= small_max && !object.is_popular();  // whose pages have to be replaced
  --stripe.objects;
  used_.fetch_sub(object.charge_, std::memory_order_relaxed);
  out.add(object);
}

void Store::take_place(Stripe& stripe, const Fill& fill, Object& object, MayStay may_stay, Unlinked& out) {
  unlink_replaced(stripe, object, may_stay, out);
  doom_hidden(stripe, {&object.space_, object.key(), object.hash_});
  if (fill.ends_marks_) clear_marks(object.space_, object.hash_);
  stripe.sieve.push(object);
  object.in_sieve_ = true;
}

void Store::unlink_replaced(Stripe& stripe, const Object& by, MayStay may_stay, Unlinked& out) {
  int variants = 0, beside = 0;
  for (Object* o = by.next_.load(std::memory_order_relaxed); o != nullptr;) {
    Object* next = o->next_.load(std::memory_order_relaxed);
    if (o->hash_ == by.hash_ && &o->space_ == &by.space_ && o->key() == by.key()) {
      // Of one variant the last word counts.
      const bool replaced = o->variant() == by.variant()
                                ? may_stay == nullptr || !may_stay(by, *o) || ++beside > beside_max
                                : ++variants >= variants_max;
      if (replaced) unlink(stripe, *o, out);
    }
    o = next;
  }
}

void Store::forget(Stripe& stripe, Fill& fill) {
  for (Fill** link = &fill_chain(stripe, fill.hash_); *link != nullptr; link = &(*link)->next_running_)
    if (*link == &fill) {
      *link = fill.next_running_;
      return;
    }
}

void Store::retire(Unlinked objects) {
  while (objects.first != nullptr) {
    Object* object = std::exchange(objects.first, objects.first->sieve_older);
    if (object->is_small_)
      epoch_.retire_small([](void* o) { static_cast<Object*>(o)->unref(); }, object);
    else
      epoch_.retire([object] { object->unref(); });  // its slabs may take long
  }
}

// What goes next was stored long ago, and is far away in memory by now: let it come while other work is done.
void Store::fetch_next_victims(const Stripe& stripe) {
  const Object* next = stripe.sieve.hand();
  if (next == nullptr) return;
  __builtin_prefetch(next->link_, 1);
  __builtin_prefetch(next->next_.load(std::memory_order_relaxed), 1);
  if (const Object* behind = next->sieve_newer)
    for (size_t line = 0; line < sizeof(Object); line += 64)
      __builtin_prefetch(reinterpret_cast<const char*>(behind) + line, 1);
}

void Store::make_room() {
  uint64_t idle = 0;
  while (used_.load(std::memory_order_relaxed) > options_.memory && idle <= stripe_mask_) {
    const uint32_t turn = next_victim_.fetch_add(1, std::memory_order_relaxed);
    Stripe& s = stripes_[turn / victims_each_turn & stripe_mask_];
    Unlinked out;
    {
      const std::lock_guard lock(s.mutex);
      if (Object* victim = s.sieve.victim()) unlink(s, *victim, out);
      fetch_next_victims(s);
    }
    if (out.first == nullptr) {
      ++idle;
      next_victim_.fetch_add(victims_each_turn - 1, std::memory_order_relaxed);  // the next stripe
      continue;
    }
    idle = 0;
    evicted_.fetch_add(1, std::memory_order_relaxed);
    retire(out);
  }
}

}  // namespace popnet::http
