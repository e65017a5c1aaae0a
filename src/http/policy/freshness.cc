// When may an answer be used again?
//
// A shared cache lives by one promise: nobody can tell its answers from the origin's within the time that the
// origin has allowed. RFC 9111 gives the arithmetic, and this file follows it section by section.
//
// How long is an answer fresh? (section 4.2.1) The first of these that is there decides, and only that one:
//   1. what the operator's rule says (not in the RFC: the operator speaks for the origin here), of the statuses that RFC 9110
//      section 15.1 lists: a failure, a refusal or a redirect of the moment is not what he had in mind;
//   2. s-maxage, made for shared caches like this one;
//   3. max-age;
//   4. Expires minus Date. An Expires that is no date ("0", "-1") means: already expired (section 5.3);
//   5. nothing explicit: a tenth of the time that the object had not changed when it was fetched
//   (section 4.2.2), at most a day,
//      and only for the statuses that RFC 9110 section 15.1 lists, or under "public".
// Where a targeted field (RFC 9213) speaks, Cache-Control and Expires are not looked at. An invalid number is
// zero: in doubt, stale.
//
// How old is it? (section 4.2.3) It was not new when it came: other caches may have held it (Age), the way
// took time (the delay between request and response, all of it counted as if the answer had been made before
// it was sent), and the clock of the origin may say that it is older still (Date against our clock). The
// larger of the two estimates is its age on arrival; from then on it ages by our monotonic clock, which
// nobody can turn back.
//
// May it be used now?
//
//   the response says no-cache ───────────────────────────────────────────────> validate first  (5.2.2.4)
//   the request says no-cache, or max-age or min-fresh that it cannot meet ───> validate first  (5.2.1)
//   fresh ────────────────────────────────────────────────────────────────────> serve
//   stale, and must-revalidate, proxy-revalidate or s-maxage ─────────────────> validate first (4.2.4, 5.2.2)
//   stale, within the request's max-stale ────────────────────────────────────> serve           (5.2.1.2)
//   stale, within stale-while-revalidate ─────────────────────────────────────> serve, refresh behind it (RFC
//   5861) stale ────────────────────────────────────────────────────────────────────> validate first
//   "validate first" under only-if-cached ────────────────────────────────────> 504             (5.2.1.7)
//
// And when the origin cannot be asked? Within stale-if-error (of the response, else the operator's default)
// the stored answer is better than none (section 4.2.4 allows it to a disconnected cache), unless the origin
// has forbidden exactly that by must-revalidate and its like. A request's no-cache is a preference (5.2.1.4)
// and does not stand against it.
//
// Where we depart: immutable (RFC 8246) lets a fresh answer be served although the request says max-age=0,
// because that is what browsers send on reload; no-cache in the request still validates. Pragma is not looked
// at (section 5.4 retires it).
#include "http/policy/freshness.h"

#include <algorithm>
#include <cmath>

#include "http/wire/date.h"
#include "http/wire/list.h"

