#include "dns/sign/roll.h"

#include <algorithm>

namespace popnet::dns::sign {

namespace {

class Roller {
 public:
  Roller(std::vector<KeyState> keys, const RollPolicy& policy, Seconds now)
      : keys_(std::move(keys)), policy_(policy), now_(now) {}

  RollStep run() {
    if (const KeyState* entry = newest_entry(); entry == nullptr) {
      want_set(policy_.algorithm, false);
    } else {
      const bool new_set = succeed_entry(*entry);
      ensure_zone_keys();
      if (!new_set && entry->role == Role::ksk) roll_zone_key(*entry);
      hand_over_set(*entry);
    }
    drop_removed();
    step_.keys = std::move(keys_);
    for (const KeyState& key : step_.keys) note_times(key.times);
    for (const NewKey& key : step_.wanted) note_times(key.times);
    return std::move(step_);
  }

 private:
  /// Until a change of the DNSKEY set, or of all signatures, or of both, is in every cache.
  [[nodiscard]] Seconds keys_known() const { return policy_.dnskey_ttl + policy_.propagation; }
  [[nodiscard]] Seconds signatures_known() const { return policy_.zone_ttl_max + policy_.propagation; }
  [[nodiscard]] Seconds all_known() const { return std::max(keys_known(), signatures_known()); }

  void note(Seconds t) {
    if (t > now_ && (step_.next == 0 || t < step_.next)) step_.next = t;
  }
  void note_times(const Times& t) {
    for (const Seconds at : {t.publish, t.activate, t.sync, t.retire, t.remove}) note(at);
  }
  /// The newest of those that are wanted and have not begun to go.
  template <class Wanted>
  KeyState* newest(Wanted wanted) {
    KeyState* found = nullptr;
    for (KeyState& key : keys_)
      if (key.times.remove == 0 && wanted(key) &&
          (found == nullptr || key.times.publish > found->times.publish))
        found = &key;
    return found;
  }
  KeyState* newest_entry() {
    return newest([](const KeyState& key) { return key.secure_entry(); });
  }
  KeyState* newest_zone_key(Algorithm algorithm) {
    return newest([&](const KeyState& key) { return key.role == Role::zsk && key.algorithm == algorithm; });
  }

  void want_set(Algorithm algorithm, bool signatures_first);
  void want_entry(Role role, Algorithm algorithm, Seconds publish, Seconds activate, Seconds sync);
  void want_zone_key(Algorithm algorithm, Seconds publish, Seconds activate);
  [[nodiscard]] bool asked(const KeyState& key) const {
    return key.times.roll_asked != 0 && key.times.roll_asked <= now_;
  }
  [[nodiscard]] bool old(const KeyState& key);
  bool succeed_entry(const KeyState& entry);
  void ensure_zone_keys();
  void roll_zone_key(const KeyState& entry);
  void hand_over_set(const KeyState& entry);
  [[nodiscard]] Seconds signed_by(const KeyState& entry) const;
  void drop_removed();

