// When keys come and go: a pure state machine over the times of a zone's keys (RFC 7583).
//   ZSK  pre-publication (section 3.2.1): the successor is in the DNSKEY set before it signs, the old one
//   stays until
//        its signatures have left all caches.
//   KSK  double signature (section 3.3.1): the successor signs the DNSKEY set beside the old one; when every
//   cache has CSK  it, CDS asks the parent for its DS; the old one goes when the parent has that DS and the
//   old DS has left all
//        caches. A CSK's successor signs everything beside the old one meanwhile.
// Every step waits for the longest time that old data may be cached, so it may be late but never early.
#pragma once

#include <vector>

#include "dns/sign/key.h"

namespace popnet::dns::sign {

/// All in seconds.
struct RollPolicy {
  Algorithm algorithm = Algorithm::ecdsa_p256;
  bool split = false;        ///< a KSK and a ZSK instead of one CSK
  Seconds ksk_lifetime = 0;  ///< of KSKs and CSKs; 0 = until asked for
  Seconds zsk_lifetime = 0;
  Seconds dnskey_ttl = 3600;
  Seconds zone_ttl_max = 86400;  ///< of all signed records
  Seconds ds_ttl = 86400;        ///< of the DS set at the parent
  Seconds propagation = 300;     ///< until all servers of the zone answer alike
};

struct NewKey {
  Role role;
  Times times;
};
struct RollStep {
  std::vector<KeyState> keys;     ///< as given, with times filled in; those to be removed are gone
  std::vector<KeyState> removed;  ///< no longer in the zone
  std::vector<NewKey> wanted;     ///< to be made
  Seconds next = 0;  ///< when the keys in use change next, or roll() has something to do; 0 = never
};

/// REQUIRES: now > 0
RollStep roll(std::vector<KeyState> keys, const RollPolicy& policy, Seconds now);

}  // namespace popnet::dns::sign
