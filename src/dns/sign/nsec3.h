// Hashed denial of existence (NSEC3, RFC 5155). What popnet signs is hashed the way RFC 9276 wants it: SHA-1, no more
// rounds, no salt. Records are made around the one hash that a query is about and cover nothing else (RFC 7129 appendix B,
// "white lies"), so that nobody learns other names, hashed or not. Pure; allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "common/bytes.h"
#include "dns/wire/name.h"

namespace popnet::dns::sign {

using NameHash = std::array<uint8_t, 20>;
inline constexpr size_t hash_label_size = 32;  // in base32hex (RFC 4648 section 7), without its length

/// `rounds`: more than the first. REQUIRES: lower case
NameHash hash_for_nsec3(NameBytes name, unsigned rounds = 0, std::span<const uint8_t> salt = {});
/// The hash right before and right behind, on the circle of all hashes.
NameHash hash_before(NameHash hash);
NameHash hash_behind(NameHash hash);
/// The first label of an NSEC3 record's owner, with its length, in lower case.
void write_hash_label(ByteWriter& out, const NameHash& hash);
/// The hash that a name's first label is; nothing if it is none. REQUIRES: lower case
std::optional<NameHash> read_hash_label(NameBytes name);
/// The fields of an NSEC3 record that go before the type bit maps.
void write_nsec3_head(ByteWriter& out, const NameHash& next);
/// The data of the NSEC3PARAM record that says so (RFC 5155 section 4).
inline constexpr std::array<uint8_t, 5> nsec3_parameters = {1, 0, 0, 0, 0};

}  // namespace popnet::dns::sign
