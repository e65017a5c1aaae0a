// A zone that popnet signs, as others can serve it: what answers get query by query is made for all names ahead of time. All authoritative
// sets have their RRSIG records, and the names a whole chain of NSEC records (RFC 4035 section 2, RFC 4034 section 4) or NSEC3
// records (RFC 5155 section 7.1; no opt-out, so unsigned delegations are in it, as are empty non-terminals). What lies below
// a delegation or a DNAME, NS records of delegations and glue go along as they are, and are in no chain.
//
// The copy stands for itself: where another zone of ours begins without being delegated there is nothing to see of it.
//
// Blocking: one signature for each set and name that the store does not have. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "dns/sign/signer.h"
#include "dns/zone/records.h"

namespace popnet::dns {

/// A name whose addresses are decided: these, and its place in the chain, are signed when they are sent.
struct DecidedOwner {
  Name name;
  Name denial;                  // owner of its NSEC or NSEC3 record
  std::vector<uint8_t> head;    // of that record's data, before the bit maps
  std::vector<uint16_t> types;  // that it has anyway, without those of signing
  uint32_t denial_ttl = 0;
};

struct SignedCopy {
  Records records;  // sorted; none that marks names
  std::vector<DecidedOwner> decided;
};

/// `records`: sorted, checked by freeze_zone(), with keys and, for NSEC3, its parameters. `with_decided`: decided names are in the
/// zone.
SignedCopy sign_copy(const Records& records, const sign::ZoneSigner& signer, sign::SignatureStore& store,
                     sign::Seconds now, bool with_decided);

/// The data of the NSEC or NSEC3 record at a name that has `types`.
std::vector<uint8_t> denial_data(const std::vector<uint8_t>& head, const std::vector<uint16_t>& types,
                                 model::Denial denial, bool has_signatures);

}  // namespace popnet::dns