  std::vector<KeyState> keys_;
  const RollPolicy& policy_;
  const Seconds now_;
  RollStep step_;
};

void Roller::want_entry(Role role, Algorithm algorithm, Seconds publish, Seconds activate, Seconds sync) {
  // The parent is asked for the DS of the key with the latest `sync`.
  for (const KeyState& key : keys_)
    if (key.secure_entry()) sync = std::max(sync, key.times.sync + 1);
  Times times;
  times.created = now_;
  times.publish = publish;
  times.activate = activate;
  times.sync = sync;
  step_.wanted.push_back({role, algorithm, times});
}

void Roller::want_zone_key(Algorithm algorithm, Seconds publish, Seconds activate) {
  Times times;
  times.created = now_;
  times.publish = publish;
  times.activate = activate;
  step_.wanted.push_back({Role::zsk, algorithm, times});
}

/// Keys that sign everything, from now on. What a cache holds without their signatures is gone when the parent
/// is asked for the DS; with `signatures_first` already when the keys come.
void Roller::want_set(Algorithm algorithm, bool signatures_first) {
  const Seconds publish = signatures_first ? now_ + signatures_known() : now_;
  const Seconds sync = std::max(publish + keys_known(), now_ + signatures_known());
  if (!policy_.split) return want_entry(Role::csk, algorithm, publish, now_, sync);
  want_entry(Role::ksk, algorithm, publish, publish, sync);
  want_zone_key(algorithm, publish, now_);
}

/// Of an age at which there should be a successor.
bool Roller::old(const KeyState& key) {
  const Seconds lifetime = key.role == Role::zsk ? policy_.zsk_lifetime : policy_.ksk_lifetime;
  if (lifetime == 0) return false;
  // A successor of a ZSK is published early enough to sign when the lifetime ends.
  const Seconds at = key.times.activate + lifetime - (key.role == Role::zsk ? keys_known() : 0);
  note(at);
  return at <= now_;
}

/// True if a whole set of keys is wanted, whose ZSK is none of this one's.
bool Roller::succeed_entry(const KeyState& entry) {
  const bool busy = std::any_of(keys_.begin(), keys_.end(),
                                [&](const KeyState& key) { return &key != &entry && key.secure_entry(); });
  if (busy) return false;
  const bool other_roles = policy_.split != (entry.role == Role::ksk);
  const bool told = other_roles || asked(entry);
  if (!told && !old(entry)) return false;
  const bool other_algorithm = told && policy_.algorithm != entry.algorithm;
  if (other_roles || other_algorithm) {
    want_set(policy_.algorithm, other_algorithm);
    return true;
  }
  const Seconds known = entry.role == Role::csk ? all_known() : keys_known();
  want_entry(entry.role, entry.algorithm, now_, now_, now_ + known);
  return false;
}

/// Every KSK has a ZSK of its algorithm.
void Roller::ensure_zone_keys() {
  for (const KeyState& key : keys_) {
    if (key.role != Role::ksk || key.times.remove != 0) continue;
    const bool wanted = std::any_of(step_.wanted.begin(), step_.wanted.end(), [&](const NewKey& fresh) {
      return fresh.role == Role::zsk && fresh.algorithm == key.algorithm;
    });
    if (!wanted && newest_zone_key(key.algorithm) == nullptr)
      want_zone_key(key.algorithm, std::max(key.times.publish, now_), now_);
  }
}

void Roller::roll_zone_key(const KeyState& entry) {
  const KeyState* heir = newest_zone_key(entry.algorithm);
  if (heir == nullptr) return;
  bool rolls = false;
  for (KeyState& key : keys_) {
    if (&key == heir || key.role != Role::zsk || key.algorithm != heir->algorithm || key.times.retire != 0)
      continue;
    key.times.retire = std::max(heir->times.activate, now_);
    key.times.remove = key.times.retire + all_known();
    rolls = true;
  }
  if (rolls || !(asked(*heir) || old(*heir))) return;
  const Seconds publish = std::max(entry.times.publish, now_);
  want_zone_key(entry.algorithm, publish, publish + keys_known());
}

/// When every cache has signatures by keys of this one's set, and those keys; 0 = there are none.
Seconds Roller::signed_by(const KeyState& entry) const {
  Seconds by = 0;
  for (const KeyState& key : keys_) {
    const bool of_set =
        entry.role == Role::csk ? &key == &entry : key.role == Role::zsk && key.algorithm == entry.algorithm;
    const Seconds at = std::max(key.times.activate + signatures_known(), key.times.publish + keys_known());
    if (of_set && (by == 0 || at < by)) by = at;
  }
  return by;
}

/// All that is not of this one's set goes when the parent has its DS.
void Roller::hand_over_set(const KeyState& entry) {
  const Seconds signed_by = this->signed_by(entry);
  if (entry.times.ds_seen == 0 || signed_by == 0) return;
  const Seconds forgotten =
      std::max(entry.times.ds_seen, entry.times.sync) + policy_.ds_ttl + policy_.propagation;
  const Seconds gone = std::max({forgotten, signed_by, now_});
  for (KeyState& key : keys_) {
    const bool other_algorithm = key.algorithm != entry.algorithm;
    if (&key == &entry || (key.role == Role::zsk && entry.role == Role::ksk && !other_algorithm)) continue;
    Times& times = key.times;
    if (times.remove == 0) {
      times.remove = times.retire = gone;
      // Who still knows the key expects signatures of its algorithm.
      if (other_algorithm && key.signs_zone()) times.retire = gone + keys_known();
    } else if (other_algorithm) {
      times.remove = std::min(times.remove, gone);  // a ZSK that was rolled just before
    }
  }
}

void Roller::drop_removed() {
  const auto gone = std::stable_partition(keys_.begin(), keys_.end(), [&](const KeyState& key) {
    return key.times.remove == 0 || std::max(key.times.remove, key.times.retire) > now_;
  });
  step_.removed.assign(gone, keys_.end());
  keys_.erase(gone, keys_.end());
  if (!step_.removed.empty()) note(now_ + 1);  // there is room for a successor
}

}  // namespace

RollStep roll(std::vector<KeyState> keys, const RollPolicy& policy, Seconds now) {
  return Roller(std::move(keys), policy, now).run();
}

}  // namespace popnet::dns::sign
