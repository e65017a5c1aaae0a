// A stored response: what it was asked for, its head, its body. One allocation holds all but large bodies:
//
//   Object | meta | tags | key | variant | head | [ slab header | body ]     (body inline when short and its length known)
//
// Life: made when the head of an answer is known (fill.h), grows, is committed; from then on it never
// changes. A 304 makes a new object with a new head that leans on the body of the old one. The table holds
// one reference and drops it, by way of the Epoch, when the object is unlinked; whoever needs an object
// beyond the loop turn in which it was looked up takes an ObjectRef.
//
// The store does not interpret: `meta` is a block of plain bytes of the owner's own type, `head` the owner's
// text, `variant` whatever tells apart the answers under one key.
//
// Threading: everything const may be read by any thread. The body grows under one writer; readers see
// published bytes only.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "http/store/slab.h"
#include "http/store/space.h"

namespace popnet::http {

class Fill;
class Store;

/// A chain of slabs, and how much of it may be read.
class Body {
 public:
  enum class State : uint8_t {
    growing,   ///< more will come
    complete,  ///< size() is final
    broken,    ///< ends here, too early
  };

  /// Read state() before size(): once it is complete, size() is final.
  [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] uint64_t size() const { return size_.load(std::memory_order_acquire); }
  /// For gather(). REQUIRES: complete and stored (any complete body that a lookup finds is)
  [[nodiscard]] const Slab* first() const { return first_.load(std::memory_order_acquire); }

 private:
  friend class Object;
  friend class Filler;
  friend class Store;

  std::atomic<uint64_t> size_{0};
  std::atomic<Slab*> first_{nullptr};  // holds a reference; null: the beginning has passed by
  SlabRef tail_;                       // writer only
  uint32_t tail_used_ = 0;             // writer only
  std::atomic<State> state_{State::growing};
};

/// Fills `out` with up to `count` bytes behind `offset` from the start of `slab`, which REQUIRES that they
/// are published. Returns how many entries were used; stops early when `out` is full. Takes no reference.
size_t gather(const Slab* slab, uint64_t offset, uint64_t count, std::span<iovec> out);

/// A reader's place in a body, kept over loop turns. Holds the slab it stands in; keep an ObjectRef beside
/// it, declared before it.
class Cursor {
 public:
  Cursor() = default;

  [[nodiscard]] uint64_t position() const { return position_; }
  /// Up to `count` published bytes from here; see the other gather().
  size_t gather(uint64_t count, std::span<iovec> out) const {
    return http::gather(slab_.get(), offset_, count, out);
  }
  /// REQUIRES: that many bytes are published
  void advance(uint64_t count);

 private:
  friend class Object;
  explicit Cursor(Slab* first) : slab_(SlabRef::share(first)) {}

  SlabRef slab_;
  uint64_t offset_ = 0;  // in slab_
  uint64_t position_ = 0;
};

class Object {
 public:
  [[nodiscard]] const Space& space() const { return space_; }
  /// Hashes of the tags by which it can be purged: Space::tag().
  [[nodiscard]] std::span<const uint64_t> tags() const {
    return {reinterpret_cast<const uint64_t*>(tail() + meta_length_), tag_count_};
  }
  [[nodiscard]] std::string_view key() const {
    return {tail() + meta_length_ + tag_count_ * sizeof(uint64_t), key_length_};
  }
  [[nodiscard]] std::string_view variant() const { return {key().data() + key_length_, variant_length_}; }
  [[nodiscard]] std::string_view head() const { return {variant().data() + variant_length_, head_length_}; }
  [[nodiscard]] const Body& body() const { return base_ == nullptr ? body_ : base_->body_; }
  /// At the first byte of the body; none when that passes through and its beginning is gone.
  [[nodiscard]] std::optional<Cursor> cursor() const;
  /// What Draft::meta was made from. REQUIRES: the same type
  template <class T>
  [[nodiscard]] const T& meta() const {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= alignof(std::max_align_t));
    assert(meta_length_ >= sizeof(T));
    return *reinterpret_cast<const T*>(tail());
  }
  /// Found so often that it is worth while to give away the pages of its body with each (pages.h).
  [[nodiscard]] bool is_popular() const { return hits_.load(std::memory_order_relaxed) >= popular; }
  /// A soft purge has passed over it: usable only as a stale one is.
  [[nodiscard]] bool expired_by_purge() const {
    (void)purged();
    return expired_.load(std::memory_order_relaxed);
  }
  /// A hard purge has passed over it: it may not be used any more. REQUIRES: the calling thread's Epoch::Reader
  /// is online
  [[nodiscard]] bool purged() const {
    return checked_.load(std::memory_order_relaxed) < space_.newest() && look_at_floors();
  }
  /// The fill that is still at work on it; null once it is complete or broken. Borrowed like the object
  /// itself.
  [[nodiscard]] Fill* fill() const { return fill_.load(std::memory_order_acquire); }
  /// Bytes charged to the memory budget.
  [[nodiscard]] uint64_t charge() const { return charge_; }

