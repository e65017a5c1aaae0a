#include "dns/sign/signer.h"

#include <algorithm>

#include "dns/wire/protocol.h"

namespace popnet::dns::sign {

namespace {

constexpr Seconds hour = 3600;
constexpr size_t head_fixed_size = 18;
constexpr size_t digest_input_max = 1024;

SipHash secret_hash() {
  uint8_t bytes[16];
  fill_random(bytes);
  Digest key;
  std::memcpy(&key.low, bytes, 8);
  std::memcpy(&key.high, bytes + 8, 8);
  return SipHash(key);
}

}  // namespace

void Budget::refill(WallTime now) {
  const double elapsed = last_ == WallTime{} ? 0 : to_seconds(now - last_);
  const auto gain = static_cast<int64_t>(static_cast<double>(per_second_) * std::clamp(elapsed, 0.0, 1.0));
  if (gain == 0 && last_ != WallTime{} && now >= last_) return;  // keeps fractions
  last_ = now;
  const int64_t left = std::max<int64_t>(left_.load(std::memory_order_relaxed), 0);
  left_.store(std::min(left + gain, per_second_), std::memory_order_relaxed);
}

Online::Online(uint32_t per_second, size_t answers_kept, size_t random_kept)
    : hash(secret_hash()),
      answers(answers_kept),
      random(random_kept),
      for_answers(per_second),
      for_random(per_second),
      for_answers_tcp(per_second),
      for_random_tcp(per_second) {}

SignatureStore::SignatureStore() : hash_(secret_hash()) {}

const Signature* SignatureStore::find(const Digest& digest) {
  const auto found = signatures_.find(digest);
  if (found == signatures_.end()) return nullptr;
  found->second.used = true;
  return &found->second.signature;
}

const Signature& SignatureStore::put(const Digest& digest, const Signature& signature) {
  Kept& kept = signatures_[digest];
  kept = {signature, true};
  return kept.signature;
}

void SignatureStore::drop_unused() {
  std::erase_if(signatures_, [](const auto& entry) { return !entry.second.used; });
  for (auto& [digest, kept] : signatures_) kept.used = false;
}

ZoneSigner::ZoneSigner(const Name& apex, std::vector<Key> keys, Seconds now, Seconds validity,
                       uint32_t dnskey_ttl, model::Denial denial)
    : apex_(apex), validity_(validity), dnskey_ttl_(dnskey_ttl), denial_(denial) {
  Seconds latest_sync = 0;
  for (const Key& key : keys)
    if (key.state.secure_entry() && key.state.times.sync <= now)
      latest_sync = std::max(latest_sync, key.state.times.sync);
  std::vector<KeyState> states;
  for (const Key& key : keys) states.push_back(key.state);
  const auto signing = [&](uint16_t type) {
    std::vector<Key> those;
    for (const size_t i : signers(states, type, now)) those.push_back(keys[i]);
    return those;
  };
  entry_ = signing(type::dnskey);
  sync_ = signing(type::cds);
  zone_ = signing(type::soa);
  for (Key& key : keys) {
    const Times& t = key.state.times;
    if (key.state.secure_entry() && t.ds_unwanted != 0 && is_published(t, now)) wants_no_ds_ = true;
    if (key.state.secure_entry() && t.sync != 0 && t.sync == latest_sync && t.retire == 0)
      synced_.push_back(key);
    if (is_published(t, now)) published_.push_back(std::move(key));
  }
  if (wants_no_ds_) synced_.clear();
}

const std::vector<Key>& ZoneSigner::signing(uint16_t type) const {
  if (type == type::dnskey) return entry_;
  return type == type::cds || type == type::cdnskey ? sync_ : zone_;
}

Digest ZoneSigner::digest(const SipHash& hash, const Key& key, const Content& content) {
  uint8_t room[digest_input_max];
  ByteWriter out(room);
  out.u16(key.state.tag);
  out.u8(static_cast<uint8_t>(key.state.algorithm));
  out.u16(content.type);
  out.u32(content.ttl);
  out.bytes(content.owner);
  const size_t before = out.size();
  out.bytes(content.data);
  if (!out.ok()) {
    const Digest data = hash.hash(content.data);
    out.rewind(before);
    out.u32(static_cast<uint32_t>(data.low)), out.u32(static_cast<uint32_t>(data.low >> 32));
    out.u32(static_cast<uint32_t>(data.high)), out.u32(static_cast<uint32_t>(data.high >> 32));
  }
  return hash.hash(out.written());
}

// In 64 bits: fine until the year 2106, when RRSIG's 32 bits begin anew.
bool ZoneSigner::still_good(const Signature& s, Seconds now) const {
  return Seconds{s.inception} <= now && Seconds{s.expiration} - now > validity_ / 2;
}

SignatureHead ZoneSigner::head(const Key& key, const Content& content, const Signature& times) const {
  return {content.type,
          static_cast<uint8_t>(key.state.algorithm),
          signature_labels(content.owner),
          content.ttl,
          times.expiration,
          times.inception,
          key.state.tag,
          apex_.bytes()};
}

bool ZoneSigner::make(const Key& key, const Content& content, uint64_t spread, Seconds now,
                      Signature& signature) const {
  const Seconds from = now - now % hour - hour;
  const Seconds jitter = validity_ / 10;
  signature.inception = static_cast<uint32_t>(from);
  signature.expiration =
      static_cast<uint32_t>(from + validity_ + hour +
                            (jitter > 0 ? static_cast<Seconds>(spread % static_cast<uint64_t>(jitter)) : 0));
  std::vector<uint8_t> room(input_size_max(content));
  ByteWriter input(room);
  write_input(input, head(key, content, signature), content);
  return input.ok() && key.secret.sign(input.written(), signature.bytes);
}

std::vector<std::vector<uint8_t>> ZoneSigner::sign(const Content& content, Seconds now,
                                                   SignatureStore& store) const {
  std::vector<std::vector<uint8_t>> all;
  for (const Key& key : signing(content.type)) {
    const Digest d = digest(store.hash(), key, content);
    const Signature* signature = store.find(d);
    if (signature == nullptr || !still_good(*signature, now)) {
      Signature fresh;
      if (!make(key, content, d.high, now, fresh)) continue;
      signature = &store.put(d, fresh);
    }
    auto& data = all.emplace_back(head_fixed_size + apex_.size() + signature_size);
    ByteWriter out(data);
    write_head(out, head(key, content, *signature));
    out.bytes(signature->bytes);
  }
  return all;
}

size_t ZoneSigner::write_online(ByteWriter& out, const Content& content, uint32_t ttl, size_t owner_offset,
                                Seconds now, Online& online, const Sources& sources) const {
  size_t written = 0;
  for (const Key& key : signing(content.type)) {
    const Digest d = digest(online.hash, key, content);
    Signature signature;
    if (!sources.cache.find(d, signature) || !still_good(signature, now)) {
      if ((sources.budget != nullptr && !sources.budget->take()) ||
          !make(key, content, d.high, now, signature)) {
        online.refused.fetch_add(1, std::memory_order_relaxed);
        return 0;
      }
      online.made.fetch_add(1, std::memory_order_relaxed);
      sources.cache.put(d, signature);
    }
    if (owner_offset <= pointer_max) {
      out.u16(static_cast<uint16_t>(pointer_mark | owner_offset));
    } else {
      out.bytes(content.owner);
    }
    out.u16(type::rrsig);
    out.u16(class_in);
    out.u32(ttl);
    out.u16(static_cast<uint16_t>(head_fixed_size + apex_.size() + signature_size));
    write_head(out, head(key, content, signature));
    out.bytes(signature.bytes);
    ++written;
  }
  return written;
}

}  // namespace popnet::dns::sign
