#include "dns/zone/wire_record.h"

#include <fmt/format.h>

#include <optional>

#include "common/bytes.h"
#include "dns/wire/protocol.h"
#include "dns/zone/fields.h"
#include "dns/zone/records.h"

namespace popnet::dns {

namespace {

using Bytes = std::span<const uint8_t>;

/// Adds the name at `position`, which may be compressed (RFC 1035 section 4.1.4: to what stands before it). Where it ends;
/// 0 if it is malformed.
size_t expand_name(Bytes message, size_t position, std::vector<uint8_t>& out) {
  size_t end = 0, size = 0;
  for (size_t part = position; position < message.size();) {
    const size_t length = message[position];
    if (length >= pointer_mark >> 8) {
      if (position + 1 == message.size()) return 0;
      if (end == 0) end = position + 2;
      position = (length << 8 | message[position + 1]) & ~size_t{pointer_mark};
      if (position >= part) return 0;
      part = position;
      continue;
    }
    size += length + 1;
    if (length > label_size_max || size > name_size_max || message.size() - position <= length) return 0;
    const Bytes label = message.subspan(position, length + 1);
    out.insert(out.end(), label.begin(), label.end());
    position += length + 1;
    if (length == 0) return end != 0 ? end : position;
  }
  return 0;
}

/// Of what may stand before a name in the data, and the string that is there now. Nothing of other kinds.
std::optional<size_t> size_of(FieldKind kind, uint8_t string_size) {
  using enum FieldKind;
  switch (kind) {
    case u8:
      return 1;
    case u16:
    case type:
      return 2;
    case u32:
    case ttl:
    case period:
    case time:
    case ipv4:
      return 4;
    case string:
      return string_size + size_t{1};
    default:
      return std::nullopt;
  }
}

/// Data that ends with the message, names in it written out. What stands behind the names is as it is; the fields are checked
/// later. False if a name is malformed.
bool expand_data(Bytes message, size_t at, uint16_t record_type, std::vector<uint8_t>& out) {
  for (const Field& field : fields_of(record_type)) {
    if (at >= message.size()) break;
    if (field.kind == FieldKind::name) {
      at = expand_name(message, at, out);
      if (at == 0) return false;
      continue;
    }
    const auto size = size_of(field.kind, message[at]);
    if (!size || *size > message.size() - at) break;
    const Bytes bytes = message.subspan(at, *size);
    out.insert(out.end(), bytes.begin(), bytes.end());
    at += *size;
  }
  out.insert(out.end(), message.begin() + static_cast<std::ptrdiff_t>(at), message.end());
  return true;
}

}  // namespace

bool read_record(std::span<const uint8_t> message, size_t& position, WireRecord& record) {
  std::vector<uint8_t> owner;
  ByteReader in(message);
  const size_t behind_owner = expand_name(message, position, owner);
  if (behind_owner == 0) return false;
  in.seek(behind_owner);
  record.type = in.u16();
  record.rr_class = in.u16();
  record.ttl = in.u32();
  if (record.ttl > ttl_max) record.ttl = 0;  // RFC 2181 section 8
  const size_t data_size = in.u16();
  const size_t data_at = in.position();
  in.skip(data_size);
  if (!in.ok()) return false;
  position = in.position();
  record.owner = Name(NameBytes(owner));
  record.data.clear();
  return expand_data(message.first(position), data_at, record.type, record.data) &&
         record.data.size() <= message_size_max && is_whole(record.type, record.data);
}

bool is_whole(uint16_t type, std::span<const uint8_t> data) {
  if (!has_fields(type, data)) return false;
  // A name that has NSEC has this type at least.
  return type != type::nsec || measure_name(data).size < data.size();
}

std::string why_no_data(uint16_t type) {
  const bool meta = type == type::opt || (type >= 128 && type <= 255);
  if (!meta && type != type_decided && type != type_zone_begins) return {};
  return fmt::format("type {} is no type of data (RFC 6895 section 3.1)", type);
}

}  // namespace popnet::dns
