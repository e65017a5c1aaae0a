// Cache-Control and its targeted relatives, read once into a plain value (RFC 9111 section 5.2, RFC 5861, RFC
// 8246, RFC 9213).
//
// Reading rules: names in any case; unknown directives are skipped; of a repeated directive the first counts
// (in a targeted field the last: RFC 8941); a duration that is not a number of seconds counts as 0
// (section 4.2.1: invalid freshness is stale); 'private="a"' and 'no-cache="a"' keep their list of field
// names and bind only those fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/time.h"
#include "http/wire/fields.h"

namespace popnet::http {

struct RequestDirectives {
  bool no_store = false;
  bool no_cache = false;
  bool only_if_cached = false;
  bool max_stale_any = false;  // max-stale without a value
  std::optional<Duration> max_age{};
  std::optional<Duration> min_fresh{};
  std::optional<Duration> max_stale{};
  std::optional<Duration> stale_if_error{};
};
RequestDirectives read_request_directives(const Fields& request);

struct ResponseDirectives {
  bool targeted =
      false;  // from a targeted field: Cache-Control and Expires are not looked at (RFC 9213 section 2.1)
  bool no_store = false;
  bool no_cache = false;    // without a list of fields
  bool is_private = false;  // without a list of fields
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool immutable = false;
  std::optional<Duration> max_age{};
  std::optional<Duration> s_maxage{};
  std::optional<Duration> stale_while_revalidate{};
  std::optional<Duration> stale_if_error{};
  std::string_view no_cache_fields{};  // inside of the quotes of no-cache="…"
  std::string_view private_fields{};   // inside of the quotes of private="…"
};
/// From Popnet-Cache-Control, else CDN-Cache-Control, else Cache-Control: the first that is there and well
/// formed.
ResponseDirectives read_response_directives(const Fields& response);

}  // namespace popnet::http
