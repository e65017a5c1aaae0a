// Zones that come signed by somebody else, and are served as they are: their signatures stand beside their sets (names.h),
// their NSEC or NSEC3 records are put in the order in which queries search them.
//
// A zone comes signed if its apex has signatures. It must then deny by NSEC3 records that fit its NSEC3PARAM, or else by
// NSEC records. Nothing is verified here: who checks signatures checks these.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dns/zone/names_builder.h"
#include "dns/zone/records.h"

namespace popnet::dns {

/// Servers may refuse zones whose names must be hashed oftener (RFC 9276 section 3.2).
inline constexpr unsigned hash_rounds_max = 150;

/// REQUIRES: records.sort() was called
bool comes_signed(const Records& records);

/// The signatures for `type` among an owner's RRSIG records, for the second head of a set that is shown with this TTL; empty
/// if there are none.
RenderedSet carried_signatures(NameBytes owner, std::span<const Record> rrsigs, uint16_t type, uint32_t ttl);

class CarriedDenials {
 public:
  /// `parameters`: the zone's NSEC3PARAM records. Returns what is wrong with them, and of which record; empty if nothing.
  std::string choose(std::span<const Record> parameters);
  [[nodiscard]] bool hashed() const { return denials_.hashed; }
  /// Is of the chain that is served: a zone may have others that are being made or taken away (RFC 5155 section 10.4).
  [[nodiscard]] bool serves(const Record& nsec3) const;

  void add_nsec(OwnerKey owner, NamesBuilder::NodeId node) { by_name_.emplace_back(owner, node); }
  void add_nsec3(const sign::NameHash& hash, NamesBuilder::NodeId node) {
    denials_.by_hash.push_back({hash, node});
  }
  /// What is missing, in words; empty if the zone can deny. REQUIRES: the owners' keys are still there
  std::string finish(OwnerKey apex, NamesBuilder& names, uint32_t zone);

 private:
  Denials denials_;
  std::vector<std::pair<OwnerKey, NamesBuilder::NodeId>> by_name_;
};

}  // namespace popnet::dns
