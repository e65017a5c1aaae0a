#include "dns/zone/wire_record.h"

#include <fmt/format.h>
#include <ldns/ldns.h>

#include <memory>

#include "common/bytes.h"
#include "dns/wire/protocol.h"
#include "dns/wire/query.h"
#include "dns/zone/records.h"

namespace popnet::dns {

namespace {

struct FreeRr {
  void operator()(ldns_rr* r) const { ldns_rr_free(r); }
};

}  // namespace

bool read_record(std::span<const uint8_t> message, size_t& position, WireRecord& record) {
  ByteReader in(message);
  in.seek(position);
  skip_name(in);
  in.skip(2 + 2 + 4);
  const size_t data_size = in.u16();
  in.skip(data_size);
  if (!in.ok()) return false;
  ldns_rr* made = nullptr;
  if (ldns_wire2rr(&made, message.data(), message.size(), &position, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
    return false;
  const std::unique_ptr<ldns_rr, FreeRr> rr(made);
  position = in.position();
  const ldns_rdf* owner = ldns_rr_owner(made);
  record.owner = Name(NameBytes(ldns_rdf_data(owner), ldns_rdf_size(owner)));
  record.type = static_cast<uint16_t>(ldns_rr_get_type(made));
  record.rr_class = static_cast<uint16_t>(ldns_rr_get_class(made));
  record.ttl = ldns_rr_ttl(made);
  record.data.clear();
  for (size_t i = 0; i < ldns_rr_rd_count(made); ++i) {
    const ldns_rdf* part = ldns_rr_rdf(made, i);
    record.data.insert(record.data.end(), ldns_rdf_data(part), ldns_rdf_data(part) + ldns_rdf_size(part));
  }
  // Decompression only makes it longer: if it is shorter, ldns has left something out that it did not expect.
  return record.data.size() >= data_size && record.data.size() <= message_size_max &&
         is_whole(record.type, record.data);
}

bool is_whole(uint16_t type, std::span<const uint8_t> data) {
  constexpr size_t soa_numbers_size = 20;
  constexpr size_t signature_head_size = 18;  // what goes before the signer's name
  const auto begins_with_name = [](std::span<const uint8_t> bytes) {
    const size_t size = bytes.empty() ? 0 : measure_name(bytes).size;
    return size > 0 && size < bytes.size();
  };
  const auto is_name = [](std::span<const uint8_t> bytes) {
    return !bytes.empty() && measure_name(bytes).size == bytes.size();
  };
  switch (type) {
    case type::a:
      return data.size() == 4;
    case type::aaaa:
      return data.size() == 16;
    case type::ns:
    case type::cname:
    case type::dname:
    case type::ptr:
      return is_name(data);
    case type::mx:
      return data.size() > 2 && is_name(data.subspan(2));
    case type::soa: {
      const size_t primary = measure_name(data).size;
      if (primary == 0 || data.size() < primary + soa_numbers_size) return false;
      const auto contact = data.subspan(primary);
      return is_name(contact.first(contact.size() - soa_numbers_size));
    }
    case type::rrsig:
      return data.size() > signature_head_size && begins_with_name(data.subspan(signature_head_size));
    case type::nsec:
      return begins_with_name(data);
    case type::nsec3param:
      return data.size() >= 5 && data.size() == 5U + data[4];
    case type::nsec3: {
      const size_t hash_at = data.size() < 5 ? data.size() : 5U + data[4];
      return data.size() > hash_at && data[hash_at] > 0 && data.size() > hash_at + data[hash_at];
    }
    default:
      return true;
  }
}

std::string why_no_data(uint16_t type) {
  const bool meta = type == type::opt || (type >= 128 && type <= 255);
  if (!meta && type != type_decided && type != type_zone_begins) return {};
  return fmt::format("type {} is no type of data (RFC 6895 section 3.1)", type);
}

}  // namespace popnet::dns
