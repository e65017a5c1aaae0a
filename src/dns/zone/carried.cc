#include "dns/zone/carried.h"

#include <fmt/format.h>

#include <algorithm>

#include "dns/wire/protocol.h"
#include "dns/zone/render.h"

namespace popnet::dns {

namespace {

constexpr uint8_t sha1 = 1;

uint16_t u16(std::span<const uint8_t> data) {
  return static_cast<uint16_t>(data[0] << 8 | data[1]);
}
/// Of NSEC3 and NSEC3PARAM records alike: algorithm, flags, rounds, salt.
std::span<const uint8_t> salt_of(const Record& record) {
  return record.data.subspan(5, record.data[4]);
}

}  // namespace

bool comes_signed(const Records& records) {
  const std::string apex = owner_key(records.apex().bytes());
  for (size_t i = records.find(apex); i < records.size() && records[i].owner == apex; ++i)
    if (records[i].type == type::rrsig) return true;
  return false;
}

RenderedSet carried_signatures(NameBytes owner, std::span<const Record> rrsigs, uint16_t type, uint32_t ttl) {
  std::vector<Record> of_type;
  for (const Record& rrsig : rrsigs)
    if (u16(rrsig.data) == type) of_type.push_back(rrsig);
  return of_type.empty() ? RenderedSet() : render(owner, of_type, ttl);
}

std::string CarriedDenials::choose(std::span<const Record> parameters) {
  for (const Record& record : parameters) {
    if (record.data[0] != sha1 || record.data[1] != 0) continue;  // RFC 5155 section 4.1.2: flags are ignored
    const uint16_t rounds = u16(record.data.subspan(2));
    if (rounds > hash_rounds_max)
      return fmt::format(
          "its names are to be hashed {} times more for each denial, have its signer do so {} times at "
          "most (RFC 9276: not at all)",
          rounds, hash_rounds_max);
    denials_.hashed = true;
    denials_.rounds = rounds;
    const auto salt = salt_of(record);
    denials_.salt.assign(salt.begin(), salt.end());
    return {};
  }
  return {};
}

bool CarriedDenials::serves(const Record& nsec3) const {
  return denials_.hashed && nsec3.data[0] == sha1 && u16(nsec3.data.subspan(2)) == denials_.rounds &&
         std::ranges::equal(salt_of(nsec3), denials_.salt);
}

std::string CarriedDenials::finish(OwnerKey apex, NamesBuilder& names, uint32_t zone) {
  std::sort(by_name_.begin(), by_name_.end(),
            [](const auto& a, const auto& b) { return comes_before(a.first, b.first); });
  std::sort(denials_.by_hash.begin(), denials_.by_hash.end(),
            [](const auto& a, const auto& b) { return a.hash < b.hash; });
  if (!denials_.hashed)
    for (const auto& [owner, node] : by_name_) denials_.by_name.push_back(node);
  std::string missing;
  if (denials_.hashed && denials_.by_hash.empty()) missing = "has no NSEC3 records that fit its NSEC3PARAM";
  if (!denials_.hashed && (by_name_.empty() || by_name_[0].first != apex))
    missing = "has neither an NSEC nor an NSEC3PARAM record at its apex";
  names.set_denials(zone, std::move(denials_));
  return missing;
}

}  // namespace popnet::dns
