#include "dns/server/secure.h"

#include <algorithm>

#include "dns/server/answer.h"
#include "dns/sign/canonical.h"
#include "dns/wire/record_head.h"

namespace popnet::dns {

namespace {

/// The types that some decision for the name could answer with.
void add_decided_types(const model::Config& config, const DecidedName& name, sign::TypeSet& types) {
  const auto add = [&](const IpAddress& address) { types.add(address.is_v4() ? type::a : type::aaaa); };
  if (!name.host.https_alpn.empty()) types.add(type::https);
  bool v4 = false, v6 = false;
  const auto note = [&](const IpAddress& address) {
    if (!(address.is_v4() ? v4 : v6)) add(address);
    (address.is_v4() ? v4 : v6) = true;
  };
  if (name.host.resolve == model::Resolve::origin) {
    for (const model::Origin& origin : config.sites[name.site].origins) note(origin.endpoint.address);
  } else {
    for (const model::Pop& pop : config.pops)
      for (const IpAddress& address : pop.addresses) note(address);
  }
}

}  // namespace

void Secure::sign(Section section, const Node& node, const RRset& set, NameBytes owner, size_t offset) {
  const RRset signature = node.signature(set);
  if (!signature) return;
  const bool carried = view_.names->denials(node.zone()) != nullptr;
  if (carried) note_wildcard(node, owner, offset);
  if (!carried && is_wildcard(node.name()))
    return sign_now(section, node.zone(), {owner, set.type, set.ttl(), signature.bytes}, set.ttl(), offset,
                    Bounded::no);
  append(reply_.body(), signature, offset, owner.size());
  reply_.count(section, signature.records);
}

void Secure::note_wildcard(const Node& node, NameBytes owner, size_t offset) {
  const bool made = is_wildcard(node.name()) && !std::ranges::equal(node.name(), owner);
  if (made && wildcard_count_ < wildcards_.size()) wildcards_[wildcard_count_++] = offset;
}

void Secure::prove_wildcards() {
  for (size_t i = 0; i < wildcard_count_ && reply_.body().ok(); ++i) {
    const auto rest = reply_.body().written().subspan(wildcards_[i]);
    const Name name(rest.first(measure_name(rest).size));
    carried_.deny_nearer(view_.names->find(name).node, name.bytes(), wildcards_[i]);
  }
  wildcard_count_ = 0;
}

void Secure::sign_decided(uint32_t zone, const Decided& decided, NameBytes owner, size_t offset) {
  IpAddress sorted[addresses_max];
  const size_t count = std::min(decided.addresses.size(), addresses_max);
  std::copy_n(decided.addresses.begin(), count, sorted);
  const auto before = [](const IpAddress& a, const IpAddress& b) {
    return std::ranges::lexicographical_compare(a.bytes(), b.bytes());
  };
  std::sort(sorted, sorted + count, before);
  uint8_t room[addresses_max * (2 + 16)];
  ByteWriter data(room);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && !before(sorted[i - 1], sorted[i])) continue;  // twice the same
    data.u16(static_cast<uint16_t>(sorted[i].bytes().size()));
    data.bytes(sorted[i].bytes());
  }
  sign_now(Section::answer, zone, {owner, decided.type, decided.original_ttl, data.written()}, decided.ttl,
           offset, Bounded::by_config);
}

void Secure::sign_made(uint32_t zone, uint16_t type, uint32_t ttl, uint32_t original_ttl,
                       std::span<const uint8_t> data, NameBytes owner, size_t offset) {
  sign_now(Section::answer, zone, {owner, type, original_ttl, data}, ttl, offset, Bounded::by_config);
}

void Secure::sign_now(Section section, uint32_t zone, const sign::Content& content, uint32_t ttl,
                      size_t offset, Bounded bounded) {
  sign::Online& online = *view_.signing;
  const bool random = bounded == Bounded::no;
  const bool udp = transport_ == Transport::udp;
  sign::Budget& budget = random ? (udp ? online.for_random : online.for_random_tcp)
                                : (udp ? online.for_answers : online.for_answers_tcp);
  const size_t records =
      view_.names->signer(zone)->write_online(reply_.body(), content, ttl, offset, view_.now, online,
                                              {random ? online.random : online.answers, &budget});
  failed_ = failed_ || records == 0;
  reply_.count(section, records);
}

sign::TypeSet Secure::types_at(const Node& node, const DecidedName* decided) const {
  sign::TypeSet types;
  for (size_t i = 0; i < node.rrsets(); ++i)
    if (node.rrset(i).type != type_glue) types.add(node.rrset(i).type);
  if (decided != nullptr) add_decided_types(*view_.snapshot->config, *decided, types);
  const bool something_signed = node.has(Node::cut) ? bool{node.find(type::ds)} : !types.empty();
  if (node.has(Node::cut)) types.add(type::ns);
  if (something_signed) types.add(type::rrsig);
  return types;
}

bool Secure::hashes(uint32_t zone) const {
  return view_.names->signer(zone)->denial() == model::Denial::nsec3;
}

