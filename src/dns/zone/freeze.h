// From the sorted records of one zone to its nodes: checks what a zone must be, finds empty non-terminals,
// delegations with their glue, wildcards and DNAMEs, renders every set.
//
// Refused: no SOA or more than one, no NS at the apex, SOA elsewhere, CNAME beside other data, two CNAMEs or
// DNAMEs, records below a DNAME, DNAME beside a delegation, delegated wildcards, delegations to a name below
// themselves without its address, DS where there is no delegation, addresses beside a decided hostname. Data at and below
// a delegation other than NS and DS is not ours: checked alike, but not served, except addresses as glue. A zone
// to be signed must not bring signatures or denials of its own; one that is not, and whose apex has signatures, is served
// with those it brings (carried.h).
#pragma once

#include <optional>

#include "dns/zone/names_builder.h"
#include "dns/zone/problems.h"
#include "dns/zone/records.h"
#include "dns/zone/sign_sets.h"

namespace popnet::dns {

/// How a zone is signed here.
struct Signing {
  uint32_t ttl_max = 0;         // of all records, as rolls of keys count on it
  SetSigner* signer = nullptr;  // null to check only whether it could be signed
};

/// `zone`: the index that names.add_zone() gave. `signing`: nothing if the zone is not signed here. REQUIRES:
/// records.sort() was called
void freeze_zone(const Records& records, uint32_t zone, NamesBuilder& names, Problems& problems,
                 const std::optional<Signing>& signing = std::nullopt);

}  // namespace popnet::dns
