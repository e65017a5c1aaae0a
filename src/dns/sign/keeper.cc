#include "dns/sign/keeper.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "common/log.h"
#include "dns/wire/protocol.h"

namespace popnet::dns::sign {

namespace {

constexpr Seconds read_again = 60;  // after an error

Seconds seconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

std::vector<KeyState> states_of(const std::vector<Key>& keys) {
  std::vector<KeyState> states;
  for (const Key& key : keys) states.push_back(key.state);
  return states;
}

/// When the keys as they are change next; 0 = never. Not what roll() would do about them: that is for who carries it out.
Seconds next_change_of(const std::vector<Key>& keys, Seconds now) {
  Seconds next = 0;
  for (const Key& key : keys) {
    const Times& t = key.state.times;
    for (const Seconds at : {t.publish, t.activate, t.sync, t.retire, t.remove})
      if (at > now && (next == 0 || at < next)) next = at;
  }
  return next;
}

Key* find_key(std::vector<Key>& keys, const KeyState& state) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) {
    return key.state.tag == state.tag && key.state.algorithm == state.algorithm;
  });
  return found == keys.end() ? nullptr : &*found;
}

std::string describe(const KeyState& state) {
  return fmt::format("key {} ({}, {})", state.tag, to_text(state.role), to_text(state.algorithm));
}

/// A digest of what a zone's copy has beside the records of its file; not of signatures, which differ from node to node.
std::string digest_of_keys(const ZoneSigner& signer, std::span<const uint8_t> beside) {
  std::vector<uint8_t> all;
  const auto add = [&](std::span<const uint8_t> bytes) { all.insert(all.end(), bytes.begin(), bytes.end()); };
  const auto add_keys = [&](const std::vector<Key>& keys) {
    std::vector<std::vector<uint8_t>>
        sorted;  // a key that was just made is last, and elsewhere in the folder
    for (const Key& key : keys) sorted.push_back(key.dnskey);
    std::sort(sorted.begin(), sorted.end());
    for (const auto& key : sorted) add(key);
    all.push_back(0);
  };
  for (const auto* keys :
       {&signer.published(), &signer.synced(), &signer.signing(type::dnskey), &signer.signing(type::soa)})
    add_keys(*keys);
  const std::string options =
      fmt::format("{} {}{}", signer.dnskey_ttl(), signer.denial() == model::Denial::nsec3 ? "nsec3" : "nsec",
                  signer.wants_no_ds() ? " no DS" : "");
  add({reinterpret_cast<const uint8_t*>(options.data()), options.size()});
  add(beside);
  std::string text;
  for (const uint8_t byte : sha256(all)) text += fmt::format("{:02x}", byte);
  return text;
}

/// What of a roll an operator wants to find in the log.
void tell_changes(const std::string& zone, const KeyState& state, const Times& before) {
  const Times& after = state.times;
  if (after.retire != before.retire && after.retire != 0)
    log::info("zone {}: {} signs until {:%FT%TZ}", zone, describe(state), fmt::gmtime(after.retire));
}

}  // namespace

KeyKeeper::KeyKeeper(std::string folder, bool manages, std::string memory)
    : folder_(std::move(folder)), manages_(manages), memory_(std::move(memory)) {
  if (!manages_ || memory_.empty()) return;
  std::ifstream in(memory_);
  for (std::string line; std::getline(in, line);) had_keys_.insert(line);
}

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

void KeyKeeper::begin(Seconds now, May may) {
  now_ = now;
  next_ = 0;
  zones_ = 0;
  hold_ = may == May::hold;
  manages_now_ = manages_ && may != May::read;
  cannot_write_ = overtaken_ = false;
  pending_.clear();
  stamp_ = folder_.stamp();  // before anything is read: what is written meanwhile is not missed
  files_ = folder_.list();
}

Result<std::shared_ptr<const ZoneSigner>> KeyKeeper::signer(const Name& zone, const model::Dnssec& options) {
  ++zones_;
  const RollPolicy policy = roll_policy(options);
  Pending& pending = pending_.insert_or_assign(zone.to_text(), Pending{zone}).first->second;
  auto keys = keys_of(pending, policy);
  if (!keys) return keys.error();
  pending.keys = *keys;
  const Seconds validity = seconds(options.validity);
  note(now_ + validity / 4);
  return std::make_shared<const ZoneSigner>(zone, std::move(*keys), now_, validity,
                                            static_cast<uint32_t>(policy.dnskey_ttl), options.denial);
}

