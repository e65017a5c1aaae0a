// The part of the store that belongs to one site, and what has been purged of it.
//
// Objects and fills carry the stamp of the moment at which the fill began. A purge of a site, a tag or a prefix
// raises a floor: what it concerns, and is older, is gone (hard) or stale (soft). So a purge costs the same
// whatever it hits, and what was asked of an origin before it can never come back.
//
//   the site's floor   two numbers, for all that is in it
//   floors of tags     a hash table of the tags that were purged; objects carry the hashes of their tags
//   floors of prefixes a list; they are compared with the keys
//
// An object looks at the floors once after each purge in its space (Object::purged()). Floors that every object
// and every running fill has looked at are forgotten: Store::sweep(). More than floors_max at a time become one
// of the whole site.
//
// Threading: name(), tag(), newest() and verdict() without locks by any thread; verdict() REQUIRES that its
// Epoch::Reader is online. All else under the store's lock of purges.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/hash.h"
#include "rt/epoch.h"

namespace popnet::http {

enum class Purge : uint8_t {
  hard,  ///< gone
  soft,  ///< stale: to be validated, or served while no origin answers
};

class Space {
 public:
  static constexpr size_t floors_max = 50'000;  // of tags and prefixes
  static constexpr uint64_t first_stamp = 1;

  Space(std::string name, uint64_t seed, rt::Epoch& epoch)
      : name_(std::move(name)), seed_(seed), epoch_(epoch) {}
  ~Space();
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] uint64_t hash(std::string_view text) const { return hash_bytes(text, seed_); }
  /// What an object carries for that tag.
  [[nodiscard]] uint64_t tag(std::string_view text) const { return hash_bytes(text, ~seed_); }

  /// The highest floor: objects that have looked at it need not look again.
  [[nodiscard]] uint64_t newest() const { return newest_.load(std::memory_order_acquire); }
  /// Another number after each purge of the whole site, or of a prefix in it.
  [[nodiscard]] uint64_t untagged_floor() const {
    return std::max({hard_.load(std::memory_order_relaxed), soft_.load(std::memory_order_relaxed),
                     prefix_floor_.load(std::memory_order_relaxed)});
  }
  /// The newest of all tags.
  [[nodiscard]] uint64_t tag_floor() const { return tag_floor_.load(std::memory_order_relaxed); }
  struct Verdict {
    bool gone = false;
    bool stale = false;
  };
  /// Of something with that stamp, key and tags.
  [[nodiscard]] Verdict verdict(uint64_t stamp, std::string_view key, std::span<const uint64_t> tags) const;

 private:
  friend class Store;

  struct Floor {
    const uint64_t tag;
    const std::string prefix;  // of keys
    std::atomic<uint64_t> hard{0};
    std::atomic<uint64_t> soft{0};
    std::atomic<Floor*> next{nullptr};
  };
  using Chain = std::atomic<Floor*>;
  static constexpr size_t chains = 1024;  // of the table of tags

  // Floors of one purge, all of the same height, and then raised(): an object that looked between two of them would never
  // look at the second.
  void raise(Purge how, uint64_t floor);
  void raise_tag(uint64_t tag, Purge how, uint64_t floor);
  void raise_prefix(std::string_view prefix, Purge how, uint64_t floor);
  void raised(uint64_t floor) { newest_.store(floor, std::memory_order_release); }
  /// Those that are no higher. Returns how many are left.
  size_t forget(uint64_t floor);

  void raise_in(Chain& chain, uint64_t tag, std::string_view prefix, Purge how, uint64_t floor);
  void forget_in(Chain& chain, uint64_t floor);
  static void look(const Floor& floor, uint64_t stamp, Verdict& verdict);

  const std::string name_;
  const uint64_t seed_;
  rt::Epoch& epoch_;
  std::atomic<uint64_t> newest_{first_stamp};
  std::atomic<uint64_t> hard_{0}, soft_{0};  // of the site
  std::atomic<uint64_t> prefix_floor_{0}, tag_floor_{0};
  std::atomic<Chain*> tags_{nullptr};  // the table; made by the first purge of a tag
  Chain prefixes_{nullptr};
  size_t floors_ = 0;

  /// Bytes charged by running fills, also of objects that have left the store. Apart: written often.
  alignas(64) std::atomic<uint64_t> growing_{0};
};

}  // namespace popnet::http
