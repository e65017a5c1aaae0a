// Response rate limiting (the idea of Vixie and Schryver, "DNS Response Rate Limiting", 2012): bounds how
// many like answers one client network gets each second, so that a spoofed source cannot make us flood its
// true owner. Like answers are those to one network, of one kind, and about one thing: the name for a
// positive answer, the zone for everything that random names can bring (NXDOMAIN, NODATA, referrals,
// wildcards), nothing for errors.
//
//   bucket: balance of answers, refilled at the rate, full after one second; 16 bytes, 4 in a cache line
//   set:    4 buckets, found by the hash; a new one takes the place of the fullest: that one is closest to
//           being no different from a bucket that is not there
//
// Each thread has a table of its own, so nothing is shared; memory is fixed. A network's queries may arrive
// at several threads: the limit holds for each of them. Collisions of 48 hash bits join two networks.
//
// Pure: time is an argument. Belongs to one thread; allocates only in its constructor.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "common/ip.h"
#include "common/time.h"
#include "model/dns_options.h"

namespace popnet::dns {

enum class AnswerKind : uint8_t { answer, wildcard, nodata, nxdomain, referral, error };

class RateLimiter {
 public:
  enum class Ruling : uint8_t {
    send,
    slip,  ///< send it truncated: a true resolver asks again over TCP, and nobody is flooded
    drop,
  };

  /// `sets`: a power of two; four buckets each.
  explicit RateLimiter(size_t sets = 1 << 12);

  /// `about`: a hash of what the answer is about. REQUIRES: limit.per_second > 0
  Ruling rule(const model::RateLimit& limit, const IpAddress& client, AnswerKind kind, uint64_t about,
              TimePoint now);

 private:
  struct Bucket {
    uint64_t tag = 0;      // 0: free
    uint32_t time_ms = 0;  // of the balance, modulo 2^32
    uint16_t balance = 0;  // answers left
    uint16_t over = 0;     // answers over the limit, for the slip
  };
  struct alignas(64) Set {
    Bucket buckets[4];
  };

  Bucket& find(uint64_t hash, uint32_t now_ms, const model::RateLimit& limit);

  size_t mask_;
  std::unique_ptr<Set[]> sets_;
};

}  // namespace popnet::dns
