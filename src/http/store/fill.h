// A fill: one fetch of a missing (or stale) object, written by one thread, followed by any number of readers
// on any loop.
//
//   asked ──open──> shared ──commit──> (object complete)     all followers read the object as it grows
//     │       └───> private ─────────> (object complete)     the answer is for the asker alone: others fetch for themselves
//     └─abandon──> failed                                    no answer came
//   An object that breaks off after open() is marked broken and leaves the store; what came of it may take its place (commit_cut).
//
// The writer's end is the Filler (one owner, one thread); the readers' end is a FillRef. Followers do not
// poll: a Listener is called on its own loop after each step, once for any number of steps. A reader that
// goes takes its Listener along and the fill goes on.
//
// A body that turns out larger than Draft::size_max, or finds no room in the store, leaves it and passes
// through a Window from then on, to those who read it already.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.h"
#include "http/store/object.h"

namespace popnet::rt {
class Loop;
}

namespace popnet::http {

class Filler;
class Store;

class Fill {
 public:
  enum class Stage : uint8_t { asked, shared, alone, failed };

  /// One reader's ear. Lives on one loop's thread: made, told and destroyed there.
  class Listener {
   public:
    Listener() = default;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    /// Something has happened: look at stage(), the body's state and size. May destroy this listener and
    /// others.
    virtual void on_progress() = 0;
    /// Safe when it does not listen.
    void leave();

   protected:
    virtual ~Listener() { leave(); }

   private:
    friend class Fill;
    Fill* fill_ = nullptr;  // holds a reference while it listens
    Listener* next_ = nullptr;
    Listener* before_ = nullptr;
  };

  [[nodiscard]] Stage stage() const { return stage_.load(std::memory_order_acquire); }
  /// The object that the answer made. REQUIRES: stage() is shared, or alone and the caller is the asker
  [[nodiscard]] const ObjectRef& object() const { return object_; }
  /// Others may wait for its answer: Store::begin() without `alone`.
  [[nodiscard]] bool joinable() const { return joinable_; }
  /// The answer is in the store, and nothing has shown yet that it will not stay.
  [[nodiscard]] bool stores() const { return stores_.load(std::memory_order_acquire); }
  /// A number of the owner's own, set by Filler::note() before what it belongs to is told.
  [[nodiscard]] uint16_t note() const { return note_.load(std::memory_order_acquire); }
  /// From now on `listener` is told on `loop`, the calling thread's own. Listen first, then look.
  void listen(rt::Loop& loop, Listener& listener);
  /// Tells every listener that there is something new: those on `writer`, the calling thread's loop, within
  /// this call, so make it the last step. For the writer.
  void tell(const rt::Loop& writer);
  /// Readers that listen now, roughly. Any thread.
  [[nodiscard]] int listeners() const { return listeners_.load(std::memory_order_relaxed); }

 private:
  friend class Filler;
  friend class FillRef;
  friend class Object;
  friend class Store;

  /// The listeners of one loop: a ring that only that loop's thread touches.
  struct Ring {
    struct Head final : Listener {
      Head() { next_ = before_ = this; }
      void on_progress() override {}
    };
    explicit Ring(rt::Loop& l) : loop(&l) {}
    void add(Listener& listener);

    rt::Loop* loop;
    Head head;
    std::atomic<bool> told{false};  // a task is on its way
  };

  /// With one reference. The key lies behind it, in the same allocation.
  static Fill* make(Store& store, Space& space, uint64_t hash, std::string_view key, uint64_t stamp);
  Fill(Store& store, Space& space, uint64_t hash, uint32_t key_length, uint64_t stamp)
      : store_(store), space_(space), hash_(hash), key_length_(key_length), stamp_(stamp) {}
  ~Fill() = default;
  void ref() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void unref();
  [[nodiscard]] std::string_view key() const {
    return {reinterpret_cast<const char*>(this + 1), key_length_};
  }
  Ring& ring_of(rt::Loop& loop);
  void tell_ring(Ring& ring);

  Store& store_;
  Space& space_;
  const uint64_t hash_;
  const uint32_t key_length_;
  const uint64_t stamp_;
  std::atomic<uint32_t> refs_{1};
  std::atomic<Stage> stage_{Stage::asked};
  std::atomic<int> listeners_{0};
  std::atomic<uint16_t> note_{0};
  std::atomic<bool> stores_{false};
  ObjectRef object_;              // set before stage_ leaves asked
  Fill* next_running_ = nullptr;  // stripe's lock
  uint64_t variant_ = 0;          // Store::begin(); never changes after it
  bool ends_marks_ = true;        // Draft; the writer's
  bool joinable_ = true;          // as well
  bool doomed_ = false;           // stripe's lock: purged while it ran
  bool soft_purged_ = false;      // stripe's lock
  bool hidden_ = false;           // stripe's lock: its object has left the store, and may come back cut
  std::mutex
      mutex_;  // guards rings_ (the vector; each ring is its loop's) and the beginning of a growing body
  std::optional<Ring> first_ring_;  // most fills have readers on one loop
  std::vector<std::unique_ptr<Ring>> more_rings_;
};

/// One counted reference to a fill, or null.
class FillRef {
 public:
  FillRef() = default;
  ~FillRef() { reset(); }
  FillRef(const FillRef& other) : FillRef(share(other.fill_)) {}
  FillRef(FillRef&& other) noexcept : fill_(std::exchange(other.fill_, nullptr)) {}
  FillRef& operator=(FillRef other) noexcept {
    std::swap(fill_, other.fill_);
    return *this;
  }
  static FillRef share(Fill* fill) {
    FillRef ref;
    ref.fill_ = fill;
    if (fill != nullptr) fill->ref();
    return ref;
  }
  /// Takes over a reference.
  static FillRef adopt(Fill* fill) {
    FillRef ref;
    ref.fill_ = fill;
    return ref;
  }
  void reset() {
    if (fill_ != nullptr) std::exchange(fill_, nullptr)->unref();
  }
  /// The caller takes over the reference.
  [[nodiscard]] Fill* release() { return std::exchange(fill_, nullptr); }
  explicit operator bool() const { return fill_ != nullptr; }
  Fill* get() const { return fill_; }
  Fill* operator->() const { return fill_; }

