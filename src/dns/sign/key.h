// A DNSSEC key of a zone: its secret, what it signs, and the times of its life (RFC 7583 section 3.2).
// Values; immutable once shared.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dns/sign/secret.h"
#include "dns/wire/name.h"

namespace popnet::dns::sign {

/// Seconds since 1970.
using Seconds = int64_t;

enum class Role : uint8_t {
  csk,  ///< signs everything
  ksk,  ///< signs the DNSKEY set; the parent's DS names it
  zsk,  ///< signs everything else
};

/// When each thing happens or happened; 0 = not known yet.
struct Times {
  Seconds created = 0;
  Seconds publish = 0;      ///< its DNSKEY is in the zone
  Seconds activate = 0;     ///< it signs; with a new algorithm a while before `publish`
  Seconds sync = 0;         ///< CDS and CDNSKEY ask the parent for its DS (RFC 7344)
  Seconds ds_seen = 0;      ///< the parent has its DS
  Seconds retire = 0;       ///< it signs no more; when its algorithm goes, a while after `remove`
  Seconds remove = 0;       ///< its DNSKEY leaves the zone
  Seconds roll_asked = 0;   ///< an operator wants a successor
  Seconds ds_unwanted = 0;  ///< an operator wants the parent to have no DS of the zone (RFC 8078 section 4)
  bool operator==(const Times&) const = default;
};

/// Everything about a key but the key.
struct KeyState {
  uint16_t tag = 0;
  Algorithm algorithm = Algorithm::ecdsa_p256;
  Role role = Role::csk;
  Times times;
  [[nodiscard]] bool secure_entry() const { return role != Role::zsk; }
  [[nodiscard]] bool signs_zone() const { return role != Role::ksk; }
};
/// `from` has come and `to` has not.
inline bool between(Seconds now, Seconds from, Seconds to) {
  return from != 0 && from <= now && (to == 0 || now < to);
}
inline bool is_published(const Times& t, Seconds now) {
  return between(now, t.publish, t.remove);
}
inline bool is_active(const Times& t, Seconds now) {
  return between(now, t.activate, t.retire);
}

/// Which of a zone's keys sign sets of that type at `now`, as indexes.
std::vector<size_t> signers(std::span<const KeyState> keys, uint16_t type, Seconds now);

struct Key {
  Key(Secret s, Role role, const Times& times);
  Secret secret;
  KeyState state;
  std::vector<uint8_t> dnskey;  // RDATA (RFC 4034 section 2)
};

/// RDATA of CDS and CDNSKEY records that ask the parent to remove all DS records (RFC 8078 section 4).
inline constexpr uint8_t no_ds[] = {0, 0, 0, 0, 0}, no_dnskey[] = {0, 0, 3, 0, 0};

uint16_t key_tag(std::span<const uint8_t> dnskey);
/// RDATA of the DS record, and of the CDS record, with SHA-256 (RFC 4034 section 5, RFC 4509).
std::vector<uint8_t> ds_data(NameBytes owner, const Key& key);

std::string_view to_text(Role role);
std::optional<Role> parse_role(std::string_view text);
std::string_view to_text(Algorithm algorithm);

}  // namespace popnet::dns::sign
