// Vary and the secondary key (RFC 9111 section 4.1).
//
// A stored response is one of several variants under one cache key. It keeps the list of field names that its
// Vary nominates; a request selects the variant whose secondary key, made from the nominated fields of the
// request, is the same bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/wire/fields.h"

namespace popnet::http {

enum class VaryKind : uint8_t {
  none,   ///< one variant for all
  names,  ///< by the nominated fields
  star,   ///< no request can ever match
};
struct Vary {
  VaryKind kind = VaryKind::none;
  std::string names;  ///< lower case, sorted, no duplicates, joined by ","

  bool operator==(const Vary&) const = default;
};
Vary read_vary(const Fields& response);

/// Does the request have one of these fields? `names`: as in Vary.
bool has_any(std::string_view names, const Fields& request);

/// Can no later request be known to match? Under "*"; where Vary names what the edge itself tells origins of each client or
/// request (X-Forwarded-For, X-Request-Id); and where it is no list of names ("a b"), so that nobody knows what it means.
bool varies_beyond_keys(const Fields& response);

/// The request's part of the secondary key. Values are normalised where that cannot change their meaning:
/// white space around elements, and for Accept-Encoding and Accept-Language also case and order of elements
/// of equal weight. Absent and empty differ. Written into `room`; empty view with ok = false when it does not
/// fit (then: treat as not stored). No allocation.
struct SecondaryKey {
  bool ok = true;
  std::string_view text;
};
SecondaryKey make_secondary_key(std::string_view names, const Fields& request, std::span<char> room);

}  // namespace popnet::http