uint32_t KeyKeeper::serial_ahead(const ZoneSigner& signer, std::span<const uint8_t> beside) {
  const Name& zone = signer.apex();
  Serial known = serials_[zone.to_text()];
  // What was true once stays true, should the file be lost, or an old one be copied here.
  SerialState state = folder_.load_serial(zone);
  if (state.ahead(now_) < known.state.ahead(now_)) state = known.state;
  const Seconds every = std::max<Seconds>(signer.validity() / 4, 1);
  if (manages_now_) {
    std::string content = digest_of_keys(signer, beside);
    if (state.content != content || state.every != every) {
      const uint32_t steps = std::max(known.ahead, state.ahead(now_)) + 1;
      state = {steps, now_, every, std::move(content)};
      known.to_save = true;
    }
  }
  if (state.since != 0) note(state.since + ((now_ - state.since) / state.every + 1) * state.every);
  known.ahead = std::max(known.ahead, state.ahead(now_));  // a clock may be set back
  known.state = std::move(state);
  pending_.at(zone.to_text()).serial = known;
  return known.ahead;
}

bool KeyKeeper::usable(const std::vector<Key>& keys) const {
  const auto signs = [&](bool (KeyState::*what)() const) {
    return std::any_of(keys.begin(), keys.end(), [&](const Key& key) {
      return (key.state.*what)() && is_active(key.state.times, now_);
    });
  };
  return signs(&KeyState::secure_entry) && signs(&KeyState::signs_zone);
}

Error KeyKeeper::no_keys(const Name& zone, const std::vector<Key>& keys) const {
  Seconds first = 0;
  for (const Key& key : keys)
    if (const Seconds at = key.state.times.activate; at > now_ && (first == 0 || at < first)) first = at;
  if (first != 0)
    return {ErrorCode::invalid,
            fmt::format(
                "{}: the keys of zone {} sign from {:%FT%TZ} on, and here it is {:%FT%TZ}: set the clock, "
                "unless it was wrong when they were made",
                folder_.path(), zone.to_text(), fmt::gmtime(first), fmt::gmtime(now_))};
  return {
      ErrorCode::invalid,
      fmt::format("{} has no keys for zone {}: the node with node.manage_keys makes them, and every other "
                  "needs a copy of its folder",
                  folder_.path(), zone.to_text())};
}

Result<std::vector<Key>> KeyKeeper::load(const Name& zone, bool& held) {
  auto keys = files_ ? folder_.load(zone, *files_) : files_.error();
  const auto last = last_keys_.find(zone.to_text());
  const bool good = keys && (manages_now_ || usable(*keys));
  if (good || last == last_keys_.end() || !usable(last->second)) return keys;
  held = true;
  note(now_ + read_again);
  log::error(
      "{}, which goes on being signed by the keys that were there before, until this node ends",
      keys ? no_keys(zone, *keys).message : fmt::format("zone {}: {}", zone.to_text(), keys.error().message));
  return last->second;
}

Result<std::vector<Key>> KeyKeeper::keys_of(Pending& pending, const RollPolicy& policy) {
  if (folder_.path().empty())
    return Error{ErrorCode::invalid,
                 fmt::format("zone {} cannot be signed: this process was started without node.key_dir, which "
                             "counts from the next start",
                             pending.zone.to_text())};
  bool held = false;
  auto keys = load(pending.zone, held);
  if (!keys) return keys;
  Seconds next = 0;
  if (manages_now_ && !held) {
    keys = manage(pending, policy, std::move(*keys), next);
    if (!keys) return keys;
  } else {
    next = next_change_of(*keys, now_);
  }
  if (!usable(*keys)) return no_keys(pending.zone, *keys);
  note(next);
  return keys;
}

Result<std::vector<Key>> KeyKeeper::manage(Pending& pending, const RollPolicy& policy, std::vector<Key> keys,
                                           Seconds& next) {
  const std::string name = pending.zone.to_text();
  std::vector<Key> lost = missing(name, keys);
  if (!lost.empty()) {
    for (Key& key : lost) {
      log::error(
          "{} has no {} of zone {} any more, which goes on signing from memory until this node ends: put the "
          "folder "
          "back, from a copy on another node or a backup. Until then no key is made or rolled",
          folder_.path(), describe(key.state), name);
      keys.push_back(std::move(key));
    }
    next = next_change_of(keys, now_);
    return keys;
  }
  if (keys.empty() && had_keys(name))
    return Error{
        ErrorCode::invalid,
        fmt::format(
            "{} has no keys for zone {}, which had some: put them back, from a copy on another node or a "
            "backup. With new ones validators would refuse the zone; only if its parent has no DS any more, "
            "take it out of {}",
            folder_.path(), name, memory_)};
  if (hold_ && keys.empty())
    return Error{ErrorCode::machine,
                 fmt::format("{} cannot be written: zone {} can have no keys", folder_.path(), name)};
  if (hold_) {
    note(now_ + read_again);
    next = next_change_of(keys, now_);
    return keys;
  }
  RollStep step = roll(states_of(keys), policy, now_);
  if (auto status = plan(step, keys, pending); !status) return status.error();
  next = step.next;
  return keys;
}

