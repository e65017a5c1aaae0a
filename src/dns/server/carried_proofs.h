// Proofs of zones that come signed: which of their own NSEC or NSEC3 records an answer has to carry (RFC 4035 section 3.1,
// RFC 5155 section 7.2). Every record once, however many proofs of one answer it serves. For queries with DO; no allocation.
//
// Names that are asked about are in lower case, and are in the zone; `offset` is where such a name stands in the reply.
#pragma once

#include <array>
#include <span>

#include "dns/wire/reply.h"
#include "dns/zone/names.h"

namespace popnet::dns {

class CarriedProofs {
 public:
  /// Both outlive this.
  CarriedProofs(const Names& names, Reply& reply) : names_(names), reply_(reply) {}

  /// That `name`, or the wildcard that makes it, has no records of the type asked for.
  void deny_type(const Node& node, NameBytes name, size_t offset);
  /// That there is no `name`, nor a wildcard for it. `encloser`: the longest name above it that there is.
  void deny_name(const Node& encloser, NameBytes name, size_t offset);
  /// That there is nothing nearer to `name` than the wildcard that has answered for it.
  void deny_nearer(const Node& wildcard, NameBytes name, size_t offset);
  /// That the delegation has no DS records. `offset`: of the cut's own name.
  void deny_ds(const Node& cut, size_t offset);

 private:
  static constexpr size_t remembered_max = 24;  // eight aliases, each with a record or two, and a denial

  struct Zone {
    const Denials& denials;
    NameBytes apex;
    size_t apex_offset;  // in the reply
  };
  [[nodiscard]] Zone zone_of(const Node& node, NameBytes name, size_t offset) const;
  void put_nsec_for(const Zone& zone, NameBytes name);
  bool put_if_matches(const Zone& zone, NameBytes name);
  void cover(const Zone& zone, NameBytes name);
  NameBytes prove_encloser(const Zone& zone, NameBytes encloser, NameBytes name);
  void put(const Zone& zone, const Node& denial, uint16_t type);
  void put_records(const Zone& zone, const RRset& set, NameBytes owner, size_t owner_offset);
  void put_owner(const Zone& zone, NameBytes owner);

  const Names& names_;
  Reply& reply_;
  std::array<const uint8_t*, remembered_max> put_;  // names of the nodes whose denials stand in the reply
  size_t put_count_ = 0;
};

}  // namespace popnet::dns
