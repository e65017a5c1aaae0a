// The store: responses in memory, shared by all threads of a node.
//
// Interface, small on purpose (a durable store behind it keeps it): lookup, begin (a fill),
// open/append/commit/abandon (fill.h), mark, purge, for_each, stats.
//
// Reading takes no lock: a chained hash table with atomic heads, under rt::Epoch. What lookup() returns is
// borrowed: valid until the calling thread's next quiescent moment, that is within the loop turn. Writers
// take the lock of one of a few stripes; a bucket belongs to one stripe. No two locks are ever held together.
//
//   buckets:   [0] ──> object ──> object        newest first: of several that match, the most recent answer
//              [1]                              is used (RFC 9111 section 4)
//              [2] ──> object
//   stripe s:  buckets with index mod stripes = s; their lock, their Sieve, their running fills
//
// Variants: objects under one key may differ in their `variant` text; the caller's predicate picks. A commit
// replaces those of the same key and the same variant; but what has other bytes of the same object (a part) may stay
// (Draft::may_stay), up to beside_max of them. That answers to a key could not be shared lately takes no
// object (marks.h): what is never stored pushes out nothing.
//
// Memory: every allocation of an object, its body included, is charged. When the charge of what the table
// holds exceeds the budget, objects are evicted (sieve.h), from the stripes in turn. Unlinked objects that
// somebody still sends are counted apart (Stats::held_bytes). Stale objects stay until room is needed: they
// may be served while no origin answers.
// An object that grows cannot be evicted. So its fill stops storing, and lets the rest pass (fill.h), when
// there is no room for more of it: nothing left to evict, half of the budget taken by the fills of its site,
// or the unlinked objects as large as the budget.
//
// Purge: by key at once; by site, tag and prefix by floors (space.h): what is older is invisible from then on. It
// loses its memory when the Sieve meets it, or sweep(). A fill keeps the stamp of its begin, so what was asked of
// the origin before a purge can never come back.
//
// Life: the store outlives every reference to its objects and fills.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/hash.h"
#include "http/store/blocks.h"
#include "http/store/fill.h"
#include "http/store/marks.h"
#include "http/store/object.h"
#include "http/store/pages.h"
#include "http/store/sieve.h"
#include "rt/epoch.h"

namespace popnet::http {

/// What an object is stored under. Borrows the text.
struct Key {
  Space* space = nullptr;
  std::string_view text;
  uint64_t hash = 0;
};

class Store {
 public:
  struct Options {
    uint64_t memory = uint64_t{256} << 20;  // bytes, all overhead of objects included
    uint64_t seed = 0;                      // of the hash: keys come from strangers
    uint32_t stripes = 64;                  // a power of two
  };
  struct Stats {
    uint64_t objects = 0;     // linked
    uint64_t bytes = 0;       // charged for them
    uint64_t held_bytes = 0;  // unlinked, still referred to
    uint64_t fills = 0;       // running
    uint64_t waiting = 0;     // readers that listen to them
    uint64_t evicted = 0;     // since start
    uint64_t floors = 0;      // of tags and prefixes, kept now
  };
  /// Fills are appended in slabs of this size, smaller at first where the length is not known.
  static constexpr uint32_t slab_bytes = 256 * 1024;
  /// A body up to this size whose length is known lies in its object's own allocation.
  static constexpr uint32_t inline_max = 32 * 1024;
  /// Variants kept under one key: more push out the oldest.
  static constexpr int variants_max = 32;
  /// Objects of one variant that stay beside the newest.
  static constexpr int beside_max = 32;

  Store(const Options& options, rt::Epoch& epoch);
  /// REQUIRES: no reader, no fill, no reference left
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// The space of that site; made at the first call. Takes a lock: ask once, at configuration time.
  Space& space(std::string_view site);
  [[nodiscard]] Key key(Space& space, std::string_view text) const {
    return {&space, text, space.hash(text)};
  }
  /// What that fill was begun with; valid as long as it is.
  [[nodiscard]] static Key key(const Fill& fill) { return {&fill.space_, fill.key(), fill.hash_}; }

