#include "dns/sign/nsec3.h"

#include <openssl/sha.h>

namespace popnet::dns::sign {

NameHash hash_for_nsec3(NameBytes name) {
  NameHash hash;
  SHA1(name.data(), name.size(), hash.data());
  return hash;
}

NameHash hash_before(NameHash hash) {
  for (size_t i = hash.size(); i-- > 0;)
    if (hash[i]-- != 0) break;
  return hash;
}

NameHash hash_behind(NameHash hash) {
  for (size_t i = hash.size(); i-- > 0;)
    if (++hash[i] != 0) break;
  return hash;
}

void write_hash_label(ByteWriter& out, const NameHash& hash) {
  static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";
  out.u8(hash_label_size);
  for (size_t bit = 0; bit < hash.size() * 8; bit += 5) {
    const size_t byte = bit / 8;
    const unsigned two =
        static_cast<unsigned>(hash[byte] << 8) | (byte + 1 < hash.size() ? hash[byte + 1] : 0U);
    out.u8(static_cast<uint8_t>(digits[two >> (11 - bit % 8) & 31]));
  }
}

void write_nsec3_head(ByteWriter& out, const NameHash& next) {
  out.bytes(nsec3_parameters);
  out.u8(static_cast<uint8_t>(next.size()));
  out.bytes(next);
}

}  // namespace popnet::dns::sign