std::vector<Key> KeyKeeper::missing(const std::string& zone, const std::vector<Key>& keys) const {
  std::vector<Key> lost;
  const auto last = last_keys_.find(zone);
  if (last == last_keys_.end()) return lost;
  for (const Key& key : last->second) {
    const bool there =
        std::any_of(keys.begin(), keys.end(), [&](const Key& k) { return k.dnskey == key.dnskey; });
    const Times& t = key.state.times;
    if (!there && (is_published(t, now_) || is_active(t, now_))) lost.push_back(key);
  }
  return lost;
}

bool KeyKeeper::had_keys(const std::string& zone) {
  if (!had_keys_.contains(zone)) return false;
  std::ifstream in(memory_);
  if (memory_.empty() || unwritten_.contains(zone) || !in) return true;
  for (std::string line; std::getline(in, line);)
    if (line == zone) return true;
  had_keys_.erase(zone);  // an operator has taken it out, as the error says
  return false;
}

void KeyKeeper::remember(const std::string& zone, std::vector<Key> keys) {
  last_keys_.insert_or_assign(zone, std::move(keys));
  if (manages_now_ && had_keys_.insert(zone).second && !memory_.empty()) unwritten_.insert(zone);
}

void KeyKeeper::write_memory() {
  if (unwritten_.empty()) return;
  std::ofstream out(memory_, std::ios::app);
  if (half_line_) out << '\n';
  for (const std::string& zone : unwritten_) out << zone << '\n';
  out.flush();
  half_line_ = !out;
  if (out)
    unwritten_.clear();
  else
    log::warning("{} cannot be written: after a start nothing would tell that zone {} had keys ({} in all)",
                 memory_, *unwritten_.begin(), unwritten_.size());
}

Status KeyKeeper::plan(RollStep& step, std::vector<Key>& keys, Pending& pending) {
  for (const KeyState& state : step.keys) {
    Key* key = find_key(keys, state);
    if (key == nullptr || key->state.times == state.times) continue;
    key->state = state;
    pending.changed.push_back(state);
  }
  for (const KeyState& state : step.removed)
    std::erase_if(keys, [&](const Key& key) { return &key == find_key(keys, state); });
  pending.removed = std::move(step.removed);
  for (const NewKey& wanted : step.wanted) {
    for (;;) {
      auto secret = Secret::generate(wanted.algorithm);
      if (!secret) return secret.error();
      Key key(std::move(*secret), wanted.role, wanted.times);
      const bool taken =
          std::any_of(keys.begin(), keys.end(), [&](const Key& k) { return k.state.tag == key.state.tag; });
      if (taken) continue;  // two keys of one tag are hard to tell apart
      pending.made.push_back(key);
      keys.push_back(std::move(key));
      break;
    }
  }
  return {};
}

bool KeyKeeper::overtaken(const Name& zone, const KeyFiles& files) const {
  return files_ &&
         !std::ranges::includes(KeyFolder::files_of(zone, *files_), KeyFolder::files_of(zone, files));
}

Status KeyKeeper::stage(Pending& pending, const Result<KeyFiles>& files, KeyFolder::Batch& batch) {
  if (!pending.writes()) return {};
  if (!files) return files.error();
  if (overtaken(pending.zone, *files)) {
    overtaken_ = true;
    return Error{
        ErrorCode::conflict,
        fmt::format("{}: another process has made keys of zone {} at this moment: one node alone may "
                    "have node.manage_keys",
                    folder_.path(), pending.zone.to_text())};
  }
  auto there = folder_.load(pending.zone, *files);
  if (!there) return there.error();
  for (KeyState& state : pending.changed) {
    const Key* key = find_key(*there, state);
    if (key == nullptr) continue;  // taken away since
    const Times& before = key->state.times;
    // An operator may have spoken meanwhile.
    state.times.ds_seen = before.ds_seen;
    state.times.roll_asked = before.roll_asked;
    state.times.ds_unwanted = before.ds_unwanted;
    if (auto status = folder_.update(pending.zone, state, batch); !status) return status;
    pending.told.push_back({state, before});
  }
  for (const Key& key : pending.made)
    if (auto status = folder_.add(pending.zone, key, batch); !status) return status;
  return {};
}

