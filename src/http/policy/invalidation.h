// What a successful unsafe request makes unusable (RFC 9111 section 4.4).
#pragma once

#include <array>
#include <cstdint>

#include "http/policy/key.h"
#include "http/policy/reference.h"
#include "http/wire/head.h"

namespace popnet::http {

/// Keys to invalidate: the target URI, and Location and Content-Location where they have the same origin.
/// Nothing after a safe method or an error. The keys borrow from the request and from `references`.
struct Invalidation {
  Invalidation() = default;
  Invalidation(const Invalidation&) = delete;
  Invalidation& operator=(const Invalidation&) = delete;

  std::array<KeyParts, 3> keys;
  std::array<SameOriginReference, 3> references;
  uint8_t count = 0;
};
void plan_invalidation(std::string_view site, const RequestHead& request, const ResponseHead& response,
                       bool ignore_query, Invalidation& plan);

}  // namespace popnet::http
