#include "dns/zone/fields.h"

#include <algorithm>

#include "common/bytes.h"
#include "dns/wire/name.h"
#include "dns/zone/old_types.h"
#include "dns/zone/service_parameters.h"

#include <fmt/format.h>
#include <ldns/ldns.h>  // last: it spoils "bool" for what is included behind it

namespace popnet::dns {

namespace {

using enum FieldKind;

class DataChecker {
 public:
  explicit DataChecker(std::span<const uint8_t> data) : data_(data), in_(data) {}

  void skip(FieldKind kind);
  [[nodiscard]] bool ended() const { return in_.ok() && in_.left() == 0; }

 private:
  void skip_rest(size_t at_least) {
    if (in_.left() < at_least) in_.fail();
    in_.skip(in_.left());
  }
  void skip_string() { in_.skip(in_.u8()); }
  void skip_name() {
    const size_t size = in_.left() == 0 ? 0 : measure_name(data_.subspan(in_.position())).size;
    if (size == 0) in_.fail();
    in_.skip(size);
  }
  void skip_tag();
  void skip_services();
  void skip_atm_address();
  void skip_old_types();
  void skip_suffix();
  void skip_types();
  void skip_prefix();
  void skip_location();
  void skip_host_identity();
  void skip_gateway(uint8_t kind);

