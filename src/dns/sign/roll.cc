#include "dns/sign/roll.h"

#include <algorithm>

namespace popnet::dns::sign {

namespace {

class Roller {
 public:
  Roller(std::vector<KeyState> keys, const RollPolicy& policy, Seconds now)
      : keys_(std::move(keys)), policy_(policy), now_(now) {}

  RollStep run() {
    const Role entry = policy_.split ? Role::ksk : Role::csk;
    ensure(entry);
    hand_over_entry_key(entry);
    if (policy_.split) {
      ensure(Role::zsk);
      hand_over_zone_key();
    }
    drop_removed();
    step_.keys = std::move(keys_);
    for (const KeyState& key : step_.keys) note_times(key);
    for (const NewKey& key : step_.wanted)
      for (const Seconds t : {key.times.activate, key.times.sync}) note(t);
    return std::move(step_);
  }

 private:
  /// Until a change of the DNSKEY set, or of all signatures, is in every cache.
  [[nodiscard]] Seconds keys_known() const { return policy_.dnskey_ttl + policy_.propagation; }
  [[nodiscard]] Seconds all_known() const {
    return std::max(policy_.dnskey_ttl, policy_.zone_ttl_max) + policy_.propagation;
  }
  [[nodiscard]] Seconds before_sync(Role role) const {
    return role == Role::csk ? all_known() : keys_known();
  }

  void note(Seconds t) {
    if (t > now_ && (step_.next == 0 || t < step_.next)) step_.next = t;
  }
  void note_times(const KeyState& key);
  KeyState* newest(Role role, const KeyState* other_than = nullptr);
  void ensure(Role role);
  void want(Role role, bool first);
  [[nodiscard]] bool due(const KeyState& key);
  void hand_over_zone_key();
  void hand_over_entry_key(Role role);
  void drop_removed();

  std::vector<KeyState> keys_;
  const RollPolicy& policy_;
  const Seconds now_;
  RollStep step_;
};

void Roller::note_times(const KeyState& key) {
  const Times& t = key.times;
  for (const Seconds at : {t.publish, t.activate, t.sync, t.retire, t.remove}) note(at);
}

/// Of the keys that have not begun to go.
KeyState* Roller::newest(Role role, const KeyState* other_than) {
  KeyState* found = nullptr;
  for (KeyState& key : keys_)
    if (&key != other_than && key.role == role && key.times.remove == 0 &&
        (found == nullptr || key.times.publish > found->times.publish))
      found = &key;
  return found;
}

void Roller::ensure(Role role) {
  const KeyState* newest_key = newest(role);
  if (newest_key == nullptr) return want(role, true);
  if (newest(role, newest_key) == nullptr && due(*newest_key)) want(role, false);
}

void Roller::want(Role role, bool first) {
  Times times;
  times.created = times.publish = now_;
  times.activate = role == Role::zsk && !first ? now_ + keys_known() : now_;
  if (role != Role::zsk) times.sync = now_ + before_sync(role);
  step_.wanted.push_back({role, times});
}

/// A change of algorithm is no roll of this kind: RFC 6781 section 4.1.4 wants signatures before keys.
bool Roller::due(const KeyState& key) {
  if (key.times.roll_asked != 0 && key.times.roll_asked <= now_) return true;
  const Seconds lifetime = key.role == Role::zsk ? policy_.zsk_lifetime : policy_.ksk_lifetime;
  if (lifetime == 0) return false;
  // A successor of a ZSK is published early enough to sign when the lifetime ends.
  const Seconds at = key.times.activate + lifetime - (key.role == Role::zsk ? keys_known() : 0);
  note(at);
  return at <= now_;
}

void Roller::hand_over_zone_key() {
  const KeyState* heir = newest(Role::zsk);
  if (heir == nullptr) return;
  for (KeyState& key : keys_) {
    if (&key == heir || key.role != Role::zsk || key.times.retire != 0) continue;
    key.times.retire = std::max(heir->times.activate, now_);
    key.times.remove = key.times.retire + all_known();
  }
}

void Roller::hand_over_entry_key(Role role) {
  const KeyState* heir = newest(role);
  if (heir == nullptr || heir->times.ds_seen == 0) return;
  for (KeyState& key : keys_) {
    if (&key == heir || !key.secure_entry() || key.times.retire != 0) continue;
    const Seconds gone =
        std::max(heir->times.ds_seen, heir->times.sync) + policy_.ds_ttl + policy_.propagation;
    key.times.retire = key.times.remove = std::max(gone, now_);
  }
}

void Roller::drop_removed() {
  const auto gone = std::stable_partition(keys_.begin(), keys_.end(), [&](const KeyState& key) {
    return key.times.remove == 0 || key.times.remove > now_;
  });
  step_.removed.assign(gone, keys_.end());
  keys_.erase(gone, keys_.end());
}

}  // namespace

RollStep roll(std::vector<KeyState> keys, const RollPolicy& policy, Seconds now) {
  return Roller(std::move(keys), policy, now).run();
}

}  // namespace popnet::dns::sign
