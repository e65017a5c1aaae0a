#include "dns/sign/secret.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace popnet::dns::sign {

namespace {

template <auto free_it>
struct Free {
  template <class T>
  void operator()(T* t) const {
    free_it(t);
  }
};
template <class T, auto free_it>
using Owned = std::unique_ptr<T, Free<free_it>>;

using Context = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Digester = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using Number = Owned<BIGNUM, BN_clear_free>;

constexpr const char* curve = "P-256";
constexpr size_t half = signature_size / 2;  // of an ECDSA signature and of a point
constexpr size_t der_size_max = 80;

std::shared_ptr<EVP_PKEY> own(EVP_PKEY* key) {
  return {key, EVP_PKEY_free};
}

/// The point that belongs to the private number, uncompressed (SEC 1 section 2.3.3); empty on failure.
std::vector<uint8_t> point_of(const BIGNUM* secret) {
  const Owned<EC_GROUP, EC_GROUP_free> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  if (group == nullptr) return {};
  const Owned<EC_POINT, EC_POINT_free> point(EC_POINT_new(group.get()));
  std::vector<uint8_t> bytes(1 + 2 * half);
  if (point == nullptr || EC_POINT_mul(group.get(), point.get(), secret, nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, bytes.data(), bytes.size(),
                         nullptr) != bytes.size())
    return {};
  return bytes;
}

EVP_PKEY* ecdsa_from(std::span<const uint8_t> bytes) {
  const Number secret(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  if (secret == nullptr || BN_is_zero(secret.get())) return nullptr;
  const auto point = point_of(secret.get());
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
  if (point.empty() || build == nullptr) return nullptr;
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get());
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(build.get()));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1)
    return nullptr;
  return key;
}

/// OpenSSL writes ECDSA signatures as DER, DNSSEC as two numbers of 32 bytes (RFC 6605 section 4).
bool unpack_der(const uint8_t* der, size_t size, SignatureBytes& signature) {
  const Owned<ECDSA_SIG, ECDSA_SIG_free> numbers(d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size)));
  return numbers != nullptr &&
         BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), signature.data(), half) == half &&
         BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), signature.data() + half, half) == half;
}

}  // namespace

Secret::Secret(Algorithm algorithm, std::shared_ptr<EVP_PKEY> key)
    : algorithm_(algorithm), key_(std::move(key)) {
  if (algorithm == Algorithm::ed25519) {
    size_t size = 32;
    public_.resize(size);
    EVP_PKEY_get_raw_public_key(key_.get(), public_.data(), &size);
  } else {
    const auto bytes = private_bytes();
    const Number secret(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
    public_ = point_of(secret.get());
    public_.erase(public_.begin());  // what kind of point it is
  }
}

Result<Secret> Secret::generate(Algorithm algorithm) {
  EVP_PKEY* key = algorithm == Algorithm::ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                                  : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve);
  if (key == nullptr) return Error{ErrorCode::machine, "OpenSSL cannot make a key"};
  return Secret(algorithm, own(key));
}

Result<Secret> Secret::from_bytes(Algorithm algorithm, std::span<const uint8_t> bytes) {
  if (bytes.size() != secret_size)
    return Error{ErrorCode::invalid, "a private key of this algorithm has 32 bytes"};
  EVP_PKEY* key = algorithm == Algorithm::ed25519
                      ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size())
                      : ecdsa_from(bytes);
  if (key == nullptr) return Error{ErrorCode::invalid, "this is no private key of its algorithm"};
  return Secret(algorithm, own(key));
}

std::vector<uint8_t> Secret::private_bytes() const {
  std::vector<uint8_t> bytes(secret_size);
  if (algorithm_ == Algorithm::ed25519) {
    size_t size = bytes.size();
    EVP_PKEY_get_raw_private_key(key_.get(), bytes.data(), &size);
  } else {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number);
    BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size()));
    BN_clear_free(number);
  }
  return bytes;
}

bool Secret::sign(std::span<const uint8_t> input, SignatureBytes& signature) const {
  const Digester digester(EVP_MD_CTX_new());
  const bool ed25519 = algorithm_ == Algorithm::ed25519;
  if (digester == nullptr ||
      EVP_DigestSignInit(digester.get(), nullptr, ed25519 ? nullptr : EVP_sha256(), nullptr, key_.get()) != 1)
    return false;
  if (ed25519) {
    size_t size = signature.size();
    return EVP_DigestSign(digester.get(), signature.data(), &size, input.data(), input.size()) == 1;
  }
  uint8_t der[der_size_max];
  size_t size = sizeof der;
  return EVP_DigestSign(digester.get(), der, &size, input.data(), input.size()) == 1 &&
         unpack_der(der, size, signature);
}

std::array<uint8_t, 32> sha256(std::span<const uint8_t> bytes) {
  std::array<uint8_t, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

// Without random numbers there are no keys and no signatures: nothing can go on.
void fill_random(std::span<uint8_t> bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) std::abort();
}

}  // namespace popnet::dns::sign
