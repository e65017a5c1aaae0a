// Signs the RRsets of one zone with the keys that are active: when the zone is loaded (any number, kept in a
// SignatureStore from one load to the next), and query by query (a SignatureCache of fixed size, a Budget
// each second).
//
// Signatures are valid from the begin of an hour, one hour back, so that nodes whose clocks differ a little
// agree. How long they last varies with the content by up to a tenth, so that they do not all end at once.
// They are made anew when less than half of their time is left.
#pragma once

#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

#include "common/time.h"
#include "dns/sign/canonical.h"
#include "dns/sign/key.h"
#include "dns/sign/signature_cache.h"
#include "model/config.h"

namespace popnet::dns::sign {

/// How many signatures may still be made: so many each second, at most a second's worth saved up.
class Budget {
 public:
  explicit Budget(uint32_t per_second) : per_second_(per_second), left_(per_second) {}
  /// Any thread. False if there is none left.
  bool take() {
    return left_.load(std::memory_order_relaxed) > 0 && left_.fetch_sub(1, std::memory_order_relaxed) > 0;
  }
  /// Several times a second. One thread at a time.
  void refill(WallTime now);

 private:
  const int64_t per_second_;
  std::atomic<int64_t> left_;
  WallTime last_{};
};

/// What signing query by query needs beside the keys; shared by all zones and threads.
struct Online {
  /// `per_second`: each of the budgets.
  explicit Online(uint32_t per_second, size_t answers_kept = 1 << 16, size_t random_kept = 1 << 14);

  /// See Budget::refill().
  void refill(WallTime now) {
    for (Budget* budget : {&for_answers, &for_random, &for_answers_tcp, &for_random_tcp}) budget->refill(now);
  }

  SipHash hash;
  /// Contents that the config bounds (decided names; some addresses of many can be very many, too) and contents that
  /// strangers choose by the names they ask for (wildcards, denials): kept apart, so that these cannot push out those.
  SignatureCache answers, random;
  Budget for_answers, for_random;
  /// Of their own, for those who come over TCP, where nobody can pretend to be another.
  Budget for_answers_tcp, for_random_tcp;
  std::atomic<uint64_t> made{0}, refused{0};
};

/// Signatures made when zones were loaded. One thread at a time.
class SignatureStore {
 public:
  SignatureStore();
  [[nodiscard]] const SipHash& hash() const { return hash_; }
  const Signature* find(const Digest& digest);
  const Signature& put(const Digest& digest, const Signature& signature);
  /// Forgets what was neither found nor put since the last call.
  void drop_unused();
  [[nodiscard]] size_t size() const { return signatures_.size(); }

 private:
  struct Kept {
    Signature signature;
    bool used;
  };
  struct Low {
    size_t operator()(const Digest& d) const { return d.low; }
  };
  SipHash hash_;
  std::unordered_map<Digest, Kept, Low> signatures_;
};

class ZoneSigner {
 public:
  /// `keys`: all of the zone. `validity`: of signatures, in seconds.
  ZoneSigner(const Name& apex, std::vector<Key> keys, Seconds now, Seconds validity, uint32_t dnskey_ttl,
             model::Denial denial = model::Denial::compact);

  [[nodiscard]] const Name& apex() const { return apex_; }
  [[nodiscard]] uint32_t dnskey_ttl() const { return dnskey_ttl_; }
  [[nodiscard]] Seconds validity() const { return validity_; }
  [[nodiscard]] model::Denial denial() const { return denial_; }
  /// Keys whose DNSKEY is in the zone.
  [[nodiscard]] const std::vector<Key>& published() const { return published_; }
  /// Keys whose DS the parent is asked for (RFC 7344 section 4).
  [[nodiscard]] const std::vector<Key>& synced() const { return synced_; }
  /// The parent is asked to remove all DS records instead (RFC 8078 section 4).
  [[nodiscard]] bool wants_no_ds() const { return wants_no_ds_; }
  /// Those that sign sets of that type.
  [[nodiscard]] const std::vector<Key>& signing(uint16_t type) const;

  /// RDATA of an RRSIG record for each key that signs this type; fewer if OpenSSL fails.
  std::vector<std::vector<uint8_t>> sign(const Content& content, Seconds now, SignatureStore& store) const;

  /// Where a signature comes from if it is not in the cache.
  struct Sources {
    SignatureCache& cache;
    Budget* budget;  // null: none is needed
  };
  /// Writes complete RRSIG records, their owner as a pointer to `owner_offset` if a pointer can name that, with the TTL `ttl`.
  /// How many; 0 if the budget is used up.
  size_t write_online(ByteWriter& out, const Content& content, uint32_t ttl, size_t owner_offset, Seconds now,
                      Online& online, const Sources& sources) const;

 private:
  [[nodiscard]] static Digest digest(const SipHash& hash, const Key& key, const Content& content);
  [[nodiscard]] bool still_good(const Signature& signature, Seconds now) const;
  [[nodiscard]] bool make(const Key& key, const Content& content, uint64_t spread, Seconds now,
                          Signature& signature) const;
  [[nodiscard]] SignatureHead head(const Key& key, const Content& content, const Signature& times) const;

  const Name apex_;
  const Seconds validity_;
  const uint32_t dnskey_ttl_;
  const model::Denial denial_;
  std::vector<Key> published_, synced_;
  std::vector<Key> entry_, sync_, zone_;  // those that sign the DNSKEY set; CDS and CDNSKEY; all else
  bool wants_no_ds_ = false;
};

}  // namespace popnet::dns::sign