  /// The newest object under the key that `matches(const Object&)` accepts; null if there is none. Lock free. REQUIRES: the calling thread's Epoch::Reader is online
  template <class Matches>
  [[nodiscard]] const Object* lookup(const Key& key, Matches&& matches) const {
    for (const Object* o = bucket(key.hash).load(std::memory_order_acquire); o != nullptr;
         o = o->next_.load(std::memory_order_acquire)) {
      if (is(*o, key) && !o->purged() && matches(*o)) {
        o->visit();
        return o;
      }
    }
    return nullptr;
  }

  /// The last answer under the key was for its asker alone ("hit for miss"), and nothing has been stored there since, nor was
  /// the key, its site or a prefix of that purged, nor, if that answer had tags, a tag.
  [[nodiscard]] bool not_shared(const Key& key, TimePoint now) const {
    return marks_.has(mark(*key.space, key.hash), now) || marks_.has(tagged_mark(*key.space, key.hash), now);
  }
  /// To refresh it has failed: until then, give or take a second, who is served the stale object need not make it be tried again.
  void put_off_refresh(const Key& key, TimePoint until) { marks_.set(refresh_mark(key), until); }
  [[nodiscard]] bool refresh_put_off(const Key& key, TimePoint now) const {
    return marks_.has(refresh_mark(key), now);
  }

  /// What a miss becomes: exactly one of the three.
  struct Begun {
    ObjectRef object;  // a usable one has come in the meantime
    Filler filler;     // nobody fetches it: the caller does, and `fill` is what it writes
    FillRef fill;      // without filler: somebody fetches it, listen there
  };
  /// `usable` decides whether an object would do; it is called under a lock; null: none does.
  /// With `alone`, neither joins nor is joined. `variant`: whom the answer will suit, as far as that is known already: only
  /// fills of the same one are joined. REQUIRES: the calling thread's Epoch::Reader is online
  Begun begin(const Key& key, bool alone, const std::function<bool(const Object&)>& usable,
              uint64_t variant = 0);

  /// Returns true if something was stored under the key. `except`: a running fill that it does not concern,
  /// for it is its answer that orders the purge.
  bool purge(const Key& key, Purge how, const Fill* except = nullptr);
  /// Has a purge of any kind that concerns that object, which is under the fill's key, been ordered since the fill began? Then
  /// what it brings says nothing of the object. REQUIRES: the calling thread's Epoch::Reader is online
  [[nodiscard]] bool purged_since(const Fill& fill, const Object& object) const;
  /// A soft purge of that object alone.
  static void expire(const Object& object) { object.expired_.store(true, std::memory_order_relaxed); }
  void purge(Space& space, Purge how);
  /// Whatever has one of these tags: Space::tag().
  void purge_tags(Space& space, std::span<const uint64_t> tags, Purge how);
  /// Whatever has a key that begins so.
  void purge_prefix(Space& space, std::string_view prefix, Purge how);
  /// Looks at some of the objects: those that were purged lose their memory, and floors that all have looked at
  /// are forgotten. True when there is more to do at once. For one thread, REQUIRES its Epoch::Reader online.
  bool sweep();

  /// Every visible object, stripe by stripe, under its lock. REQUIRES: the calling thread's Epoch::Reader is
  /// online
  void for_each(const std::function<void(const Object&)>& visit);
  [[nodiscard]] Stats stats() const;
  /// In which longer bodies lie: what is found in them can be sent without a copy.
  [[nodiscard]] Pages& pages() { return pages_; }

 private:
  friend class Fill;
  friend class Filler;
  friend class Object;

  struct alignas(64) Stripe {
    mutable std::mutex mutex;  // guards all below, and the buckets of this stripe for writing
    Sieve<Object> sieve;
    std::array<Fill*, 16> running{};  // chains of fills, not owned; by fill_chain()
    uint64_t objects = 0;
  };
  /// Unlinked under a lock, to be retired after it. A chain by sieve_older.
  struct Unlinked {
    Object* first = nullptr;
    void add(Object& object) { object.sieve_older = std::exchange(first, &object); }
  };

