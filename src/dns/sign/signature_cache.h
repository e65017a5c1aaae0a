// Signatures made query by query, kept for the next query: a table of fixed size, shared by all threads, read
// and written without locks. Each entry is guarded by a sequence number (Boehm 2012, "Can Seqlocks Get Along
// With Programming Language Memory Models?"): a reader that meets a writer takes it as a miss, a writer that
// meets another leaves its signature out.
//
// Keys are digests of what was signed, under a secret of this process: nobody outside can make two of them
// alike.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "dns/sign/secret.h"
#include "dns/sign/siphash.h"

namespace popnet::dns::sign {

struct Signature {
  uint32_t inception = 0, expiration = 0;  // seconds since 1970
  SignatureBytes bytes{};
};

class SignatureCache {
 public:
  /// Rounded up to a power of two. 96 bytes each.
  explicit SignatureCache(size_t entries);

  [[nodiscard]] bool find(const Digest& digest, Signature& found) const;
  void put(const Digest& digest, const Signature& signature);
  [[nodiscard]] size_t memory() const { return entries_.size() * sizeof(Entry); }

 private:
  static constexpr size_t ways = 4;  // places where a digest may stand
  static constexpr size_t words = 11;
  struct Entry {
    std::atomic<uint64_t> sequence{0};  // odd while it is written
    std::atomic<uint64_t> word[words];  // digest, times, signature
  };

  [[nodiscard]] size_t set_of(const Digest& digest) const { return (digest.low & mask_) * ways; }

  std::vector<Entry> entries_;
  size_t mask_;
};

}  // namespace popnet::dns::sign
