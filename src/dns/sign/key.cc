#include "dns/sign/key.h"

#include <algorithm>
#include <utility>

#include "common/bytes.h"
#include "dns/wire/protocol.h"

namespace popnet::dns::sign {

namespace {

constexpr uint16_t zone_key = 256, secure_entry_point = 1;  // flags (RFC 4034 section 2.1.1)
constexpr uint8_t protocol = 3;
constexpr uint8_t digest_sha256 = 2;

constexpr std::pair<Role, std::string_view> roles[] = {
    {Role::csk, "csk"}, {Role::ksk, "ksk"}, {Role::zsk, "zsk"}};

}  // namespace

Key::Key(Secret s, Role role, const Times& times) : secret(std::move(s)) {
  const uint16_t flags = role == Role::zsk ? zone_key : zone_key | secure_entry_point;
  const auto& point = secret.public_bytes();
  dnskey.resize(4 + point.size());
  ByteWriter out(dnskey);
  out.u16(static_cast<uint16_t>(flags));
  out.u8(protocol);
  out.u8(static_cast<uint8_t>(secret.algorithm()));
  out.bytes(point);
  state = {key_tag(dnskey), secret.algorithm(), role, times};
}

namespace {

bool has_algorithm(std::span<const KeyState> keys, std::span<const size_t> those, Algorithm algorithm) {
  return std::ranges::any_of(those, [&](size_t i) { return keys[i].algorithm == algorithm; });
}

}  // namespace

// With a new algorithm a CSK signs the zone before and after its DNSKEY is there, but never the DNSKEY set. CDS and CDNSKEY are
// signed by what the parent's DS leads to (RFC 7344 section 4.1), and by each other algorithm that signs the zone, as all sets are:
// caches that know keys of that one expect it (RFC 4035 section 2.2).
std::vector<size_t> signers(std::span<const KeyState> keys, uint16_t type, Seconds now) {
  std::vector<size_t> entry, zone;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!is_active(keys[i].times, now)) continue;
    if (keys[i].secure_entry() && is_published(keys[i].times, now)) entry.push_back(i);
    if (keys[i].signs_zone()) zone.push_back(i);
  }
  if (type == type::dnskey) return entry;
  if (type != type::cds && type != type::cdnskey) return zone;
  const size_t entries = entry.size();
  for (const size_t i : zone)
    if (!has_algorithm(keys, std::span(entry).first(entries), keys[i].algorithm)) entry.push_back(i);
  return entry;
}

// RFC 4034 appendix B
uint16_t key_tag(std::span<const uint8_t> dnskey) {
  uint32_t sum = 0;
  for (size_t i = 0; i < dnskey.size(); ++i) sum += i % 2 == 0 ? uint32_t{dnskey[i]} << 8 : dnskey[i];
  return static_cast<uint16_t>(sum + (sum >> 16));
}

std::vector<uint8_t> ds_data(NameBytes owner, const Key& key) {
  std::vector<uint8_t> input(owner.begin(), owner.end());
  input.insert(input.end(), key.dnskey.begin(), key.dnskey.end());
  const auto digest = sha256(input);
  std::vector<uint8_t> data(4 + digest.size());
  ByteWriter out(data);
  out.u16(key.state.tag);
  out.u8(static_cast<uint8_t>(key.state.algorithm));
  out.u8(digest_sha256);
  out.bytes(digest);
  return data;
}

std::string_view to_text(Role role) {
  for (const auto& [value, name] : roles)
    if (value == role) return name;
  return {};
}

std::optional<Role> parse_role(std::string_view text) {
  for (const auto& [value, name] : roles)
    if (name == text) return value;
  return std::nullopt;
}

std::string_view to_text(Algorithm algorithm) {
  return algorithm == Algorithm::ed25519 ? "ED25519" : "ECDSAP256SHA256";
}

}  // namespace popnet::dns::sign
