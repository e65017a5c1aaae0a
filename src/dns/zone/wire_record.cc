#include "dns/zone/wire_record.h"

#include <fmt/format.h>

#include <memory>

#include "common/bytes.h"
#include "dns/wire/protocol.h"
#include "dns/wire/query.h"
#include "dns/zone/fields.h"
#include "dns/zone/records.h"

#include <ldns/ldns.h>  // last: it spoils "bool" for what is included behind it

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
  record.ttl = ldns_rr_ttl(made) > ttl_max ? 0 : ldns_rr_ttl(made);  // RFC 2181 section 8
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