void Secure::deny_type(const Node& node, const DecidedName* decided, NameBytes owner, size_t offset) {
  if (view_.names->denials(node.zone()) != nullptr) return carried_.deny_type(node, owner, offset);
  const bool wildcard = is_wildcard(node.name());
  if (hashes(node.zone())) {
    sign::TypeSet types = types_at(node, decided);
    types.remove(query_.type);
    return match_hash(node.zone(), types, owner, apex_offset(node.zone(), owner, offset),
                      wildcard ? Bounded::no : Bounded::by_config);
  }
  if (const RRset nsec = node.find(type::nsec); nsec && decided == nullptr && !wildcard) {
    append(reply_.body(), nsec, offset, owner.size());
    reply_.count(Section::authority, nsec.records);
    return sign(Section::authority, node, nsec, owner, offset);
  }
  sign::TypeSet types = types_at(node, decided);
  types.remove(query_.type);
  deny(node.zone(), types, owner, offset, wildcard ? Bounded::no : Bounded::by_config);
}

/// By hashes (RFC 5155 section 7.2.2): the closest encloser is there; neither the next name below it is, nor a wildcard.
void Secure::deny_name(const Node& encloser, const DecidedName* decided, NameBytes owner, size_t offset) {
  const uint32_t zone = encloser.zone();
  if (view_.names->denials(zone) != nullptr) return carried_.deny_name(encloser, owner, offset);
  if (!hashes(zone)) {
    sign::TypeSet types;
    types.add(type::nxname);
    return deny(zone, types, owner, offset, Bounded::no);
  }
  const size_t apex = apex_offset(zone, owner, offset);
  const NameBytes above = encloser.name();
  NameBytes next_closer = owner;
  while (parent(next_closer).size() > above.size()) next_closer = parent(next_closer);
  uint8_t wildcard[name_size_max + 2] = {1, '*'};
  std::copy(above.begin(), above.end(), wildcard + 2);
  sign::TypeSet types = types_at(encloser, decided);
  match_hash(zone, types, above, apex, Bounded::by_config);
  cover_hash(zone, next_closer, apex, Bounded::no);
  cover_hash(zone, {wildcard, above.size() + 2}, apex, Bounded::by_config);
}

void Secure::match_hash(uint32_t zone, sign::TypeSet& types, NameBytes name, size_t apex_offset,
                        Bounded bounded) {
  const sign::NameHash hash = sign::hash_for_nsec3(name);
  put_nsec3(zone, hash, sign::hash_behind(hash), types, apex_offset, bounded);
}

void Secure::cover_hash(uint32_t zone, NameBytes name, size_t apex_offset, Bounded bounded) {
  const sign::NameHash hash = sign::hash_for_nsec3(name);
  sign::TypeSet none;
  put_nsec3(zone, sign::hash_before(hash), sign::hash_behind(hash), none, apex_offset, bounded);
}

void Secure::put_nsec3(uint32_t zone, const sign::NameHash& from, const sign::NameHash& to,
                       sign::TypeSet& types, size_t apex_offset, Bounded bounded) {
  uint8_t owner_room[1 + sign::hash_label_size + name_size_max];
  ByteWriter owner(owner_room);
  sign::write_hash_label(owner, from);
  const NameBytes apex = view_.names->zone_name(zone);
  const size_t label_size = owner.size();
  owner.bytes(apex);
  uint8_t room[2 + 32 + sign::bitmap_size_max];
  ByteWriter data(room);
  data.u16(0);
  sign::write_nsec3_head(data, to);
  types.write(data);
  data.patch_u16(0, static_cast<uint16_t>(data.size() - 2));
  const uint32_t ttl = view_.names->negative_soa(zone).rrset(0).ttl();
  ByteWriter& out = reply_.body();
  const size_t owner_offset = out.size();
  out.bytes(owner.written().first(label_size));
  write_record_head(out, apex_offset, type::nsec3, ttl);
  out.bytes(data.written());  // its length leads
  reply_.count(Section::authority, 1);
  sign_now(Section::authority, zone, {owner.written(), type::nsec3, ttl, data.written()}, ttl, owner_offset,
           bounded);
}

void Secure::deny(uint32_t zone, sign::TypeSet& types, NameBytes owner, size_t offset, Bounded bounded) {
  types.add(type::rrsig);
  types.add(type::nsec);
  uint8_t room[2 + name_size_max + sign::bitmap_size_max];
  ByteWriter data(room);
  data.u16(0);
  sign::write_next_name(data, owner);
  types.write(data);
  const auto rdata_size = static_cast<uint16_t>(data.size() - 2);
  data.patch_u16(0, rdata_size);
  const uint32_t ttl = view_.names->negative_soa(zone).rrset(0).ttl();
  const Section section = answers_with_denial(zone) ? Section::answer : Section::authority;
  if (query_.type != type::rrsig) {
    ByteWriter& out = reply_.body();
    write_record_head(out, offset, type::nsec, ttl);
    out.bytes(data.written());  // its length leads
    reply_.count(section, 1);
  }
  sign_now(section, zone, {owner, type::nsec, ttl, data.written()}, ttl, offset, bounded);
}

void Secure::prove_delegation(const Node& cut, NameBytes owner, size_t offset) {
  RRset proof = cut.find(type::ds);
  if (!proof && view_.names->denials(cut.zone()) != nullptr) return carried_.deny_ds(cut, offset);
  if (!proof && hashes(cut.zone())) {
    sign::TypeSet types = types_at(cut, nullptr);
    return match_hash(cut.zone(), types, owner, apex_offset(cut.zone(), owner, offset), Bounded::by_config);
  }
  if (!proof) proof = cut.find(type::nsec);
  append(reply_.body(), proof, offset, owner.size());
  reply_.count(Section::authority, proof.records);
  sign(Section::authority, cut, proof, owner, offset);
}

}  // namespace popnet::dns
