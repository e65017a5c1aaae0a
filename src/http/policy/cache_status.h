// The Cache-Status field (RFC 9211): what this cache did with the request. "popnet-pop1; hit; ttl=52".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/time.h"

namespace popnet::http {

enum class CacheForward : uint8_t {
  none,       ///< not forwarded: a hit
  bypass,     ///< configured not to handle this request
  method,     ///< the method demands it
  uri_miss,   ///< nothing stored under the key
  vary_miss,  ///< stored, but no variant matches
  miss,       ///< neither of the two can be told
  request,    ///< the request's directives demand it
  stale,      ///< stored, but stale
  partial,    ///< only a part is stored
};

struct CacheStatus {
  CacheForward forward = CacheForward::none;
  std::optional<uint16_t> forward_status{};  // the origin's, when it is not the one sent on
  std::optional<Duration> ttl{};             // negative = stale
  bool stored = false;                       // the answer to the forwarded request was stored
  bool collapsed = false;                    // shared another request's fill
  std::string_view detail{};                 // a token; empty = none
};
/// Writes the value; `cache` names this cache (a token or it is quoted). Fits 160 bytes + both names; empty
/// when it does not fit.
std::string_view format_cache_status(std::string_view cache, const CacheStatus& status, std::span<char> room);

}  // namespace popnet::http
