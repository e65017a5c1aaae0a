// May a stored response be used for this request, now? (RFC 9111 sections 4, 4.2, 5.2, RFC 5861; the essay is
// in freshness.cc.)
//
// assess() runs once, when a response (or a 304 that updates it) has arrived, and makes the plain value that
// is kept beside the object. may_serve() runs on every hit: a few comparisons, no text, no allocation.
#pragma once

#include <cstdint>
#include <optional>

#include "common/time.h"
#include "http/policy/cache_control.h"
#include "http/wire/fields.h"

namespace popnet::http {

/// What the operator has configured where the RFCs leave it to the cache.
struct FreshnessOptions {
  // Of the rule that matched: instead of the origin's fields, where is_heuristically_cacheable(status).
  std::optional<Duration> lifetime{};
  Duration stale_if_error{};     // used when the origin does not say; not of its errors
  double heuristic_share = 0.1;  // of the time since Last-Modified (section 4.2.2)
  Duration heuristic_max = std::chrono::hours(24);
};

/// When the exchange with the origin took place.
struct Exchange {
  TimePoint request_time;   // when the request was sent
  TimePoint response_time;  // when the head had arrived
  WallTime response_wall;   // the same moment in civil time, to be compared with Date and Expires
};

enum class LifetimeSource : uint8_t { none, rule, s_maxage, max_age, expires, heuristic };
const char* to_string(LifetimeSource source);

/// Kept with the object. Trivially copyable; a soft purge is: a copy with lifetime zero.
struct StoredPolicy {
  TimePoint response_time{};          // when the response, or the last 304, had arrived
  Duration fetch_time{};              // how long its origin had taken for it
  Duration initial_age{};             // corrected_initial_age (section 4.2.3)
  Duration lifetime{};                // freshness_lifetime (section 4.2.1)
  Duration stale_while_revalidate{};  // zero = none
  Duration stale_if_error{};          // zero = none
  LifetimeSource source = LifetimeSource::none;
  bool immutable = false;    // a reload does not make a fresh answer be validated (RFC 8246)
  bool no_cache = false;     // never used without validation
  bool never_stale = false;  // must-revalidate, proxy-revalidate, s-maxage or no-cache: never used stale

  /// When the origin made it, or confirmed it.
  [[nodiscard]] TimePoint made() const { return response_time - initial_age; }
  /// current_age (section 4.2.3).
  [[nodiscard]] Duration age(TimePoint now) const { return initial_age + (now - response_time); }
  [[nodiscard]] bool fresh(TimePoint now) const { return age(now) < lifetime; }
  /// Time to live left; negative when stale.
  [[nodiscard]] Duration ttl(TimePoint now) const { return lifetime - age(now); }
};
StoredPolicy assess(uint16_t status, const Fields& response, const ResponseDirectives& directives,
                    const Exchange& exchange, const FreshnessOptions& options);

/// Should the request that is served a fresh object, at that time, have it fetched anew before it is stale? So that
/// nobody waits for what is popular: the more often an object is asked for, and the longer its fetch takes, the
/// earlier one request draws it, seldom more than one, and no object that is hardly asked for (Vattani, Chierichetti,
/// Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015). `draw`: random, 0 to 1.
bool refresh_early(const StoredPolicy& stored, TimePoint now, double draw);

enum class Use : uint8_t {
  serve,              ///< as it is
  serve_and_refresh,  ///< as it is, and refresh it in the background (stale-while-revalidate)
  validate,           ///< not before the origin has confirmed or replaced it
  refuse,             ///< only-if-cached: 504
};
enum class Why : uint8_t {
  fresh,
  request_no_cache,   ///< the request's no-cache
  request_max_age,    ///< older than the request's max-age
  request_min_fresh,  ///< not fresh for as long as the request wants
  response_no_cache,
  expired,
  max_stale,  ///< stale, within the request's max-stale
  while_revalidate,
  if_error,  ///< stale, the origin does not answer
  error_window_over,
  never_stale,
  not_stored,
};
const char* to_string(Why why);

struct Verdict {
  Use use = Use::validate;
  Why why = Why::expired;
  Duration age{};
};
/// The origin has not been asked yet.
Verdict may_serve(const StoredPolicy& stored, const RequestDirectives& request, TimePoint now);
/// The origin was asked and failed: no connection, a broken answer, or 500, 502, 503, 504 (RFC 5861 section
/// 4). `serve` or `validate` (meaning: pass the error on).
Verdict may_serve_after_error(const StoredPolicy& stored, const RequestDirectives& request, TimePoint now);
/// Nothing usable is stored: `validate` (fill), or `refuse` under only-if-cached (RFC 9111 section 5.2.1.7).
Verdict may_fill(const RequestDirectives& request);

/// Does this answer of an origin count as an error in the sense of stale-if-error?
constexpr bool is_origin_error(uint16_t status) {
  return status == 500 || status == 502 || status == 503 || status == 504;
}
/// RFC 9110 section 15.1: may be stored without explicit freshness.
constexpr bool is_heuristically_cacheable(uint16_t status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
      return true;
    default:
      return false;
  }
}

}  // namespace popnet::http
