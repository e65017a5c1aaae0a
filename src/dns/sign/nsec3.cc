#define OPENSSL_SUPPRESS_DEPRECATED  // what has taken their place allocates three times for a hash
#include "dns/sign/nsec3.h"

#include <openssl/sha.h>

#include <cstring>

namespace popnet::dns::sign {

namespace {

constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";

}  // namespace

/// RFC 5155 section 5
NameHash hash_for_nsec3(NameBytes name, unsigned rounds, std::span<const uint8_t> salt) {
  NameHash hash;
  const auto round = [&](std::span<const uint8_t> bytes) {
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, bytes.data(), bytes.size());
    SHA1_Update(&context, salt.data(), salt.size());
    SHA1_Final(hash.data(), &context);
  };
  round(name);
  for (; rounds > 0; --rounds) round(hash);
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
  out.u8(hash_label_size);
  for (size_t bit = 0; bit < hash.size() * 8; bit += 5) {
    const size_t byte = bit / 8;
    const unsigned two =
        static_cast<unsigned>(hash[byte] << 8) | (byte + 1 < hash.size() ? hash[byte + 1] : 0U);
    out.u8(static_cast<uint8_t>(digits[two >> (11 - bit % 8) & 31]));
  }
}

std::optional<NameHash> read_hash_label(NameBytes name) {
  if (name[0] != hash_label_size) return std::nullopt;
  NameHash hash{};
  for (size_t i = 0; i < hash_label_size; ++i) {
    const void* digit = std::memchr(digits, name[1 + i], sizeof digits - 1);
    if (digit == nullptr) return std::nullopt;
    const auto value = static_cast<unsigned>(static_cast<const char*>(digit) - digits);
    const size_t bit = i * 5, byte = bit / 8;
    const unsigned two = value << (11 - bit % 8);
    hash[byte] = static_cast<uint8_t>(hash[byte] | two >> 8);
    if (byte + 1 < hash.size()) hash[byte + 1] = static_cast<uint8_t>(two & 0xff);
  }
  return hash;
}

void write_nsec3_head(ByteWriter& out, const NameHash& next) {
  out.bytes(nsec3_parameters);
  out.u8(static_cast<uint8_t>(next.size()));
  out.bytes(next);
}

}  // namespace popnet::dns::sign
