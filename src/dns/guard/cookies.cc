#include "dns/guard/cookies.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace popnet::dns {

namespace {

constexpr uint8_t cookie_version = 1;
constexpr size_t head_size = 8;  // version, three reserved bytes, time
constexpr size_t hash_size = 8;

uint8_t nibble(char c) {
  return static_cast<uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/// OpenSSL has no SipHash, or no memory, at the start of a thread.
[[noreturn]] void no_siphash() {
  std::fputs("popnet: this OpenSSL has no SipHash\n", stderr);
  std::abort();
}

CookieTime time_of(const ServerCookie& cookie) {
  return uint32_t{cookie[4]} << 24 | uint32_t{cookie[5]} << 16 | uint32_t{cookie[6]} << 8 | cookie[7];
}

}  // namespace

std::vector<CookieSecret> parse_cookie_secrets(const std::vector<std::string>& digits) {
  std::vector<CookieSecret> secrets;
  for (const std::string& text : digits) {
    CookieSecret& secret = secrets.emplace_back();
    for (size_t i = 0; i < secret.size() && 2 * i + 1 < text.size(); ++i)
      secret[i] = static_cast<uint8_t>(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
  }
  return secrets;
}

CookieSecret cookie_secret_from(uint64_t chance) {
  uint8_t input[24] = "popnet cookies ";
  std::memcpy(input + 16, &chance, sizeof chance);
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(input, sizeof input, digest);
  CookieSecret secret;
  std::memcpy(secret.data(), digest, secret.size());
  return secret;
}

void CookieMaker::Free::operator()(evp_mac_ctx_st* context) const {
  EVP_MAC_CTX_free(context);
}

CookieMaker::CookieMaker() {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  if (mac == nullptr) no_siphash();
  context_.reset(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);
  size_t size = hash_size;
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                               OSSL_PARAM_construct_end()};
  if (context_ == nullptr || EVP_MAC_CTX_set_params(context_.get(), params) != 1) no_siphash();
}

CookieMaker::~CookieMaker() = default;

void CookieMaker::seal(const CookieSecret& secret, std::span<const uint8_t> client_part,
                       const IpAddress& client, ServerCookie& cookie) {
  const auto address = client.bytes();
  EVP_MAC_CTX* context = context_.get();
  size_t written = 0;
  const bool fine = EVP_MAC_init(context, secret.data(), secret.size(), nullptr) == 1 &&
                    EVP_MAC_update(context, client_part.data(), client_cookie_size) == 1 &&
                    EVP_MAC_update(context, cookie.data(), head_size) == 1 &&
                    EVP_MAC_update(context, address.data(), address.size()) == 1 &&
                    EVP_MAC_final(context, cookie.data() + head_size, &written, hash_size) == 1;
  if (!fine || written != hash_size) no_siphash();
}

ServerCookie CookieMaker::make(const CookieSecret& secret, std::span<const uint8_t> client_part,
                               const IpAddress& client, CookieTime time) {
  ServerCookie cookie = {cookie_version,
                         0,
                         0,
                         0,
                         static_cast<uint8_t>(time >> 24),
                         static_cast<uint8_t>(time >> 16),
                         static_cast<uint8_t>(time >> 8),
                         static_cast<uint8_t>(time)};
  seal(secret, client_part, client, cookie);
  return cookie;
}

CookieMaker::Judged CookieMaker::judge(std::span<const CookieSecret> secrets, std::span<const uint8_t> cookie,
                                       const IpAddress& client, CookieTime now) {
  Judged judged;
  if (cookie.size() < client_cookie_size) return judged;
  const auto client_part = cookie.first(client_cookie_size);
  const auto server_part = cookie.subspan(client_cookie_size);
  judged.state = server_part.empty() ? CookieState::client_only : CookieState::wrong;
  if (server_part.size() == server_cookie_size && server_part[0] == cookie_version) {
    ServerCookie shown;
    std::memcpy(shown.data(), server_part.data(), shown.size());
    const auto age = static_cast<int32_t>(now - time_of(shown));
    if (age <= cookie_age_max && age >= -cookie_ahead_max) {
      for (size_t i = 0; i < secrets.size() && judged.state != CookieState::valid; ++i) {
        ServerCookie right = shown;  // its reserved bytes are hashed as they came (RFC 9018 section 4.2)
        seal(secrets[i], client_part, client, right);
        if (CRYPTO_memcmp(right.data(), shown.data(), shown.size()) != 0) continue;
        judged.state = CookieState::valid;
        judged.reply = shown;
        if (i == 0 && age < cookie_renewal_age) return judged;
      }
    }
  }
  judged.reply = make(secrets.front(), client_part, client, now);
  return judged;
}

}  // namespace popnet::dns
