#include "dns/sign/keeper.h"

#include <fmt/format.h>

#include <algorithm>

namespace popnet::dns::sign {

namespace {

Seconds seconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

std::vector<KeyState> states_of(const std::vector<Key>& keys) {
  std::vector<KeyState> states;
  for (const Key& key : keys) states.push_back(key.state);
  return states;
}

Key* find_key(std::vector<Key>& keys, const KeyState& state) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) {
    return key.state.tag == state.tag && key.state.algorithm == state.algorithm;
  });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace

RollPolicy roll_policy(const model::Dnssec& options) {
  RollPolicy policy;
  policy.algorithm =
      options.algorithm == model::DnssecAlgorithm::ed25519 ? Algorithm::ed25519 : Algorithm::ecdsa_p256;
  policy.split = options.split;
  policy.ksk_lifetime = seconds(options.ksk_lifetime);
  policy.zsk_lifetime = seconds(options.zsk_lifetime);
  policy.dnskey_ttl = seconds(options.dnskey_ttl);
  policy.zone_ttl_max = seconds(options.zone_ttl_max);
  policy.ds_ttl = seconds(options.ds_ttl);
  policy.propagation = seconds(options.propagation);
  return policy;
}

void KeyKeeper::begin(Seconds now) {
  now_ = now;
  next_ = 0;
  zones_ = 0;
  stamp_ = folder_.stamp();  // before anything is read: what is written meanwhile is not missed
}

Result<std::shared_ptr<const ZoneSigner>> KeyKeeper::signer(const Name& zone, const model::Dnssec& options) {
  ++zones_;
  const RollPolicy policy = roll_policy(options);
  auto keys = keys_of(zone, policy);
  if (!keys) return keys.error();
  const Seconds validity = seconds(options.validity);
  note(now_ + validity / 4);
  return std::make_shared<const ZoneSigner>(zone, std::move(*keys), now_, validity,
                                            static_cast<uint32_t>(policy.dnskey_ttl), options.denial);
}

Result<std::vector<Key>> KeyKeeper::keys_of(const Name& zone, const RollPolicy& policy) {
  auto keys = folder_.load(zone);
  if (!keys) return keys;
  RollStep step = roll(states_of(*keys), policy, now_);
  if (manages_)
    if (auto status = carry_out(zone, policy, step, *keys); !status) return status.error();
  const auto signs = [&](bool (KeyState::*what)() const) {
    return std::any_of(keys->begin(), keys->end(), [&](const Key& key) {
      return (key.state.*what)() && is_active(key.state.times, now_);
    });
  };
  if (!signs(&KeyState::secure_entry) || !signs(&KeyState::signs_zone))
    return Error{
        ErrorCode::invalid,
        fmt::format("{} has no keys for zone {}: the node with node.manage_keys makes them, and every other "
                    "needs a copy of its folder",
                    folder_.path(), zone.to_text())};
  note(step.next);
  return keys;
}

Status KeyKeeper::carry_out(const Name& zone, const RollPolicy& policy, RollStep& step,
                            std::vector<Key>& keys) {
  for (const KeyState& state : step.keys) {
    Key* key = find_key(keys, state);
    if (key == nullptr || key->state.times == state.times) continue;
    key->state = state;
    if (auto status = folder_.update(zone, state); !status) return status;
  }
  for (const KeyState& state : step.removed) {
    folder_.remove(zone, state);
    std::erase_if(keys, [&](const Key& key) { return &key == find_key(keys, state); });
  }
  for (const NewKey& wanted : step.wanted) {
    for (;;) {
      auto secret = Secret::generate(policy.algorithm);
      if (!secret) return secret.error();
      Key key(std::move(*secret), wanted.role, wanted.times);
      if (find_key(keys, key.state) != nullptr) continue;  // two keys of one tag are hard to tell apart
      if (auto status = folder_.add(zone, key); !status) return status;
      keys.push_back(std::move(key));
      break;
    }
  }
  return {};
}

}  // namespace popnet::dns::sign