  std::span<const uint8_t> data_;
  ByteReader in_;
};

void DataChecker::skip(FieldKind kind) {
  switch (kind) {
    case u8:
    case relay_type:
      return in_.skip(1);
    case u16:
    case type:
      return in_.skip(2);
    case u32:
    case ttl:
    case period:
    case time:
    case ipv4:
      return in_.skip(4);
    case eui48:
      return in_.skip(6);
    case eui64:
    case node_id:
      return in_.skip(8);
    case ipv6:
      return in_.skip(16);
    case name:
      return skip_name();
    case more_names:
      while (in_.left() > 0) skip_name();
      return;
    case string:
    case sized_hex:
      return skip_string();
    case optional_string:
      if (in_.left() > 0) skip_string();
      return;
    case more_strings:
      do skip_string();
      while (in_.left() > 0);
      return;
    case sized_base32: {
      const size_t size = in_.u8();
      if (size == 0) in_.fail();
      return in_.skip(size);
    }
    case long_string:
    case optional_base64:
      return skip_rest(0);
    case hex:
    case base64:
      return skip_rest(1);
    case tag:
      return skip_tag();
    case types:
      return skip_types();
    case prefixes:
      while (in_.left() > 0) skip_prefix();
      return;
    case location:
      return skip_location();
    case host_identity:
      return skip_host_identity();
    case gateway:
    case relay:
      if (in_.ok()) skip_gateway(data_[1] & 0x7f);  // the second field, of a byte
      return;
    case service_parameters:
      if (in_.ok() && !why_no_service_parameters(data_.subspan(in_.position())).empty()) in_.fail();
      return in_.skip(in_.left());
    case services:
      return skip_services();
    case nsap:
      return skip_rest(1);
    case atm_address:
      return skip_atm_address();
    case old_types:
      return skip_old_types();
    case suffix:
      return skip_suffix();
    case none:
      return;
  }
}

void DataChecker::skip_services() {
  if (in_.left() > services_bytes_max) in_.fail();
  skip_rest(0);
}

void DataChecker::skip_atm_address() {
  constexpr uint8_t e164 = 1;
  const bool digits = in_.u8() == e164;
  const auto address = in_.take(in_.left());
  const bool right = !digits || std::ranges::all_of(address, [](uint8_t c) { return c >= '0' && c <= '9'; });
  if (address.empty() || !right) in_.fail();
}

void DataChecker::skip_old_types() {
  const auto bits = in_.take(in_.left());
  if (bits.empty() || bits.size() > old_types_bytes_max || (bits[0] & 0x80) != 0 || bits.back() == 0)
    in_.fail();
}

void DataChecker::skip_suffix() {
  constexpr size_t all = 128;
  const size_t prefix = in_.u8();
  if (prefix > all) return in_.fail();
  in_.skip((all - prefix + 7) / 8);
  if (prefix > 0) skip_name();
}

void DataChecker::skip_tag() {
  const auto text = in_.take(in_.u8());
  if (text.empty() ||
      !std::ranges::all_of(text, [](uint8_t c) { return is_tag_character(static_cast<char>(c)); }))
    in_.fail();
}

/// RFC 4034 section 4.1.2: windows in order, each with a map of 1 to 32 bytes.
void DataChecker::skip_types() {
  for (int last = -1; in_.left() > 0;) {
    const int window = in_.u8();
    const size_t size = in_.u8();
    if (window <= last || size == 0 || size > 32) in_.fail();
    in_.skip(size);
    last = window;
  }
}

/// RFC 3123 section 4, of the two families that it knows.
void DataChecker::skip_prefix() {
  constexpr uint8_t negated = 0x80;
  const uint16_t family = in_.u16();
  const unsigned length = in_.u8();
  const size_t size = in_.u8() & ~negated;
  const size_t size_max = family == 1 ? 4 : 16;
  if ((family == 1 || family == 2) && (length > 8 * size_max || size > size_max)) in_.fail();
  in_.skip(size);
}

/// RFC 1876 section 2. Other versions than 0 may look otherwise.
void DataChecker::skip_location() {
  constexpr uint32_t middle = 1U << 31, degree = 3'600'000;
  if (in_.u8() != 0) return skip_rest(0);
  for (int i = 0; i < 3; ++i) {
    const uint8_t precision = in_.u8();
    if (precision >> 4 > 9 || (precision & 0xf) > 9) in_.fail();
  }
  const uint32_t latitude = in_.u32(), longitude = in_.u32();
  const auto within = [](uint32_t angle, uint32_t degrees) {
    return angle >= middle - degrees * degree && angle <= middle + degrees * degree;
  };
  if (!within(latitude, 90) || !within(longitude, 180)) in_.fail();
  in_.skip(4);
}

void DataChecker::skip_host_identity() {
  const size_t tag_size = in_.u8();
  in_.skip(1);
  const size_t key_size = in_.u16();
  if (tag_size == 0 || key_size == 0) in_.fail();
  in_.skip(tag_size);
  in_.skip(key_size);
}

void DataChecker::skip_gateway(uint8_t kind) {
  switch (kind) {
    case 0:
      return;
    case 1:
      return in_.skip(4);
    case 2:
      return in_.skip(16);
    case 3:
      return skip_name();
    default:
      return skip_rest(0);  // kinds to come
  }
}

}  // namespace

bool has_fields(uint16_t type, std::span<const uint8_t> data) {
  const auto fields = fields_of(type);
  if (fields.empty()) return true;
  DataChecker checker(data);
  for (const Field& field : fields) checker.skip(field.kind);
  return checker.ended();
}

std::string why_wrong_digest(uint16_t type, std::span<const uint8_t> data) {
  struct Digest {
    uint16_t type;
    size_t function_at;  // in the data; the digest begins right behind
    uint8_t function;
    size_t size;
  };
  constexpr size_t sha1 = 20, sha256 = 32, sha384 = 48, sha512 = 64;
  static constexpr Digest digests[] = {
      {LDNS_RR_TYPE_DS, 3, 1, sha1},       {LDNS_RR_TYPE_DS, 3, 2, sha256},
      {LDNS_RR_TYPE_DS, 3, 3, 32},         {LDNS_RR_TYPE_DS, 3, 4, sha384},
      {LDNS_RR_TYPE_CDS, 3, 1, sha1},      {LDNS_RR_TYPE_CDS, 3, 2, sha256},
      {LDNS_RR_TYPE_CDS, 3, 3, 32},        {LDNS_RR_TYPE_CDS, 3, 4, sha384},
      {LDNS_RR_TYPE_DLV, 3, 1, sha1},      {LDNS_RR_TYPE_DLV, 3, 2, sha256},
      {LDNS_RR_TYPE_DLV, 3, 4, sha384},    {LDNS_RR_TYPE_SSHFP, 1, 1, sha1},
      {LDNS_RR_TYPE_SSHFP, 1, 2, sha256},  {LDNS_RR_TYPE_ZONEMD, 5, 1, sha384},
      {LDNS_RR_TYPE_ZONEMD, 5, 2, sha512}, {LDNS_RR_TYPE_TLSA, 2, 1, sha256},
      {LDNS_RR_TYPE_TLSA, 2, 2, sha512},   {LDNS_RR_TYPE_SMIMEA, 2, 1, sha256},
      {LDNS_RR_TYPE_SMIMEA, 2, 2, sha512}};
  for (const Digest& digest : digests) {
    if (digest.type != type || data[digest.function_at] != digest.function) continue;
    const size_t size = data.size() - digest.function_at - 1;
    if (size == digest.size) return {};
    return fmt::format("the {} of {} has {} bytes, write the {} that type {} makes",
                       fields_of(type).back().name, type_text(type), size, digest.size, digest.function);
  }
  return {};
}

}  // namespace popnet::dns
