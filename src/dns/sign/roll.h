// When keys come and go: a pure state machine over the times of a zone's keys (RFC 7583, RFC 6781).
//   ZSK  pre-publication (RFC 7583 section 3.2.1): the successor is in the DNSKEY set before it signs, the old
//        one stays until its signatures have left all caches.
//   KSK  double signature (RFC 7583 section 3.3.1): the successor signs the DNSKEY set beside the old one; when
//        every cache has it, CDS asks the parent for its DS; the old one goes when the parent has that DS and
//        the old DS has left all caches.
//   CSK  as a KSK; meanwhile both sign everything.
// Whatever the parent's DS leads to signs everything (RFC 4035 section 2.2: with each algorithm of the DNSKEY
// set), so a new algorithm, or one key in place of two, is no matter of a single key: a whole set of new keys
// signs beside the old set, and all of the old one goes when the parent has the new DS and the old DS has left
// all caches. With a new algorithm signatures come before their keys and go after them, as caches may mix old
// and new (RFC 6781 section 4.1.4, the conservative way). An algorithm changes only when a roll is asked for or
// roles change; keys that roll by age keep theirs, and a ZSK has that of its KSK.
// Only one change that the parent takes part in goes on at a time; it ends before another begins.
// Every step waits for the longest time that old data may be cached, so it may be late but never early.
#pragma once

#include <vector>

#include "dns/sign/key.h"

namespace popnet::dns::sign {

/// All in seconds.
struct RollPolicy {
  Algorithm algorithm = Algorithm::ecdsa_p256;  ///< of the next whole set of keys
  bool split = false;                           ///< a KSK and a ZSK instead of one CSK
  Seconds ksk_lifetime = 0;                     ///< of KSKs and CSKs; 0 = until asked for
  Seconds zsk_lifetime = 0;
  Seconds dnskey_ttl = 3600;
  Seconds zone_ttl_max = 86400;  ///< of all signed records
  Seconds ds_ttl = 86400;        ///< of the DS set at the parent
  Seconds propagation = 300;     ///< until all servers of the zone answer alike
};

struct NewKey {
  Role role;
  Algorithm algorithm;
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