namespace popnet::http {
namespace {

constexpr Duration zero = Duration::zero();

struct Lifetime {
  Duration value{};
  LifetimeSource source = LifetimeSource::none;
};

/// RFC 9110 section 6.6.1: an answer without a (usable) Date was made when it arrived.
WallTime date_of(const Fields& response, WallTime received) {
  return parse_http_date(response.get(FieldName::date), received).value_or(received);
}

Lifetime heuristic_lifetime(uint16_t status, const Fields& response, const ResponseDirectives& directives,
                            WallTime received, const FreshnessOptions& options) {
  if (!is_heuristically_cacheable(status) && !directives.is_public) return {};
  const auto modified = parse_http_date(response.get(FieldName::last_modified), received);
  if (!modified) return {};
  const Duration unchanged = date_of(response, received) - *modified;
  if (unchanged <= zero) return {};
  const auto share = std::chrono::duration_cast<Duration>(unchanged * options.heuristic_share);
  return {std::min(share, options.heuristic_max), LifetimeSource::heuristic};
}

/// Section 4.2.1.
Lifetime lifetime_of(uint16_t status, const Fields& response, const ResponseDirectives& directives,
                     WallTime received, const FreshnessOptions& options) {
  if (options.lifetime && is_heuristically_cacheable(status))
    return {*options.lifetime, LifetimeSource::rule};
  if (directives.s_maxage) return {*directives.s_maxage, LifetimeSource::s_maxage};
  if (directives.max_age) return {*directives.max_age, LifetimeSource::max_age};
  if (response.has(FieldName::expires) && !directives.targeted) {
    const auto expires = parse_http_date(response.get(FieldName::expires), received);
    const Duration value = expires ? *expires - date_of(response, received) : zero;
    return {std::max(value, zero), LifetimeSource::expires};
  }
  return heuristic_lifetime(status, response, directives, received, options);
}

/// Section 5.1: of a list the first member; what is not a number counts as nothing.
Duration age_field(const Fields& response) {
  ListItems items(response, FieldName::age);
  return items.next() ? std::chrono::seconds(parse_delta_seconds(items.item()).value_or(0)) : zero;
}

/// Section 4.2.3. Date has no parts of a second (RFC 9110 section 5.6.7), so none of ours count against it: what was made in
/// this second would have lost half of max-age=1 on arrival.
Duration initial_age_of(const Fields& response, const Exchange& exchange) {
  const WallTime arrived = std::chrono::floor<std::chrono::seconds>(exchange.response_wall);
  const Duration apparent = std::max<Duration>(zero, arrived - date_of(response, exchange.response_wall));
  const Duration corrected = age_field(response) + (exchange.response_time - exchange.request_time);
  return std::max(apparent, corrected);
}

/// How long it has been stale; negative while fresh.
Duration staleness(const StoredPolicy& stored, TimePoint now) {
  return -stored.ttl(now);
}

Verdict judge(const StoredPolicy& stored, const RequestDirectives& request, TimePoint now) {
  const Duration age = stored.age(now);
  const bool fresh = age < stored.lifetime;
  if (stored.no_cache) return {Use::validate, Why::response_no_cache, age};
  if (request.no_cache) return {Use::validate, Why::request_no_cache, age};
  if (request.max_age && age > *request.max_age && !(stored.immutable && fresh))
    return {Use::validate, Why::request_max_age, age};
  if (request.min_fresh && stored.ttl(now) < *request.min_fresh)
    return {Use::validate, Why::request_min_fresh, age};
  if (fresh) return {Use::serve, Why::fresh, age};
  if (stored.never_stale) return {Use::validate, Why::never_stale, age};
  const Duration stale = staleness(stored, now);
  if (request.max_stale_any || (request.max_stale && stale <= *request.max_stale))
    return {Use::serve, Why::max_stale, age};
  // Who says max-age, and not max-stale, wants nothing stale (section 5.2.1.1).
  if (!request.max_age && stale < stored.stale_while_revalidate)
    return {Use::serve_and_refresh, Why::while_revalidate, age};
  return {Use::validate, Why::expired, age};
}

}  // namespace

StoredPolicy assess(uint16_t status, const Fields& response, const ResponseDirectives& directives,
                    const Exchange& exchange, const FreshnessOptions& options) {
  const Lifetime lifetime = lifetime_of(status, response, directives, exchange.response_wall, options);
  StoredPolicy stored;
  stored.response_time = exchange.response_time;
  stored.fetch_time = exchange.response_time - exchange.request_time;
  stored.initial_age = initial_age_of(response, exchange);
  stored.lifetime = lifetime.value;
  stored.source = lifetime.source;
  // An operator's word counts from the arrival, wherever the answer has been before, and whatever time its origin has.
  if (lifetime.source == LifetimeSource::rule) stored.lifetime += stored.initial_age;
  stored.stale_while_revalidate = directives.stale_while_revalidate.value_or(zero);
  // Nobody is helped by an old error in the place of a new one, unless the origin says so.
  stored.stale_if_error =
      directives.stale_if_error.value_or(is_origin_error(status) ? zero : options.stale_if_error);
  stored.no_cache = directives.no_cache;
  stored.immutable = directives.immutable;
  stored.never_stale = directives.must_revalidate || directives.proxy_revalidate || directives.no_cache ||
                       directives.s_maxage.has_value();
  return stored;
}

Verdict may_serve(const StoredPolicy& stored, const RequestDirectives& request, TimePoint now) {
  Verdict verdict = judge(stored, request, now);
  if (verdict.use == Use::validate && request.only_if_cached) verdict.use = Use::refuse;
  return verdict;
}

Verdict may_serve_after_error(const StoredPolicy& stored, const RequestDirectives& request, TimePoint now) {
  const Duration age = stored.age(now);
  if (stored.no_cache) return {Use::validate, Why::response_no_cache, age};
  if (stored.fresh(now)) return {Use::serve, Why::fresh, age};
  if (stored.never_stale) return {Use::validate, Why::never_stale, age};
  const Duration window = std::max(stored.stale_if_error, request.stale_if_error.value_or(zero));
  if (staleness(stored, now) < window) return {Use::serve, Why::if_error, age};
  return {Use::validate, Why::error_window_over, age};
}

Verdict may_fill(const RequestDirectives& request) {
  return {request.only_if_cached ? Use::refuse : Use::validate, Why::not_stored, zero};
}

const char* to_string(LifetimeSource source) {
  switch (source) {
    case LifetimeSource::none:
      return "none";
    case LifetimeSource::rule:
      return "rule";
    case LifetimeSource::s_maxage:
      return "s-maxage";
    case LifetimeSource::max_age:
      return "max-age";
    case LifetimeSource::expires:
      return "Expires";
    case LifetimeSource::heuristic:
      return "heuristic";
  }
  return "";
}

const char* to_string(Why why) {
  switch (why) {
    case Why::fresh:
      return "fresh";
    case Why::request_no_cache:
      return "request-no-cache";
    case Why::request_max_age:
      return "request-max-age";
    case Why::request_min_fresh:
      return "request-min-fresh";
    case Why::response_no_cache:
      return "response-no-cache";
    case Why::expired:
      return "expired";
    case Why::max_stale:
      return "max-stale";
    case Why::while_revalidate:
      return "while-revalidate";
    case Why::if_error:
      return "if-error";
    case Why::error_window_over:
      return "error-window-over";
    case Why::never_stale:
      return "never-stale";
    case Why::not_stored:
      return "not-stored";
  }
  return "";
}

bool refresh_early(const StoredPolicy& stored, TimePoint now, double draw) {
  constexpr Duration shortest = std::chrono::milliseconds(20);  // a fetch counts as so long at least
  constexpr double eagerness = 4;                               // the paper's beta
  constexpr int share = 10;                                     // of the lifetime, at most
  const Duration left = stored.ttl(now);
  if (left > stored.lifetime / share) return false;
  const std::chrono::duration<double> took = std::max(stored.fetch_time, shortest);
  return -std::log(std::max(draw, 1e-9)) * eagerness * took >= left;
}

}  // namespace popnet::http
