// What a successful unsafe request makes unusable (RFC 9111 section 4.4).
#pragma once

#include <array>
#include <cstdint>

#include "http/policy/key.h"
#include "http/wire/head.h"

namespace popnet::http {

/// Keys to invalidate: the target URI, and Location and Content-Location where they have the same origin.
/// Nothing after a safe method or an error. Views borrow from the two heads.
struct Invalidation {
  std::array<KeyParts, 3> keys;
  uint8_t count = 0;
};
Invalidation plan_invalidation(std::string_view site, const RequestHead& request,
                               const ResponseHead& response, bool ignore_query);

}  // namespace popnet::http
