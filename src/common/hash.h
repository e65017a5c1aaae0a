// Hashing for tables and for placing clients on shares. Stable across processes, machines and versions: two
// POPs must place a client alike. Not for untrusted keys in unbounded tables unless seeded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace popnet {

/// Finaliser of MurmurHash3 (public domain, Austin Appleby): every input bit reaches every output bit.
constexpr uint64_t mix64(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  x ^= x >> 33;
  return x;
}

/// hash_bytes() in pieces, for code that has the words in hand anyway: mix64(hash_step(… hash_seed(size), word …)), the last
/// word filled up with zeros.
constexpr uint64_t hash_seed(size_t size, uint64_t seed = 0) {
  return seed ^ (size * 0x9e3779b97f4a7c15ULL);
}
constexpr uint64_t hash_step(uint64_t h, uint64_t word) {
  h = (h ^ word) * 0x9fb21c651e98df25ULL;
  return h ^ h >> 35;
}

/// Eight bytes a step, little-endian loads; the length is hashed too.
inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0) {
  uint64_t h = hash_seed(bytes.size(), seed);
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    h = hash_step(h, word);
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, p, left);
    h = hash_step(h, word);
  }
  return mix64(h);
}

/// Maps a hash to [0, 1).
constexpr double unit_interval(uint64_t hash) {
  return static_cast<double>(hash >> 11) * 0x1.0p-53;
}

}  // namespace popnet
