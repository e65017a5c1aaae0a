#include "dns/zone/version.h"

#include <algorithm>

#include "dns/wire/protocol.h"

namespace popnet::dns {

namespace {

constexpr size_t deltas_max = 100;

int compare_data(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  const size_t size = std::min(a.size(), b.size());
  const int c = size == 0 ? 0 : std::memcmp(a.data(), b.data(), size);
  return c != 0 ? c : a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

/// In the order of Records; a record with another TTL is another record.
int compare(const Record& a, const Record& b) {
  if (const int c = a.owner.compare(b.owner); c != 0) return c;
  if (a.type != b.type) return a.type < b.type ? -1 : 1;
  if (const int c = compare_data(a.data, b.data); c != 0) return c;
  return a.ttl < b.ttl ? -1 : a.ttl > b.ttl ? 1 : 0;
}

void put(Records& into, const Record& record) {
  into.add(owner_name(record.owner), record.type, record.ttl, record.data, {});
}

bool is_of_an_operator(uint16_t type) {
  return is_sent(type) && !is_of_a_signer(type);
}

/// Walks both, which are in the same order. `counts`: the types that are looked at.
ZoneDelta difference(const Records& before, const Records& after, bool (*counts)(uint16_t) = is_sent) {
  ZoneDelta delta{0, 0, Records(before.apex(), ""), Records(after.apex(), "")};
  size_t i = 0, j = 0;
  while (i < before.size() || j < after.size()) {
    const int c = i == before.size() ? 1 : j == after.size() ? -1 : compare(before[i], after[j]);
    if (c < 0 && counts(before[i].type)) put(delta.removed, before[i]);
    if (c > 0 && counts(after[j].type)) put(delta.added, after[j]);
    i += c <= 0;
    j += c >= 0;
  }
  return delta;
}

size_t size_of(const ZoneDelta& delta) {
  return delta.removed.size() + delta.added.size();
}

/// Of versions that are signed here, what the serial number of their file stands for.
bool differs(const ZoneVersion& before, const ZoneVersion& after) {
  const bool is_signed = before.signing != nullptr && after.signing != nullptr;
  return size_of(difference(before.records, after.records, is_signed ? is_of_an_operator : is_sent)) > 0;
}

/// That it stands for these records and no others.
bool says_what_it_is(const ZoneVersion& version) {
  return !version.reused_until || is_later(version.serial, *version.reused_until);
}

/// The newest differences that are worth keeping, in order.
std::vector<std::shared_ptr<const ZoneDelta>> newest(std::vector<std::shared_ptr<const ZoneDelta>> deltas,
                                                     size_t records) {
  size_t kept = 0, total = 0;
  while (kept < deltas.size() && kept < deltas_max && total < records)
    total += size_of(*deltas[deltas.size() - ++kept]);
  if (total >= records && kept > 0) --kept;
  deltas.erase(deltas.begin(), deltas.end() - static_cast<std::ptrdiff_t>(kept));
  return deltas;
}

/// What of the version before counts for the next.
void follow(const ZoneVersion& before, ZoneVersion& version) {
  version.reused_until = before.reused_until;
  const bool made_here = version.signing != nullptr || before.signing != nullptr;
  if (is_later(version.serial, before.serial)) {
    if (made_here || !says_what_it_is(before)) return;
    auto delta = std::make_shared<ZoneDelta>(difference(before.records, version.records));
    delta->from = before.serial;
    delta->to = version.serial;
    version.deltas = before.deltas;
    version.deltas.push_back(std::move(delta));
    version.deltas = newest(std::move(version.deltas), version.records.size());
  } else if (version.serial != before.serial || differs(before, version)) {
    if (says_what_it_is(before)) version.reused_until = before.serial;
  } else if (!made_here) {
    version.deltas = before.deltas;
  }
}

}  // namespace

bool is_of_a_signer(uint16_t t) {
  return t == type::rrsig || t == type::nsec || t == type::nsec3 || t == type::nsec3param ||
         t == type::dnskey || t == type::cds || t == type::cdnskey;
}

uint32_t serial_of(std::span<const uint8_t> soa_data) {
  if (soa_data.size() < soa_numbers_size) return 0;
  const auto s = soa_data.last(soa_numbers_size);
  return uint32_t{s[0]} << 24 | uint32_t{s[1]} << 16 | uint32_t{s[2]} << 8 | s[3];
}

std::shared_ptr<const ZoneVersion> ZoneHistory::add(Records records, const model::Transfer& options,
                                                    std::vector<Name> decided,
                                                    std::shared_ptr<const CopySigning> signing) {
  const std::string key = owner_key(records.apex().bytes());
  auto version = std::make_shared<ZoneVersion>(
      ZoneVersion{std::move(records), 0, options, std::move(decided), {}, {}, std::move(signing)});
  for (size_t i = version->records.find(key); i < version->records.size() && version->records[i].owner == key;
       ++i)
    if (version->records[i].type == type::soa) version->serial = serial_of(version->records[i].data);
  const auto known = zones_.find(key);
  if (known != zones_.end()) follow(*known->second, *version);
  fresh_[key] = version;
  return version;
}

ZoneHistory::Changes ZoneHistory::commit() {
  Changes changes;
  for (const auto& [key, version] : fresh_) {
    const auto known = zones_.find(key);
    if (known == zones_.end() || is_later(version->serial, known->second->serial)) {
      changes.changed.push_back(version);
    } else if (version->serial != known->second->serial || differs(*known->second, *version)) {
      changes.unnoticed.push_back(
          {version->records.apex().to_text(), known->second->serial, version->serial});
    }
  }
  zones_ = std::move(fresh_);
  fresh_.clear();
  return changes;
}

}  // namespace popnet::dns