  static bool is(const Object& o, const Key& key) {
    return o.hash_ == key.hash && &o.space_ == key.space && o.key() == key.text;
  }
  static bool is(const Fill& fill, const Key& key) {
    return fill.hash_ == key.hash && &fill.space_ == key.space && fill.key() == key.text;
  }
  /// Marks of the second kind.
  static uint64_t refresh_mark(const Key& key) { return mark(*key.space, key.hash) * 0x9e3779b97f4a7c15; }
  /// Under what marks are kept: a purge of the site, or of any prefix in it, ends all of them at once, for nobody finds them
  /// any more; one of tags those of answers that had any.
  static uint64_t mark(const Space& space, uint64_t hash) { return mix64(hash ^ space.untagged_floor()); }
  static uint64_t tagged_mark(const Space& space, uint64_t hash) {
    return Marks::second(mark(space, hash), space.tag_floor());
  }
  void clear_marks(const Space& space, uint64_t hash) {
    marks_.clear(mark(space, hash));
    marks_.clear(tagged_mark(space, hash));
  }
  [[nodiscard]] std::atomic<Object*>& bucket(uint64_t hash) const { return buckets_[hash & bucket_mask_]; }
  [[nodiscard]] Stripe& stripe(uint64_t hash) const { return stripes_[hash & stripe_mask_]; }
  static Fill*& fill_chain(Stripe& stripe, uint64_t hash) {
    return stripe.running[hash >> 32 & (stripe.running.size() - 1)];
  }

  // For Filler.
  void link(Fill& fill, Object& object, bool stale = false);
  using MayStay = bool (*)(const Object& newer, const Object& older);
  void settle(Fill& fill, Object& object, Object* compact, MayStay may_stay);
  void settle_cut(Fill& fill, Object& broken, Object& kept, bool hidden, MayStay may_stay);
  void hide(Fill& fill, Object& object);
  static void doom_hidden(Stripe& stripe, const Key& key);
  void drop(Fill& fill, Object* object);
  void set_aside(Fill& fill, const std::optional<NotShared>& leaves);
  /// False when the object is in the store no more.
  bool charge(Object& object, uint64_t bytes);
  /// A running fill of that site has charged so much. False when there is no room for it.
  [[nodiscard]] bool grow(Space& space, uint64_t bytes);
  /// What the running fills of a site may have charged.
  [[nodiscard]] uint64_t growing_max() const { return options_.memory / 2; }
  static void release(Space& space, uint64_t bytes) {
    space.growing_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  void lend_body(Object& base, Object& heir);

  /// Under spaces_mutex_, in this order: objects find the floors before any fill can be newer than they are.
  [[nodiscard]] uint64_t next_floor() const { return clock_.load() + 1; }
  void floors_raised(Space& space, uint64_t floor) {
    space.raised(floor);
    clock_.store(floor);
    unswept_ = true;
  }
  [[nodiscard]] uint64_t oldest_fill() const;
  void end_sweep();

  // Under the stripe's lock.
  void push(Stripe& stripe, Object& object);
  void unlink(Stripe& stripe, Object& object, Unlinked& out);
  void take_place(Stripe& stripe, const Fill& fill, Object& object, MayStay may_stay, Unlinked& out);
  void unlink_replaced(Stripe& stripe, const Object& by, MayStay may_stay, Unlinked& out);
  static void forget(Stripe& stripe, Fill& fill);

  void retire(Unlinked objects);
  void make_room();
  static void fetch_next_victims(const Stripe& stripe);

  const Options options_;
  rt::Epoch& epoch_;
  Blocks blocks_;
  Pages pages_;
  Marks marks_;
  const uint64_t bucket_mask_;
  const uint64_t stripe_mask_;
  std::unique_ptr<std::atomic<Object*>[]> buckets_;
  std::unique_ptr<Stripe[]> stripes_;
  std::atomic<uint64_t> clock_{Space::first_stamp};  // stamps; moves under spaces_mutex_
  std::atomic<uint64_t> used_{0};                    // charged to linked objects
  std::atomic<uint64_t> held_{0};                    // charged to all objects
  std::atomic<uint64_t> objects_{0};                 // that exist: linked, retired, or referred to
  std::atomic<uint64_t> evicted_{0};
  std::atomic<uint32_t> next_victim_{0};

  struct Sweep {
    bool running = false;
    uint64_t stripe = 0, bucket = 0;  // where it goes on
    uint64_t floor = 0;               // the newest when it began
  };
  Sweep sweep_;  // of the thread that sweeps

  mutable std::mutex spaces_mutex_;  // of purges: guards spaces_, their floors, and what follows
  bool unswept_ = false;             // floors were raised since the last sweep began
  std::unordered_map<std::string, std::unique_ptr<Space>> spaces_;
};

}  // namespace popnet::http