  // For Sieve, under the stripe's lock.
  bool spare() {
    if (purged() || visited_.load(std::memory_order_relaxed) == 0) return false;
    visited_.store(0, std::memory_order_relaxed);
    return true;
  }
  Object* sieve_newer = nullptr;
  Object* sieve_older = nullptr;

 private:
  friend class Filler;
  friend class ObjectRef;
  friend class Store;

  static constexpr uint8_t popular = 16;

  struct Parts {
    std::span<const std::byte> meta;
    std::string_view key, variant, head;
    std::span<const uint64_t> tags = {};
    uint32_t inline_body = 0;  // capacity; 0 = none
  };
  static Object* make(Store& store, Space& space, uint64_t hash, uint64_t stamp, const Parts& parts);
  Object(Store& store, Space& space, uint64_t hash, uint64_t stamp, const Parts& parts);
  ~Object();

  void ref() const { refs_.fetch_add(1, std::memory_order_relaxed); }
  void unref() const;
  [[nodiscard]] bool look_at_floors() const;
  void mark_purged() const { checked_.store(gone, std::memory_order_relaxed); }
  [[nodiscard]] const char* tail() const { return reinterpret_cast<const char*>(this + 1); }
  void visit() const {
    if (visited_.load(std::memory_order_relaxed) == 0) visited_.store(1, std::memory_order_relaxed);
    const uint8_t hits = hits_.load(std::memory_order_relaxed);
    if (hits < popular) hits_.store(hits + 1, std::memory_order_relaxed);
  }

  // What a lookup reads comes first: one cache line decides for most objects of a chain.
  std::atomic<Object*> next_{nullptr};  // in its bucket
  const uint64_t hash_;
  Space& space_;
  // The floors up to this have been looked at.
  static constexpr uint64_t gone = 0;  // purged for good: less than any floor
  mutable std::atomic<uint64_t> checked_;
  const uint32_t meta_length_;  // rounded up
  const uint32_t tag_count_;
  const uint32_t key_length_;
  const uint32_t variant_length_;
  const uint32_t head_length_;
  mutable std::atomic<uint8_t> visited_{0};
  mutable std::atomic<bool> expired_{false};
  mutable std::atomic<uint8_t> hits_{0};  // about, and no more than popular
  const uint64_t stamp_;
  uint32_t footprint_ = 0;  // of this allocation

  std::atomic<Object*>* link_ = nullptr;  // what points to it in its bucket; stripe's lock
  bool linked_ = false;                   // stripe's lock
  bool in_sieve_ = false;                 // stripe's lock
  bool is_small_ = false;                 // when it was unlinked; of the thread that did so
  uint64_t charge_ = 0;                   // stripe's lock
  mutable std::atomic<uint32_t> refs_{1};
  std::atomic<Fill*> fill_{nullptr};  // holds a reference
  const Object* base_ = nullptr;      // holds a reference: the object whose body this one shares
  Store& store_;
  Body body_;
};

/// One counted reference to an object, or null.
class ObjectRef {
 public:
  ObjectRef() = default;
  ~ObjectRef() { reset(); }
  ObjectRef(const ObjectRef& other) : object_(other.object_) {
    if (object_ != nullptr) object_->ref();
  }
  ObjectRef(ObjectRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  ObjectRef& operator=(ObjectRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  /// REQUIRES: the object is borrowed (the calling thread's Epoch::Reader is online since the lookup) or held
  /// by another reference
  static ObjectRef share(const Object* object) {
    ObjectRef ref;
    ref.object_ = object;
    if (object != nullptr) object->ref();
    return ref;
  }
  /// Takes over a reference.
  static ObjectRef adopt(const Object* object) {
    ObjectRef ref;
    ref.object_ = object;
    return ref;
  }
  void reset() {
    if (object_ != nullptr) std::exchange(object_, nullptr)->unref();
  }
  explicit operator bool() const { return object_ != nullptr; }
  const Object* get() const { return object_; }
  const Object* operator->() const { return object_; }
  const Object& operator*() const { return *object_; }

 private:
  const Object* object_ = nullptr;
};

}  // namespace popnet::http
