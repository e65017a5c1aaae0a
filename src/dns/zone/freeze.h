// From the sorted records of one zone to its nodes: checks what a zone must be, finds empty non-terminals,
// delegations with their glue, wildcards and DNAMEs, renders every set.
//
// Refused: no SOA or more than one, no NS at the apex, SOA elsewhere, CNAME beside other data, two CNAMEs or
// DNAMEs, records below a DNAME, DNAME beside a delegation, delegated wildcards, delegations to a name below
// themselves without its address, addresses beside a decided hostname. Data at and below a delegation other
// than NS and DS is not ours: not served, except addresses as glue.
#pragma once

#include "dns/zone/names_builder.h"
#include "dns/zone/problems.h"
#include "dns/zone/records.h"

namespace popnet::dns {

/// `zone`: the index that names.add_zone() gave. REQUIRES: records.sort() was called
void freeze_zone(const Records& records, uint32_t zone, NamesBuilder& names, Problems& problems);

}  // namespace popnet::dns
