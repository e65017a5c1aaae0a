#include "dns/sign/roll.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace popnet::dns::sign {
namespace {

constexpr Seconds day = 86400, year = 365 * day;
constexpr Seconds start = 1'700'000'000;

/// A zone whose keys roll, a parent that follows CDS a while later, and a validator that may still hold
/// whatever a cache may hold.
class World {
 public:
  explicit World(const RollPolicy& policy) : policy_(policy) {}

  /// Lets time pass up to `end`, from one thing that happens to the next.
  void run_until(Seconds end) {
    while (now_ < end) {
      turn();
      check();
      Seconds next = next_ == 0 ? end : next_;
      if (parent_acts_ != 0) next = std::min(next, parent_acts_);
      now_ = std::clamp(next, now_ + 1, end);
    }
  }
  [[nodiscard]] size_t made(Role role) const { return made_.contains(role) ? made_.at(role) : 0; }
  [[nodiscard]] const std::vector<KeyState>& keys() const { return keys_; }
  void ask_for_roll() {
    for (KeyState& key : keys_) key.times.roll_asked = now_;
  }
  Seconds parent_delay = 3 * day;

 private:
  /// What was true from `from` to `to` and may be cached for a while longer.
  struct Seen {
    std::set<uint16_t> tags;
    Seconds from, to;
  };
  static void see(std::vector<Seen>& history, std::set<uint16_t> tags, Seconds now) {
    if (!history.empty() && history.back().tags == tags) return;
    if (!history.empty()) history.back().to = now;
    history.push_back({std::move(tags), now, 0});
  }
  /// What a cache may hold at `now`.
  static std::vector<std::set<uint16_t>> held(const std::vector<Seen>& history, Seconds now, Seconds ttl) {
    std::vector<std::set<uint16_t>> all;
    for (const Seen& seen : history)
      if (seen.to == 0 || seen.to + ttl > now) all.push_back(seen.tags);
    return all;
  }
  std::set<uint16_t> tags(auto&& wanted) const {
    std::set<uint16_t> all;
    for (const KeyState& key : keys_)
      if (wanted(key)) all.insert(key.tag);
    return all;
  }

  void turn() {
    RollStep step = roll(keys_, policy_, now_);
    keys_ = std::move(step.keys);
    for (const NewKey& key : step.wanted) {
      keys_.push_back({++last_tag_, policy_.algorithm, key.role, key.times});
      ++made_[key.role];
    }
    next_ = step.next;
    let_the_parent_act();
    // All servers have the change when `propagation` is over; until then some answer as before.
    see(dnskeys_, tags([&](const KeyState& k) { return is_published(k.times, now_); }), now_);
    see(entry_, tags([&](const KeyState& k) { return k.secure_entry() && is_active(k.times, now_); }), now_);
    see(zone_, tags([&](const KeyState& k) { return k.signs_zone() && is_active(k.times, now_); }), now_);
    see(ds_, parent_ds_, now_);
  }

  void let_the_parent_act() {
    KeyState* asked = nullptr;
    for (KeyState& key : keys_)
      if (key.secure_entry() && key.times.sync != 0 && key.times.sync <= now_ &&
          (asked == nullptr || key.times.sync > asked->times.sync))
        asked = &key;
    if (asked == nullptr || parent_ds_.contains(asked->tag)) return;
    if (parent_acts_ == 0) parent_acts_ = now_ + parent_delay;
    if (parent_acts_ > now_) return;
    parent_ds_ = {asked->tag};
    asked->times.ds_seen = now_;
    parent_acts_ = 0;
    next_ = now_ + 1;
  }

  static bool meet(const std::set<uint16_t>& a, const std::set<uint16_t>& b) {
    return std::any_of(a.begin(), a.end(), [&](uint16_t tag) { return b.contains(tag); });
  }