 private:
  Fill* fill_ = nullptr;
};

/// What is known of an object before its body.
struct Draft {
  std::span<const std::byte> meta;  // plain bytes of the owner's own type
  std::string_view variant;  // equal variants under one key replace each other, but for what may_stay says
  std::string_view head;
  std::optional<uint64_t> length{};  // of the body, if known. The writer keeps to it
  uint64_t size_max = 0;             // a body larger than this is not stored
  std::span<const uint64_t> tags{};  // Space::tag() of each
  /// Has the older object, of the same key and variant, something that this one lacks, so that it stays beside it? Called
  /// under a lock. Null: it never has.
  bool (*may_stay)(const Object& newer, const Object& older) = nullptr;
  bool ends_marks =
      true;  // answers can be shared again (marks.h); false: it is for requests that no mark is about
};

/// What an answer that is for its asker alone says of others to the same key.
struct NotShared {
  TimePoint until{};         // requests need not wait for each other's answers (marks.h)
  std::string_view variant;  // is not to be used any more, if it is stored
  bool tagged = false;       // the answer had tags, by which it may be purged
};

/// The writer's end. Everything on one thread, that of `loop`. Destroyed before commit(), it abandons.
class Filler {
 public:
  Filler() = default;
  Filler(Filler&& other) noexcept { *this = std::move(other); }
  Filler& operator=(Filler&& other) noexcept;
  ~Filler() { (void)abandon(); }
  explicit operator bool() const { return static_cast<bool>(fill_); }
  [[nodiscard]] Fill& fill() const { return *fill_.get(); }

  /// The answer may be shared, and is stored unless its body grows beyond size_max. After it, tell().
  void open(const Draft& draft);
  void note(uint16_t number) { fill_->note_.store(number, std::memory_order_release); }
  /// The answer is for the asker alone, who takes his Cursor when first told; it passes through a window. What it
  /// `leaves` is for the requests that follow.
  void open_alone(const Draft& draft, const std::optional<NotShared>& leaves = std::nullopt);
  /// From here on the body passes through to those who read it already, and is not stored. Safe when it does.
  void stop_storing();
  /// The body passes through and is not stored.
  [[nodiscard]] bool passes() const { return passes_; }
  /// Room for body bytes, at least one, owned by the fill; then advance().
  std::span<char> room();
  void advance(size_t count);
  /// Copies.
  void append(std::string_view bytes);
  /// The window of a passing body is full: read no more from the origin.
  [[nodiscard]] bool full() const { return window_ && window_->full(); }
  /// Calls `room` once, on `loop`, when it is not full any more. False, and no call, when it is not full now.
  bool when_room(rt::Loop& loop, std::function<void()> room);
  /// fill().tell(loop).
  void tell(const rt::Loop& loop);
  /// The body is complete. Ends the Filler; tell() the fill it returns.
  [[nodiscard]] FillRef commit();
  /// 304: the stored `base` (complete) gets a new head and lives on. Instead of open() and commit().
  [[nodiscard]] FillRef commit_refreshed(const ObjectRef& base, const Draft& draft);
  /// The same for the asker alone: what is stored stays as it is, but for what the 304 `leaves`. Who delivers it keeps `base`.
  [[nodiscard]] FillRef commit_confirmed_alone(const ObjectRef& base, const Draft& draft,
                                               const std::optional<NotShared>& leaves);
  /// Nobody finds the object in the store any more. Safe when it is not there. Then commit_cut(), stop_storing() or abandon(), and
  /// until then no more of the body.
  void hide();
  /// The body breaks off, and what came of it is stored as this, if it is in the store and was not purged: the other fields as in
  /// open(), without length. Instead of abandon(). REQUIRES: some of the body has come
  [[nodiscard]] FillRef commit_cut(const Draft& draft);
  /// No answer, or a broken one. Safe when there is no fill. Also called by the destructor, which tells
  /// nobody.
  FillRef abandon();

 private:
  friend class Store;
  explicit Filler(FillRef fill) : fill_(std::move(fill)) {}
  void make_object(const Draft& draft);
  void make_refreshed(const ObjectRef& base, Draft draft);
  void make_heir(const ObjectRef& base, const Draft& draft);
  [[nodiscard]] bool worth_compacting() const;
  [[nodiscard]] Object* make_compact(Object::Parts parts) const;
  [[nodiscard]] Object::Parts own_parts() const;
  void add_slab();
  void forget_beginning();
  bool charge(uint64_t bytes);
  FillRef end(Body::State state);

  FillRef fill_;
  Object* object_ = nullptr;  // fill_->object_, writable
  std::optional<uint64_t> length_;
  uint64_t size_max_ = 0;
  bool (*may_stay_)(const Object& newer, const Object& older) = nullptr;
  uint64_t grown_ = 0;              // charged to Space::growing_
  bool passes_ = false;             // the body passes through
  std::shared_ptr<Window> window_;  // of a passing body's slabs; made with the first
  bool hidden_ = false;
  bool told_ = false;  // once: whoever reads a passing body has its beginning
};

}  // namespace popnet::http
