#include "dns/zone/sign_sets.h"

#include "dns/wire/protocol.h"
#include "dns/zone/render.h"

namespace popnet::dns {

namespace {

std::vector<Record> as_records(uint16_t type, const std::vector<std::vector<uint8_t>>& data) {
  std::vector<Record> records;
  for (const auto& d : data) records.push_back({{}, type, 0, {}, d});
  return records;
}

}  // namespace

RenderedSet SetSigner::sign(NameBytes owner, std::span<const Record> set, uint32_t ttl, uint32_t shown) {
  sign::CanonicalData canonical(set[0].type);
  for (const Record& record : set) canonical.add(record.data);
  const std::vector<uint8_t> data = canonical.finish();
  if (!is_wildcard(owner)) return sign_data({owner, set[0].type, ttl, data}, shown);
  RenderedSet parts;
  parts.type = set[0].type;
  parts.records = 1;
  parts.bytes = data;
  return parts;
}

RenderedSet SetSigner::sign_data(const sign::Content& content, uint32_t shown) {
  const auto signatures = signer_->sign(content, now_, store_);
  if (signatures.empty()) return {};
  return render(content.owner, as_records(type::rrsig, signatures), shown);
}

void SetSigner::add_denial(NameBytes owner, std::vector<RenderedSet>& sets,
                           std::vector<RenderedSet>& signatures, bool delegation) {
  sign::TypeSet types;
  for (const RenderedSet& set : sets) types.add(set.type);
  if (delegation) types.add(type::ns);
  types.add(type::rrsig);
  types.add(type::nsec);
  std::vector<uint8_t> room(name_size_max + sign::bitmap_size_max);
  ByteWriter out(room);
  sign::write_next_name(out, owner);
  types.write(out);
  room.resize(out.size());
  const std::vector<std::vector<uint8_t>> data = {room};
  const auto records = as_records(type::nsec, data);
  sets.push_back(render(owner, records, denial_ttl_));
  signatures.push_back(sign(owner, records, denial_ttl_, denial_ttl_));
}

}  // namespace popnet::dns
