// DNS cookies (RFC 7873) in the form that servers of different make share (RFC 9018): the server part is
// version, time and SipHash-2-4 over client part, version, time and address. Who shows one got an earlier
// reply of ours at that address.
//
//   secrets, first one makes ──> CookieKeys (immutable, shared) ──> CookieMaker (one a thread) ──> 16 bytes
//
// Time is an argument. A CookieMaker keeps the contexts of OpenSSL's SipHash, so that a query allocates
// nothing; it belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ip.h"
#include "dns/wire/protocol.h"

struct evp_mac_ctx_st;

namespace popnet::dns {

using CookieSecret = std::array<uint8_t, 16>;
using ServerCookie = std::array<uint8_t, server_cookie_size>;

/// Seconds since 1970, modulo 2^32 (RFC 9018 section 4.3: serial number arithmetic).
using CookieTime = uint32_t;

inline constexpr int32_t cookie_age_max = 3600;      // seconds; RFC 9018 section 4.3
inline constexpr int32_t cookie_ahead_max = 300;     // clocks of servers differ
inline constexpr int32_t cookie_renewal_age = 1800;  // from then on the answer brings a new one
inline constexpr size_t cookie_secrets_max = 4;

/// 32 hexadecimal digits each, as the config checks them. REQUIRES: at most cookie_secrets_max
std::vector<CookieSecret> parse_cookie_secrets(const std::vector<std::string>& digits);
/// A secret from chance that only this process has.
CookieSecret cookie_secret_from(uint64_t chance);

enum class CookieState : uint8_t {
  none,         ///< the query brought no cookie
  client_only,  ///< a client's part alone
  wrong,        ///< a server part that is not ours, too old, or another's
  valid,
};

class CookieMaker {
 public:
  CookieMaker();
  ~CookieMaker();
  CookieMaker(const CookieMaker&) = delete;
  CookieMaker& operator=(const CookieMaker&) = delete;

  struct Judged {
    CookieState state = CookieState::none;
    ServerCookie reply = {};  // for the reply, unless the state is none
  };
  /// `cookie`: the option's data, empty if there was none. REQUIRES: secrets is not empty; the size is 0, 8
  /// or 16 to 40
  Judged judge(std::span<const CookieSecret> secrets, std::span<const uint8_t> cookie,
               const IpAddress& client, CookieTime now);

 private:
  ServerCookie make(const CookieSecret& secret, std::span<const uint8_t> client_part, const IpAddress& client,
                    CookieTime time);
  /// Writes the hash behind the first half of `cookie`.
  void seal(const CookieSecret& secret, std::span<const uint8_t> client_part, const IpAddress& client,
            ServerCookie& cookie);
  struct Free {
    void operator()(evp_mac_ctx_st* context) const;
  };
  std::unique_ptr<evp_mac_ctx_st, Free> context_;
};

}  // namespace popnet::dns
