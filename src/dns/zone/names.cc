#include "dns/zone/names.h"

#include <algorithm>

#include "dns/wire/protocol.h"

namespace popnet::dns {

void append(ByteWriter& out, const RRset& set, size_t owner_offset, size_t owner_size) {
  const size_t rendered_at = question_offset + set.owner_size + 4U;
  const size_t start = out.size();
  out.bytes(set.bytes);
  const bool in_place =
      owner_offset == question_offset && owner_size == set.owner_size && start == rendered_at;
  if (in_place || !out.ok()) return;
  for (size_t i = 0; i < set.pointer_count; ++i) {
    uint16_t position;
    std::memcpy(&position, set.pointers + 2 * i, 2);
    const uint8_t* pointer = set.bytes.data() + position;
    size_t target = (pointer[0] << 8 | pointer[1]) & pointer_max;
    if (target == question_offset) {
      target = owner_offset;  // the owner as a whole
    } else if (target < rendered_at) {
      target = owner_offset + (target - question_offset) + owner_size - set.owner_size;  // a tail of it
    } else {
      target = start + (target - rendered_at);  // a name among these records
    }
    if (target > pointer_max)
      return out.patch_u16(out.size(), 0);  // which fails: aliases of great names before it
    out.patch_u16(start + position, static_cast<uint16_t>(pointer_mark | target));
  }
}

uint32_t Names::find_exact(NameBytes name, uint64_t hash) const {
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
    const Slot& slot = slots_[i];
    if (slot.node == none) return none;
    if (slot.tag != tag) continue;
    const NameBytes here = Node(at(slot.node)).name();
    if (here.size() == name.size() && std::memcmp(here.data(), name.data(), name.size()) == 0)
      return slot.node;
  }
}

Match Names::find(const Name& name) const {
  const uint32_t found = find_exact(name.bytes(), name.hash());
  if (found == none) return find_above(name.bytes(), name.labels());
  const Node node(at(found));
  return {node.has(Node::cut) ? MatchKind::delegation : MatchKind::exact, 0, node};
}

// Climbs from the longest ancestor that any of our names could equal. The first hit is the closest encloser.
Match Names::find_above(NameBytes name, size_t labels) const {
  NameBytes above = name;
  while (!is_root(above)) {
    above = parent(above);
    if (--labels > labels_max_) continue;
    const uint32_t found = find_exact(above, hash_name(above));
    if (found == none) continue;
    const auto stripped = static_cast<uint8_t>(name.size() - above.size());
    const Node node(at(found));
    if (node.has(Node::cut)) return {MatchKind::delegation, stripped, node};
    if (node.has(Node::has_dname)) return {MatchKind::dname, stripped, node};
    if (!node.has(Node::has_wildcard)) return {MatchKind::missing, stripped, node};
    uint8_t wildcard[name_size_max] = {1, '*'};
    std::memcpy(wildcard + 2, above.data(), above.size());
    const NameBytes wild(wildcard, above.size() + 2);
    return {MatchKind::wildcard, stripped, Node(at(find_exact(wild, hash_name(wild))))};
  }
  return {};
}

Node Names::nsec_at_or_before(const Denials& denials, NameBytes name) const {
  const auto comes_before = [this](NameBytes sought, uint32_t node) {
    return compare_canonical(sought, Node(at(node)).name()) < 0;
  };
  const auto behind = std::upper_bound(denials.by_name.begin(), denials.by_name.end(), name, comes_before);
  return Node(at(behind == denials.by_name.begin() ? denials.by_name.back() : behind[-1]));
}

Names::HashFound Names::nsec3_at_or_before(const Denials& denials, NameBytes name) const {
  const sign::NameHash hash = sign::hash_for_nsec3(name, denials.rounds, denials.salt);
  const auto behind = std::upper_bound(
      denials.by_hash.begin(), denials.by_hash.end(), hash,
      [](const sign::NameHash& sought, const Denials::Hashed& entry) { return sought < entry.hash; });
  const Denials::Hashed& found = behind == denials.by_hash.begin() ? denials.by_hash.back() : behind[-1];
  return {Node(at(found.node)), found.hash == hash};
}

bool Names::parent_side(uint32_t zone, Node& node) const {
  const uint32_t side = zones_[zone].parent_side;
  if (side != none) node = Node(at(side));
  return side != none;
}

}  // namespace popnet::dns
