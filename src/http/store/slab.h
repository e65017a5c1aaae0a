// Memory for response bodies: a chain of slabs, appended by one thread and read by any number while it grows. Those of bodies
// that are stored lie in pages that can be sent without a copy (pages.h).
//
// A slab is counted: whoever reads from it, and the slab before it, hold a reference. So a body that is
// stored keeps its first slab and with it all others; a body that only passes through keeps nothing but its
// end, and each slab goes when the slowest reader has left it. A Window counts the slabs of such a passing
// body that are still there, and tells the writer when it may go on.
//
//   stored:    Body ──> slab ──> slab ──> slab          passing:     reader ──> slab ──> slab <── Body (end)
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

namespace popnet::rt {
class Loop;
}

namespace popnet::http {

class Pages;

/// How far a passing body may run ahead of its slowest reader. Thread safe.
class Window {
 public:
  explicit Window(int slabs_max) : slabs_max_(slabs_max) {}

  void slab_made() { live_.fetch_add(1); }
  void slab_gone();
  [[nodiscard]] bool full() const { return live_.load() >= slabs_max_; }
  /// Calls `room` once, on `loop`, when the window is not full any more. False, and no call, when it is not
  /// full now.
  bool wait(rt::Loop& loop, std::function<void()> room);
  /// Forgets the call of wait(). A call already under way still comes.
  void cancel();

 private:
  const int slabs_max_;
  std::atomic<int> live_{0};
  std::mutex mutex_;  // guards what follows
  rt::Loop* loop_ = nullptr;
  std::function<void()> room_;
};

class Slab {
 public:
  /// On the heap, with one reference. `window` may be null.
  static Slab* make(uint32_t capacity, std::shared_ptr<Window> window = nullptr);
  /// In pages, if there are any left, and it is worth it. REQUIRES: capacity <= Pages::largest
  static Slab* make(uint32_t capacity, Pages& pages);
  /// At `place`, inside an allocation of footprint(capacity) bytes that outlives its readers; never counted.
  static Slab* embed(void* place, uint32_t capacity);
  static constexpr size_t footprint(uint32_t capacity) { return sizeof(Slab) + capacity; }
  /// Of one that make() puts there.
  static size_t paged_footprint(uint32_t capacity);

  void ref() {
    if (kind_ != Kind::embedded) refs_.fetch_add(1, std::memory_order_relaxed);
  }
  /// The slab, and those behind it that nobody else holds, may be gone after this.
  static void unref(Slab* slab);

  [[nodiscard]] char* data();
  [[nodiscard]] const char* data() const { return const_cast<Slab*>(this)->data(); }
  [[nodiscard]] uint32_t capacity() const { return capacity_; }
  [[nodiscard]] Slab* next() const { return next_.load(std::memory_order_acquire); }
  /// Takes over one reference to `next`. Only the writer, once.
  void link(Slab* next) { next_.store(next, std::memory_order_release); }

 private:
  enum class Kind : uint8_t { embedded, heap, paged };
  struct Paged;
  Slab(uint32_t capacity, Kind kind, std::shared_ptr<Window> window);
  ~Slab();
  static void destroy(Slab* slab);

  std::atomic<Slab*> next_{nullptr};
  std::atomic<uint32_t> refs_{1};
  const uint32_t capacity_;
  const Kind kind_;
  const std::shared_ptr<Window> window_;
};

struct Slab::Paged : Slab {
  Paged(uint32_t capacity, Pages& from, char* place)
      : Slab(capacity, Kind::paged, nullptr), pages(from), at(place) {}
  Pages& pages;
  char* const at;
};

inline char* Slab::data() {
  return kind_ == Kind::paged ? static_cast<Paged*>(this)->at : reinterpret_cast<char*>(this + 1);
}

/// One counted reference to a slab, or null.
class SlabRef {
 public:
  SlabRef() = default;
  ~SlabRef() { reset(); }
  SlabRef(SlabRef&& other) noexcept : slab_(std::exchange(other.slab_, nullptr)) {}
  SlabRef& operator=(SlabRef&& other) noexcept {
    if (this != &other) {
      reset();
      slab_ = std::exchange(other.slab_, nullptr);
    }
    return *this;
  }
  static SlabRef share(Slab* slab) {
    SlabRef ref;
    ref.slab_ = slab;
    if (slab != nullptr) slab->ref();
    return ref;
  }
  static SlabRef adopt(Slab* slab) {
    SlabRef ref;
    ref.slab_ = slab;
    return ref;
  }
  void reset() {
    if (slab_ != nullptr) Slab::unref(std::exchange(slab_, nullptr));
  }
  [[nodiscard]] Slab* get() const { return slab_; }
  [[nodiscard]] Slab* release() { return std::exchange(slab_, nullptr); }

 private:
  Slab* slab_ = nullptr;
};

}  // namespace popnet::http
