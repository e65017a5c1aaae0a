#include "http/store/object.h"

#include <mutex>
#include <new>

#include "http/store/fill.h"
#include "http/store/store.h"

namespace popnet::http {

namespace {
constexpr size_t round_up(size_t n) {
  constexpr size_t unit = alignof(std::max_align_t);
  return (n + unit - 1) / unit * unit;
}
}  // namespace

Object* Object::make(Store& store, Space& space, uint64_t hash, uint64_t stamp, const Parts& parts) {
  size_t bytes = sizeof(Object) + round_up(parts.meta.size()) + parts.tags.size_bytes() + parts.key.size() +
                 parts.variant.size() + parts.head.size();
  const size_t slab_at = round_up(bytes);
  if (parts.inline_body > 0) bytes = slab_at + Slab::footprint(parts.inline_body);
  bytes = Blocks::footprint(bytes);
  void* place = store.blocks_.take(bytes);
  auto* object = new (place) Object(store, space, hash, stamp, parts);
  if (parts.inline_body > 0) {
    Slab* slab = Slab::embed(static_cast<char*>(place) + slab_at, parts.inline_body);
    object->body_.first_.store(slab, std::memory_order_relaxed);
    object->body_.tail_ = SlabRef::share(slab);
  }
  object->charge_ = bytes;
  object->footprint_ = static_cast<uint32_t>(bytes);
  store.held_.fetch_add(bytes, std::memory_order_relaxed);
  store.objects_.fetch_add(1, std::memory_order_relaxed);
  return object;
}

Object::Object(Store& store, Space& space, uint64_t hash, uint64_t stamp, const Parts& parts)
    : hash_(hash),
      space_(space),
      checked_(stamp),
      meta_length_(static_cast<uint32_t>(round_up(parts.meta.size()))),
      tag_count_(static_cast<uint32_t>(parts.tags.size())),
      key_length_(static_cast<uint32_t>(parts.key.size())),
      variant_length_(static_cast<uint32_t>(parts.variant.size())),
      head_length_(static_cast<uint32_t>(parts.head.size())),
      stamp_(stamp),
      store_(store) {
  char* at = reinterpret_cast<char*>(this + 1);
  const auto put = [&at](const void* bytes, size_t count) {
    if (count > 0) std::memcpy(at, bytes, count);
    at += count;
  };
  put(parts.meta.data(), parts.meta.size());
  at = reinterpret_cast<char*>(this + 1) + meta_length_;
  put(parts.tags.data(), parts.tags.size_bytes());
  for (const std::string_view text : {parts.key, parts.variant, parts.head}) put(text.data(), text.size());
}

Object::~Object() {
  store_.held_.fetch_sub(charge_, std::memory_order_relaxed);
  if (Fill* fill = fill_.load(std::memory_order_relaxed)) fill->unref();
  if (Slab* first = body_.first_.load(std::memory_order_relaxed)) Slab::unref(first);
  body_.tail_.reset();
  if (base_ != nullptr) base_->unref();
}

void Object::unref() const {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Store& store = store_;
  const size_t bytes = footprint_;
  this->~Object();
  store.blocks_.give_back(const_cast<Object*>(this), bytes);
  store.objects_.fetch_sub(1, std::memory_order_release);  // from here on the store may end
}

bool Object::look_at_floors() const {
  uint64_t seen = checked_.load(std::memory_order_relaxed);
  if (seen == gone) return true;
  const uint64_t newest = space_.newest();
  const Space::Verdict verdict = space_.verdict(stamp_, key(), tags());
  if (verdict.gone) {
    mark_purged();
    return true;
  }
  if (verdict.stale) expired_.store(true, std::memory_order_relaxed);
  checked_.compare_exchange_strong(seen, newest, std::memory_order_relaxed);
  return false;
}

// While a fill is at work it may give the beginning up: both sides take its lock. Afterwards nothing changes
// any more.
std::optional<Cursor> Object::cursor() const {
  const Body& source = body();
  std::unique_lock<std::mutex> lock;
  if (Fill* fill_now = fill()) lock = std::unique_lock(fill_now->mutex_);
  Slab* first = source.first_.load(std::memory_order_acquire);
  if (first == nullptr) return std::nullopt;
  return Cursor(first);
}

size_t gather(const Slab* slab, uint64_t offset, uint64_t count, std::span<iovec> out) {
  size_t used = 0;
  while (count > 0 && used < out.size()) {
    const uint32_t capacity = slab->capacity();
    if (offset >= capacity) {
      offset -= capacity;
      slab = slab->next();
      continue;
    }
    const uint64_t here = std::min<uint64_t>(capacity - offset, count);
    out[used++] = {const_cast<char*>(slab->data() + offset), here};
    count -= here;
    offset += here;
  }
  return used;
}

void Cursor::advance(uint64_t count) {
  position_ += count;
  offset_ += count;
  while (offset_ >= slab_.get()->capacity()) {
    Slab* next = slab_.get()->next();
    if (next == nullptr) return;  // stands at the end of the last slab; goes on when there is a next
    offset_ -= slab_.get()->capacity();
    slab_ = SlabRef::share(next);
  }
}

}  // namespace popnet::http
