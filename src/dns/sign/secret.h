// A private key of DNSSEC and the signatures it makes: ECDSA P-256 (RFC 6605) and Ed25519 (RFC 8080), by
// OpenSSL. Both have signatures of 64 bytes. Immutable; any number of threads may sign with one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/result.h"

struct evp_pkey_st;

namespace popnet::dns::sign {

/// Numbers of the IANA registry "DNS Security Algorithm Numbers".
enum class Algorithm : uint8_t { ecdsa_p256 = 13, ed25519 = 15 };

inline constexpr size_t signature_size = 64;
inline constexpr size_t secret_size = 32;  // of the private part, for both algorithms
using SignatureBytes = std::array<uint8_t, signature_size>;

class Secret {
 public:
  /// ErrorCode::machine if OpenSSL has no random numbers.
  static Result<Secret> generate(Algorithm algorithm);
  /// From the private part as key files have it. ErrorCode::invalid.
  static Result<Secret> from_bytes(Algorithm algorithm, std::span<const uint8_t> bytes);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] std::vector<uint8_t> private_bytes() const;
  /// As DNSKEY records have it: x and y (RFC 6605 section 4), or 32 bytes (RFC 8080 section 3).
  [[nodiscard]] const std::vector<uint8_t>& public_bytes() const { return public_; }
  /// False if OpenSSL fails: lack of memory.
  [[nodiscard]] bool sign(std::span<const uint8_t> input, SignatureBytes& signature) const;

 private:
  Secret(Algorithm algorithm, std::shared_ptr<evp_pkey_st> key);

  Algorithm algorithm_;
  std::shared_ptr<evp_pkey_st> key_;
  std::vector<uint8_t> public_;
};

/// SHA-256, for DS records (RFC 4509).
std::array<uint8_t, 32> sha256(std::span<const uint8_t> bytes);
/// Random bytes that nobody can guess.
void fill_random(std::span<uint8_t> bytes);

}  // namespace popnet::dns::sign
