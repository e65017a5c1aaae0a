// The field names that popnet itself looks at, as an enumeration. The parser names each field line while it
// reads it, so that nothing behind it compares strings (RFC 9110 section 5.1: names are case-insensitive
// tokens).
//
// Pure values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace popnet::http {

/// At most 64, so that a set of them is one word. Names in the order of to_string()'s table.
enum class FieldName : uint8_t {
  other,  ///< any name that is not listed here
  accept,
  accept_encoding,
  accept_language,
  accept_ranges,
  age,
  allow,
  authorization,
  cache_control,
  cache_status,
  cache_tag,
  cdn_cache_control,
  cdn_loop,
  connection,
  content_encoding,
  content_language,
  content_length,
  content_location,
  content_range,
  content_type,
  cookie,
  date,
  etag,
  expect,
  expires,
  forwarded,
  host,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  last_modified,
  location,
  max_forwards,
  origin,
  popnet_cache_control,
  pragma,
  proxy_authenticate,
  proxy_authentication_info,
  proxy_authorization,
  proxy_connection,
  range,
  referer,
  retry_after,
  server,
  server_timing,
  set_cookie,
  surrogate_key,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  vary,
  via,
  www_authenticate,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_request_id,
};
inline constexpr size_t field_name_count = static_cast<size_t>(FieldName::x_request_id) + 1;
static_assert(field_name_count <= 64);

/// "Cache-Control", …; empty for `other`.
std::string_view to_string(FieldName name);

/// The name in any case, or `other`. Costs one hash and one comparison.
FieldName find_field_name(std::string_view name);

}  // namespace popnet::http
