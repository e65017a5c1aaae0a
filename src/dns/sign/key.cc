#include "dns/sign/key.h"

#include <utility>

#include "common/bytes.h"

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
