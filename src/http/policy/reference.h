// A URI reference of a response (Location, Content-Location) in the terms of the request that it answers (RFC
// 3986 section 5.2; RFC 9110 sections 8.7 and 10.2.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/wire/head.h"

namespace popnet::http {

/// Path and query of the reference when it has the same origin (RFC 9110 section 4.3.1) as the request's
/// target, as it was written or as the origin was asked for it; none otherwise. "/a/./b?c", without the fragment.
struct SameOriginReference {
  std::string path;
  std::string query;
  bool has_query = false;
};
std::optional<SameOriginReference> resolve_same_origin(std::string_view reference,
                                                       const RequestHead& request);

/// Does it name the target itself?
bool is_target(const SameOriginReference& reference, const RequestHead& request);

}  // namespace popnet::http
