// SipHash-2-4 with a result of 128 bits (Aumasson and Bernstein 2012; the wide variant as in their reference
// code): a keyed hash that nobody without the key can make collide. For tables whose keys strangers choose.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace popnet::dns::sign {

struct Digest {
  uint64_t low = 0, high = 0;
  bool operator==(const Digest&) const = default;
};

class SipHash {
 public:
  explicit SipHash(Digest key)
      : v0_(0x736f6d6570736575 ^ key.low),
        v1_(0x646f72616e646f6d ^ key.high ^ 0xee),
        v2_(0x6c7967656e657261 ^ key.low),
        v3_(0x7465646279746573 ^ key.high) {}

  [[nodiscard]] Digest hash(std::span<const uint8_t> bytes) const {
    SipHash state = *this;
    size_t at = 0;
    for (; bytes.size() - at >= 8; at += 8) state.word(load(bytes.data() + at, 8));
    state.word(uint64_t{bytes.size()} << 56 | load(bytes.data() + at, bytes.size() - at));
    return state.finish();
  }

 private:
  static uint64_t load(const uint8_t* at, size_t size) {
    uint64_t value = 0;
    if (size != 0) std::memcpy(&value, at, size);
    return value;
  }
  void round() {
    v0_ += v1_, v1_ = std::rotl(v1_, 13), v1_ ^= v0_, v0_ = std::rotl(v0_, 32);
    v2_ += v3_, v3_ = std::rotl(v3_, 16), v3_ ^= v2_;
    v0_ += v3_, v3_ = std::rotl(v3_, 21), v3_ ^= v0_;
    v2_ += v1_, v1_ = std::rotl(v1_, 17), v1_ ^= v2_, v2_ = std::rotl(v2_, 32);
  }
  void word(uint64_t m) {
    v3_ ^= m;
    round(), round();
    v0_ ^= m;
  }
  Digest finish() {
    v2_ ^= 0xee;
    round(), round(), round(), round();
    const uint64_t low = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    round(), round(), round(), round();
    return {low, v0_ ^ v1_ ^ v2_ ^ v3_};
  }

  uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace popnet::dns::sign
