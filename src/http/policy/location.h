// Where a site is served under a prefix of a shared hostname, its web servers do not know of that prefix. What they call
// "/new" is "/<prefix>/new" to users (the rewriting that ProxyPassReverse of Apache does). References that begin with no
// slash lead to the right place by themselves (RFC 3986 section 5.2.3).
#pragma once

#include <string>
#include <string_view>

namespace popnet::http {

/// The value of a Location field (RFC 9110 section 10.2.2) as users of `host` see it, in any case and without port. `prefix` without slashes.
/// Other hosts' URLs, and what is no URL, stay as they are.
std::string location_under_prefix(std::string_view location, std::string_view host, std::string_view prefix);

}  // namespace popnet::http
