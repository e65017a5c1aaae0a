#include "dns/guard/rate_limit.h"

#include <algorithm>
#include <chrono>

#include "common/hash.h"

namespace popnet::dns {

namespace {

constexpr uint32_t full_after_ms = 1000;  // a bucket holds one second's answers

uint32_t to_ms_wrapping(TimePoint now) {
  return static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

/// The network of a client as one number: the address' upper bits.
uint64_t network_hash(const model::RateLimit& limit, const IpAddress& client) {
  return Prefix(client, client.is_v4() ? limit.ipv4_prefix : limit.ipv6_prefix).hash();
}

}  // namespace

RateLimiter::RateLimiter(size_t sets) : mask_(sets - 1), sets_(std::make_unique<Set[]>(sets)) {}

RateLimiter::Ruling RateLimiter::rule(const model::RateLimit& limit, const IpAddress& client, AnswerKind kind,
                                      uint64_t about, TimePoint now) {
  for (const Prefix& prefix : limit.exempt)
    if (prefix.contains(client)) return Ruling::send;
  uint64_t hash = network_hash(limit, client) ^ mix64(about + static_cast<uint64_t>(kind));
  hash = mix64(hash) | 1;  // 0 means free
  Bucket& bucket = find(hash, to_ms_wrapping(now), limit);
  if (bucket.balance > 0) {
    --bucket.balance;
    return Ruling::send;
  }
  if (limit.slip == 0) return Ruling::drop;
  return ++bucket.over % limit.slip == 0 ? Ruling::slip : Ruling::drop;
}

/// The bucket of that hash, refilled up to now.
RateLimiter::Bucket& RateLimiter::find(uint64_t hash, uint32_t now_ms, const model::RateLimit& limit) {
  const auto rate = static_cast<uint32_t>(limit.per_second);
  Set& set = sets_[hash >> 16 & mask_];
  Bucket* fullest = nullptr;
  uint32_t most = 0;
  for (Bucket& bucket : set.buckets) {
    if (bucket.tag == hash) {
      const uint32_t elapsed = std::min(now_ms - bucket.time_ms, full_after_ms);
      const uint32_t earned = static_cast<uint32_t>(uint64_t{elapsed} * rate / 1000);
      if (earned > 0) {  // what is not yet a whole answer stays in the time
        bucket.time_ms = elapsed == full_after_ms
                             ? now_ms
                             : bucket.time_ms + static_cast<uint32_t>(uint64_t{earned} * 1000 / rate);
        bucket.balance = static_cast<uint16_t>(std::min(rate, bucket.balance + earned));
      }
      return bucket;
    }
    const uint32_t idle = bucket.tag == 0 ? UINT32_MAX : now_ms - bucket.time_ms;
    const uint32_t fill = idle >= full_after_ms
                              ? UINT32_MAX
                              : bucket.balance + static_cast<uint32_t>(uint64_t{idle} * rate / 1000);
    if (fullest == nullptr || fill > most) fullest = &bucket, most = fill;
  }
  *fullest = {hash, now_ms, static_cast<uint16_t>(rate), 0};
  return *fullest;
}

}  // namespace popnet::dns