Status KeyKeeper::carry_out(const Pending& pending, KeyFolder::Batch& batch) {
  const std::string zone = pending.zone.to_text();
  if (auto status = batch.move(pending.first, pending.last); !status) {
    for (const Key& key : pending.made) (void)folder_.remove(pending.zone, key.state);
    return status;
  }
  for (const auto& [state, before] : pending.told) tell_changes(zone, state, before);
  for (const Key& key : pending.made)
    log::info("zone {}: {} is made, signs from {:%FT%TZ}", zone, describe(key.state),
              fmt::gmtime(key.state.times.activate));
  for (const KeyState& state : pending.removed) {
    if (auto status = folder_.remove(pending.zone, state); !status) return status;
    log::info("zone {}: {} is out of use and removed", zone, describe(state));
  }
  return {};
}

Result<KeyFiles> KeyKeeper::lock_and_list(std::optional<KeyFolder::Lock>& lock) const {
  auto locked = folder_.lock();
  if (!locked) return locked.error();
  lock.emplace(std::move(*locked));
  return folder_.list();
}

// All zones' files wait for the disk together.
Status KeyKeeper::commit() {
  Status first;
  const auto failed = [&](Status status) {
    cannot_write_ = true;
    if (first) first = std::move(status);
  };
  const bool writes = std::ranges::any_of(pending_, [](const auto& zone) { return zone.second.writes(); });
  std::optional<KeyFolder::Lock> lock;
  const Result<KeyFiles> files = writes ? lock_and_list(lock) : KeyFiles();
  KeyFolder::Batch batch;
  for (auto& [zone, pending] : pending_) {
    if (pending.keys.empty()) continue;  // there was an error
    pending.first = batch.size();
    auto status = stage(pending, files, batch);
    if (!status) {
      batch.drop(pending.first);
      pending.keys.clear();
      failed(std::move(status));
    }
    pending.last = batch.size();
  }
  const Status synced = batch.sync();
  for (auto& [zone, pending] : pending_) {
    if (pending.keys.empty()) continue;
    auto status = synced || !pending.writes() ? carry_out(pending, batch) : synced;
    if (!status) {
      pending.keys.clear();
      failed(std::move(status));
    }
  }
  save_serials();
  if (const Status moved = writes ? folder_.sync() : Status(); !moved)
    log::warning("{}", moved.error().message);
  for (auto& [zone, pending] : pending_)
    if (!pending.keys.empty()) remember(zone, std::move(pending.keys));
  write_memory();
  std::erase_if(last_keys_, [&](const auto& last) { return !pending_.contains(last.first); });
  pending_.clear();
  return first;
}

// Of zones that are served as they are now.
void KeyKeeper::save_serials() {
  KeyFolder::Batch batch;
  std::map<std::string, Status> saved;  // by zone
  const auto saves = [](const Pending& zone) {
    return !zone.keys.empty() && zone.serial && zone.serial->to_save;
  };
  for (auto& [zone, pending] : pending_) {
    if (!saves(pending)) continue;
    pending.first = batch.size();
    auto& status = saved[zone] = folder_.save_serial(pending.zone, pending.serial->state, batch);
    if (!status) batch.drop(pending.first);
    pending.last = batch.size();
  }
  const Status synced = batch.sync();
  for (auto& [zone, status] : saved) {
    const Pending& pending = pending_.at(zone);
    if (status) status = synced;
    if (status) status = batch.move(pending.first, pending.last);
    if (!status)
      log::error(
          "zone {}: the serial number of its copies has grown, which no other node learns of, nor this one "
          "after a start: {}",
          zone, status.error().message);
  }
  bool unsaved = false;
  for (auto& [zone, pending] : pending_) {
    if (pending.keys.empty() || !pending.serial) continue;
    if (saves(pending)) pending.serial->to_save = !saved.at(zone).ok();
    unsaved = unsaved || pending.serial->to_save;
    serials_.insert_or_assign(zone, std::move(*pending.serial));
  }
  if (!unsaved) return;
  note(now_ + read_again);
  batch.drop(0);
  stamp_ = folder_.stamp();  // the attempt has changed it
}

}  // namespace popnet::dns::sign
