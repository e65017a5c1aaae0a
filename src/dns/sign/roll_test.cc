#include "dns/sign/roll.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "dns/wire/protocol.h"

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
  [[nodiscard]] size_t made(Role role) const {
    return made(role, Algorithm::ecdsa_p256) + made(role, Algorithm::ed25519);
  }
  [[nodiscard]] const std::vector<KeyState>& keys() const { return keys_; }
  void ask_for_roll(std::optional<Role> role = {}) {
    for (KeyState& key : keys_)
      if (!role || key.role == *role) key.times.roll_asked = now_;
  }
  [[nodiscard]] size_t made(Role role, Algorithm algorithm) const {
    return static_cast<size_t>(std::count_if(all_.begin(), all_.end(), [&](const auto& made) {
      return made.second.role == role && made.second.algorithm == algorithm;
    }));
  }
  [[nodiscard]] std::multiset<std::pair<Role, Algorithm>> kinds() const {
    std::multiset<std::pair<Role, Algorithm>> kinds;
    for (const KeyState& key : keys_) kinds.emplace(key.role, key.algorithm);
    return kinds;
  }
  [[nodiscard]] Seconds now() const { return now_; }
  RollPolicy& policy() { return policy_; }
  /// Something was changed by hand.
  void poke() { next_ = now_; }
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

  [[nodiscard]] std::set<uint16_t> signers_of(uint16_t type) const {
    std::set<uint16_t> all;
    for (const size_t i : signers(keys_, type, now_)) all.insert(keys_[i].tag);
    return all;
  }

  void turn() {
    RollStep step = roll(keys_, policy_, now_);
    keys_ = std::move(step.keys);
    for (const NewKey& key : step.wanted) {
      keys_.push_back({++last_tag_, key.algorithm, key.role, key.times});
      all_.emplace(last_tag_, keys_.back());
    }
    next_ = step.next;
    let_the_parent_act();
    // All servers have the change when `propagation` is over; until then some answer as before.
    see(dnskeys_, tags([&](const KeyState& k) { return is_published(k.times, now_); }), now_);
    see(entry_, signers_of(type::dnskey), now_);
    see(sync_, signers_of(type::cds), now_);
    see(zone_, signers_of(type::a), now_);
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

  [[nodiscard]] std::set<Algorithm> algorithms(const std::set<uint16_t>& tags) const {
    std::set<Algorithm> all;
    for (const uint16_t tag : tags) all.insert(all_.at(tag).algorithm);
    return all;
  }
  /// RFC 4035 section 2.2, as seen by a validator that insists on it (RFC 6840 section 5.11 asks for less).
  [[nodiscard]] bool each_algorithm_signs(const std::set<uint16_t>& keys,
                                          const std::set<uint16_t>& signers) const {
    const auto wanted = algorithms(keys), there = algorithms(signers);
    return std::includes(there.begin(), there.end(), wanted.begin(), wanted.end());
  }

  // However old what it holds: a DS names a key that signs the DNSKEY set and is in it, and some key of that
  // set made the signatures.
  void check() const {
    const Seconds extra = policy_.propagation;
    const auto day_number = (now_ - start) / day;
    const auto all_ds = held(ds_, now_, policy_.ds_ttl + extra);
    for (const auto& keys : held(dnskeys_, now_, policy_.dnskey_ttl + extra)) {
      for (const auto& signers : held(zone_, now_, policy_.zone_ttl_max + extra)) {
        ASSERT_TRUE(meet(keys, signers)) << "a signature whose key is not known, day " << day_number;
        ASSERT_TRUE(each_algorithm_signs(keys, signers)) << "an algorithm does not sign, day " << day_number;
      }
      // They have the TTL of the DNSKEY set; no set is served with more than `zone_ttl_max`.
      for (const auto& signers :
           held(sync_, now_, std::min(policy_.dnskey_ttl, policy_.zone_ttl_max) + extra)) {
        ASSERT_TRUE(meet(keys, signers)) << "a CDS whose key is not known, day " << day_number;
        ASSERT_TRUE(each_algorithm_signs(keys, signers))
            << "an algorithm does not sign CDS, day " << day_number;
      }
      for (const auto& ds : all_ds)
        ASSERT_TRUE(ds.empty() || meet(keys, ds)) << "a DS without key, day " << day_number;
    }
    ASSERT_TRUE(std::ranges::includes(sync_.back().tags, entry_.back().tags))
        << "CDS not signed by what DS names, day " << day_number;
    ASSERT_TRUE(each_algorithm_signs(dnskeys_.back().tags, entry_.back().tags))
        << "an algorithm does not sign its keys, day " << day_number;
    for (const auto& ds : all_ds)
      for (const auto& signers : held(zone_, now_, policy_.zone_ttl_max + extra))
        ASSERT_TRUE(each_algorithm_signs(ds, signers))
            << "an algorithm of the DS does not sign, day " << day_number;
    for (const auto& ds : all_ds)
      for (const auto& signers : held(entry_, now_, policy_.dnskey_ttl + extra))
        ASSERT_TRUE(ds.empty() || meet(ds, signers))
            << "keys not signed by what DS names, day " << day_number;
  }

  RollPolicy policy_;
  Seconds now_ = start;
  Seconds next_ = 0;
  Seconds parent_acts_ = 0;
  uint16_t last_tag_ = 0;
  std::vector<KeyState> keys_;
  std::set<uint16_t> parent_ds_;
  std::map<uint16_t, KeyState> all_;  // that were ever made, by tag
  std::vector<Seen> dnskeys_, entry_, sync_, zone_, ds_;
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

using Kinds = std::multiset<std::pair<Role, Algorithm>>;
constexpr Algorithm p256 = Algorithm::ecdsa_p256, ed = Algorithm::ed25519;

Kinds kinds(const RollPolicy& policy, Algorithm algorithm) {
  if (!policy.split) return {{Role::csk, algorithm}};
  return {{Role::ksk, algorithm}, {Role::zsk, algorithm}};
}

// ZSKs go on rolling, KSKs too, all of the algorithm that the parent's DS has.
TEST(Roll, AChangedAlgorithmAloneChangesNothing) {
  for (const bool split : {true, false}) {
    RollPolicy policy;
    policy.split = split;
    policy.zsk_lifetime = 30 * day;
    policy.ksk_lifetime = 100 * day;
    World world(policy);
    world.run_until(start + 10 * day);
    world.policy().algorithm = ed;
    world.run_until(start + year);
    EXPECT_EQ(world.made(Role::ksk, ed) + world.made(Role::zsk, ed) + world.made(Role::csk, ed), 0U);
    EXPECT_EQ(world.made(split ? Role::ksk : Role::csk), 4U);
    EXPECT_GE(world.made(Role::zsk), split ? 12U : 0U);
  }
}

// Of the KSK, of all, or of a zone with one key: all keys change when the parent has acted.
TEST(Roll, AnAlgorithmRollsAllKeys) {
  for (const bool split : {true, false}) {
    RollPolicy policy;
    policy.split = split;
    policy.zsk_lifetime = 30 * day;
    World world(policy);
    world.parent_delay = 90 * day;
    world.run_until(start + year);
    world.policy().algorithm = ed;
    world.ask_for_roll();
    world.run_until(start + year + 80 * day);
    EXPECT_EQ(world.kinds().size(), split ? 4U : 2U) << "the parent has not acted";
    EXPECT_EQ(world.made(Role::ksk, ed) + world.made(Role::csk, ed), 1U);
    world.run_until(start + year + 100 * day);
    EXPECT_EQ(world.kinds(), kinds(world.policy(), ed));
    EXPECT_LE(world.made(Role::ksk, ed) + world.made(Role::csk, ed), 1U) << "asked once";
  }
}

TEST(Roll, AZskThatIsAskedForKeepsTheAlgorithmOfItsKsk) {
  RollPolicy policy;
  policy.split = true;
  World world(policy);
  world.run_until(start + 10 * day);
  world.policy().algorithm = ed;
  world.ask_for_roll(Role::zsk);
  world.run_until(start + 20 * day);
  EXPECT_EQ(world.made(Role::zsk), 2U);
  EXPECT_EQ(world.kinds(), kinds(world.policy(), p256));
}

// With another algorithm or the same: everything of before goes, ZSKs too.
TEST(Roll, OneKeyInPlaceOfTwoAndBack) {
  for (const bool split : {true, false})
    for (const Algorithm algorithm : {p256, ed}) {
      RollPolicy policy;
      policy.split = split;
      policy.zsk_lifetime = 30 * day;
      World world(policy);
      world.run_until(start + 32 * day);
      world.policy().split = !split;
      world.policy().algorithm = algorithm;
      world.run_until(start + 33 * day);
      EXPECT_GE(world.kinds().size(), 3U) << "at once";
      world.run_until(start + 45 * day);
      EXPECT_EQ(world.kinds(), kinds(world.policy(), algorithm));
    }
}

// A half-made set, as after a disk that was full, and ZSKs that changed without their KSK: made whole.
TEST(Roll, EveryKskGetsItsZsk) {
  RollPolicy policy;
  policy.split = true;
  KeyState ksk{1, p256, Role::ksk, {}}, zsk{2, ed, Role::zsk, {}};
  ksk.times.created = ksk.times.publish = ksk.times.activate = ksk.times.sync = start;
  ksk.times.ds_seen = start;
  zsk.times.created = zsk.times.publish = zsk.times.activate = start;
  const Seconds now = start + 100 * day;
  RollStep step = roll({ksk, zsk}, policy, now);
  ASSERT_EQ(step.wanted.size(), 1U);
  EXPECT_EQ(step.wanted[0].role, Role::zsk);
  EXPECT_EQ(step.wanted[0].algorithm, p256);
  EXPECT_EQ(step.wanted[0].times.activate, now);
  EXPECT_EQ(step.keys[1].times.remove, 0) << "signs until caches know the other";
  step.keys.push_back({3, p256, Role::zsk, step.wanted[0].times});
  step = roll(step.keys, policy, now + 1);
  EXPECT_TRUE(step.wanted.empty());
  EXPECT_GT(step.keys[1].times.remove, now + policy.zone_ttl_max);
  ksk.times.publish = ksk.times.activate = now + day;
  step = roll({ksk}, policy, now);
  ASSERT_EQ(step.wanted.size(), 1U);
  EXPECT_EQ(step.wanted[0].times.publish, now + day) << "no key of an algorithm before its signatures";
}

// Operators who change everything whenever they like, beside parents that are slow.
TEST(Roll, WhateverIsChangedInBetween) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](Seconds n) { return static_cast<Seconds>(random()) % n; };
    RollPolicy policy;
    policy.split = below(2) == 0;
    policy.dnskey_ttl = 60 + below(5 * day);
    policy.zone_ttl_max = 60 + below(5 * day);
    policy.ds_ttl = 60 + below(2 * day);
    World world(policy);
    for (int change = 0; change < 40; ++change) {
      world.run_until(world.now() + 1 + below(change % 4 == 0 ? 40 * day : 3 * day));
      switch (below(5)) {
        case 0:
          world.policy().split = !world.policy().split;
          break;
        case 1:
          world.policy().algorithm = world.policy().algorithm == ed ? p256 : ed;
          break;
        case 2:
          world.ask_for_roll();
          break;
        case 3:
          world.policy().zsk_lifetime = below(2) * (12 * day + below(30 * day));
          break;
        case 4:
          world.parent_delay = 1 + below(20 * day);
          break;
      }
      world.poke();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", change " << change;
    }
    world.policy().zsk_lifetime = 0;
    world.run_until(world.now() + year);
    world.ask_for_roll();
    world.run_until(world.now() + year);
    EXPECT_EQ(world.kinds(), kinds(world.policy(), world.policy().algorithm)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace popnet::dns::sign
