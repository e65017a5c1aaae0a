#include "dns/server/carried_proofs.h"

#include <algorithm>
#include <cstring>

namespace popnet::dns {

namespace {

/// The name that is one label longer than `encloser`, on the way to `name`. REQUIRES: `name` is below it
NameBytes next_closer(NameBytes name, NameBytes encloser) {
  while (parent(name).size() > encloser.size()) name = parent(name);
  return name;
}

struct Wildcard {
  explicit Wildcard(NameBytes above) : size(above.size() + 2) {
    bytes[0] = 1;
    bytes[1] = '*';
    std::memcpy(bytes + 2, above.data(), above.size());
  }
  [[nodiscard]] NameBytes name() const { return {bytes, size}; }

  uint8_t bytes[name_size_max + 2];
  size_t size;
};

}  // namespace

CarriedProofs::Zone CarriedProofs::zone_of(const Node& node, NameBytes name, size_t offset) const {
  const NameBytes apex = names_.zone_name(node.zone());
  return {*names_.denials(node.zone()), apex, offset + name.size() - apex.size()};
}

/// Of a wildcard's name (RFC 4035 section 3.1.3.4, RFC 5155 section 7.2.5), of a name that has a denial, or of one that
/// has none: it is there only because of others below it, or opt-out has left it out (RFC 5155 section 7.2.4).
void CarriedProofs::deny_type(const Node& node, NameBytes name, size_t offset) {
  const Zone zone = zone_of(node, name, offset);
  const bool made = !std::ranges::equal(node.name(), name);
  if (!zone.denials.hashed) {
    put_nsec_for(zone, node.name());
    if (made) put_nsec_for(zone, name);
  } else if (made) {
    prove_encloser(zone, parent(node.name()), name);
    (void)put_if_matches(zone, node.name());
  } else if (!put_if_matches(zone, name) && name.size() > zone.apex.size()) {
    prove_encloser(zone, parent(name), name);
  }
}

/// RFC 4035 section 3.1.3.2, RFC 5155 section 7.2.2
void CarriedProofs::deny_name(const Node& encloser, NameBytes name, size_t offset) {
  const Zone zone = zone_of(encloser, name, offset);
  if (zone.denials.hashed) {
    const NameBytes proven = prove_encloser(zone, encloser.name(), name);
    cover(zone, Wildcard(proven).name());
  } else {
    put_nsec_for(zone, name);
    put_nsec_for(zone, Wildcard(encloser.name()).name());
  }
}

/// RFC 4035 section 3.1.3.3, RFC 5155 section 7.2.6
void CarriedProofs::deny_nearer(const Node& wildcard, NameBytes name, size_t offset) {
  const Zone zone = zone_of(wildcard, name, offset);
  if (zone.denials.hashed) {
    cover(zone, next_closer(name, parent(wildcard.name())));
  } else {
    put_nsec_for(zone, name);
  }
}

/// RFC 4035 section 3.1.4.1, RFC 5155 section 7.2.7
void CarriedProofs::deny_ds(const Node& cut, size_t offset) {
  const NameBytes name = cut.name();
  const Zone zone = zone_of(cut, name, offset);
  if (!zone.denials.hashed) {
    put_nsec_for(zone, name);
  } else if (!put_if_matches(zone, name)) {
    prove_encloser(zone, parent(name), name);
  }
}

/// The one at the name, or else the one that covers it.
void CarriedProofs::put_nsec_for(const Zone& zone, NameBytes name) {
  put(zone, names_.nsec_at_or_before(zone.denials, name), type::nsec);
}

bool CarriedProofs::put_if_matches(const Zone& zone, NameBytes name) {
  const Names::HashFound found = names_.nsec3_at_or_before(zone.denials, name);
  if (found.matches) put(zone, found.node, type::nsec3);
  return found.matches;
}

void CarriedProofs::cover(const Zone& zone, NameBytes name) {
  put(zone, names_.nsec3_at_or_before(zone.denials, name).node, type::nsec3);
}

/// The longest name above that has a record, which is `encloser` unless opt-out has left it out; and that the next one on
/// the way to `name` has none (RFC 5155 section 7.2.1). Returns that name: it is the one whose wildcard validators look for.
NameBytes CarriedProofs::prove_encloser(const Zone& zone, NameBytes encloser, NameBytes name) {
  while (!put_if_matches(zone, encloser) && encloser.size() > zone.apex.size()) encloser = parent(encloser);
  cover(zone, next_closer(name, encloser));
  return encloser;
}

void CarriedProofs::put(const Zone& zone, const Node& denial, uint16_t type) {
  const uint8_t* const mark = denial.name().data();
  const auto end = put_.begin() + put_count_;
  if (std::find(put_.begin(), end, mark) != end) return;
  if (put_count_ < put_.size()) put_[put_count_++] = mark;
  const RRset set = denial.find(type);
  const RRset signature = denial.signature(set);
  const NameBytes owner = denial.name().first(denial.name().size() - zone.apex.size());
  const size_t owner_offset = reply_.body().size();
  put_records(zone, set, owner, pointer_max + 1U);
  put_records(zone, signature, owner, owner_offset);
}

/// `owner`: its labels before the apex's. As rendered, its records begin with pointers to it and have no others, which are
/// written anew here: to `owner_offset`, if a pointer can name that.
void CarriedProofs::put_records(const Zone& zone, const RRset& set, NameBytes owner, size_t owner_offset) {
  const auto begin_of = [&](size_t record) {
    uint16_t at;
    std::memcpy(&at, set.pointers + 2 * record, sizeof at);
    return size_t{at};
  };
  for (size_t i = 0; i < set.records; ++i) {
    const size_t begin = begin_of(i) + 2;
    const size_t end = i + 1 < set.records ? begin_of(i + 1) : set.bytes.size();
    if (owner_offset <= pointer_max && !owner.empty()) {
      reply_.body().u16(static_cast<uint16_t>(pointer_mark | owner_offset));
    } else {
      put_owner(zone, owner);
    }
    reply_.body().bytes(set.bytes.subspan(begin, end - begin));
  }
  reply_.count(Section::authority, set.records);
}

void CarriedProofs::put_owner(const Zone& zone, NameBytes owner) {
  ByteWriter& out = reply_.body();
  out.bytes(owner);
  if (zone.apex_offset <= pointer_max) {
    out.u16(static_cast<uint16_t>(pointer_mark | zone.apex_offset));
  } else {
    out.bytes(zone.apex);
  }
}

}  // namespace popnet::dns