  // However old what it holds: a DS names a key that signs the DNSKEY set and is in it, and some key of that
  // set made the signatures.
  void check() const {
    const Seconds extra = policy_.propagation;
    const auto day_number = (now_ - start) / day;
    const auto all_ds = held(ds_, now_, policy_.ds_ttl + extra);
    for (const auto& keys : held(dnskeys_, now_, policy_.dnskey_ttl + extra)) {
      for (const auto& signers : held(zone_, now_, policy_.zone_ttl_max + extra))
        ASSERT_TRUE(meet(keys, signers)) << "a signature whose key is not known, day " << day_number;
      for (const auto& ds : all_ds)
        ASSERT_TRUE(ds.empty() || meet(keys, ds)) << "a DS without key, day " << day_number;
    }
    for (const auto& ds : all_ds)
      for (const auto& signers : held(entry_, now_, policy_.dnskey_ttl + extra))
        ASSERT_TRUE(ds.empty() || meet(ds, signers))
            << "keys not signed by what DS names, day " << day_number;
  }

  const RollPolicy policy_;
  Seconds now_ = start;
  Seconds next_ = 0;
  Seconds parent_acts_ = 0;
  uint16_t last_tag_ = 0;
  std::vector<KeyState> keys_;
  std::set<uint16_t> parent_ds_;
  std::map<Role, size_t> made_;
  std::vector<Seen> dnskeys_, entry_, zone_, ds_;
};

TEST(Roll, KskAndZskOverTwentyYears) {
  RollPolicy policy;
  policy.split = true;
  policy.ksk_lifetime = year;
  policy.zsk_lifetime = 30 * day;
  World world(policy);
  world.run_until(start + 20 * year);
  EXPECT_NEAR(static_cast<double>(world.made(Role::zsk)), 20 * 365 / 30.0, 3);
  EXPECT_NEAR(static_cast<double>(world.made(Role::ksk)), 20, 1);
  EXPECT_LE(world.keys().size(), 4U) << "old keys go";
}

TEST(Roll, CskOverTwentyYears) {
  RollPolicy policy;
  policy.ksk_lifetime = 90 * day;
  World world(policy);
  world.run_until(start + 20 * year);
  EXPECT_NEAR(static_cast<double>(world.made(Role::csk)), 20 * 365 / 90.0, 3);
}

TEST(Roll, NothingHappensWithoutLifetimes) {
  World world(RollPolicy{});
  world.run_until(start + 5 * year);
  EXPECT_EQ(world.made(Role::csk), 1U);
}

TEST(Roll, AsksOnceWhenTold) {
  RollPolicy policy;
  policy.split = true;
  World world(policy);
  world.run_until(start + year);
  world.ask_for_roll();
  world.run_until(start + 2 * year);
  EXPECT_EQ(world.made(Role::ksk), 2U);
  EXPECT_EQ(world.made(Role::zsk), 2U);
  EXPECT_EQ(world.keys().size(), 2U);
}

// The parent never acts: the old key is kept, however old it becomes.
TEST(Roll, WaitsForTheParent) {
  RollPolicy policy;
  policy.ksk_lifetime = 30 * day;
  World world(policy);
  world.parent_delay = 100 * year;
  world.run_until(start + 10 * year);
  EXPECT_EQ(world.made(Role::csk), 2U);
  EXPECT_EQ(world.keys().size(), 2U);
}

TEST(Roll, ShortTimesForATrial) {
  RollPolicy policy;
  policy.split = true;
  policy.dnskey_ttl = policy.zone_ttl_max = policy.ds_ttl = 1;
  policy.propagation = 1;
  policy.zsk_lifetime = 10;
  policy.ksk_lifetime = 20;
  World world(policy);
  world.parent_delay = 2;
  world.run_until(start + 3600);
  EXPECT_GT(world.made(Role::zsk), 100U);
  EXPECT_GT(world.made(Role::ksk), 50U);
}

}  // namespace
}  // namespace popnet::dns::sign
