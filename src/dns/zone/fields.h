// What the data of each type of record consists of: one table, by which text is read (field_text.h) and data that
// came as bytes is checked (has_fields). Types that the table lacks have no text, and their bytes may be any (RFC 3597).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct ldns_struct_lookup_table;  // ldns.h spoils "bool" for what is included behind it

namespace popnet::dns {

enum class FieldKind : uint8_t {
  none,
  u8,
  u16,
  u32,
  ttl,     ///< u32 of seconds, below 2^31 (RFC 2181 section 8)
  period,  ///< u32 of seconds
  time,    ///< u32 of seconds since 1970
  type,    ///< a type of records
  ipv4,
  ipv6,
  eui48,
  eui64,
  node_id,  ///< RFC 6742 section 2.1.1
  name,
  more_names,  ///< any number to the end
  string,
  optional_string,
  more_strings,  ///< one or more to the end
  long_string,   ///< to the end, without a length
  tag,           ///< letters and digits (RFC 8659 section 4.1)
  hex,           ///< to the end, at least one byte
  sized_hex,     ///< led by its length; "-" if there are none
  base64,        ///< to the end, at least one byte
  optional_base64,
  sized_base32,   ///< led by its length
  types,          ///< type bit maps (RFC 4034 section 4.1.2)
  prefixes,       ///< RFC 3123
  location,       ///< RFC 1876
  host_identity,  ///< the lengths, algorithm, tag and key of HIP (RFC 8005 section 5)
  gateway,        ///< what it is stands in the field before the last one (RFC 4025 section 2.5)
  relay_type,     ///< RFC 8777 section 4.3
  relay,
  service_parameters,  ///< RFC 9460
  services,            ///< of the protocol in the field before, to the end (RFC 1035 section 3.4.2)
  nsap,                ///< to the end, at least one byte (RFC 1706)
  atm_address,         ///< its format, and at least one byte to the end
  old_types,           ///< a map of bits to the end (RFC 2535 section 5.2)
  suffix,  ///< the length of a prefix, the rest of an address, the prefix's name (RFC 2874 section 3.1)
};

struct Field {
  FieldKind kind = FieldKind::none;
  const char* name = "";                      // as its RFC calls it
  ldns_struct_lookup_table* words = nullptr;  // that may stand for numbers
};

/// Seconds (RFC 2181 section 8).
inline constexpr uint32_t ttl_max = 0x7fffffff;
constexpr bool is_tag_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Empty if the table lacks the type.
std::span<const Field> fields_of(uint16_t type);
/// The data has all fields of its type, and nothing behind them. True of types that the table lacks.
bool has_fields(uint16_t type, std::span<const uint8_t> data);
/// A digest has the size that its function makes, where that is known (DS, CDS, DLV, SSHFP, TLSA, SMIMEA, ZONEMD). Empty, or
/// what is wrong and what would be right. REQUIRES: has_fields()
std::string why_wrong_digest(uint16_t type, std::span<const uint8_t> data);
/// "preference, exchange"
std::string fields_text(uint16_t type);
/// "MX", or "TYPE65400".
std::string type_text(uint16_t type);
/// Nothing if there is no such type.
std::optional<uint16_t> read_type(std::string_view text);

}  // namespace popnet::dns
