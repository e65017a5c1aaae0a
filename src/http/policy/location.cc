#include "http/policy/location.h"

#include <algorithm>

#include "common/text.h"

namespace popnet::http {

namespace {

/// Where the path of an absolute URL or network-path reference to that host begins; npos: it is none.
size_t path_at_host(std::string_view location, std::string_view host) {
  size_t at = 0;
  for (const std::string_view scheme : {"http:", "https:"})
    if (iequals(location.substr(0, scheme.size()), scheme)) at = scheme.size();
  if (location.substr(at, 2) != "//") return location.npos;
  at += 2;
  const size_t end = std::min(location.find_first_of("/?#", at), location.size());
  const std::string_view authority = location.substr(at, end - at);
  return iequals(authority.substr(0, authority.find(':')), host) ? end : location.npos;
}

}  // namespace

std::string location_under_prefix(std::string_view location, std::string_view host, std::string_view prefix) {
  const bool of_this_host = location.starts_with('/') && !location.starts_with("//");
  const size_t path = of_this_host ? 0 : path_at_host(location, host);
  std::string result(location);
  if (path != location.npos) result.insert(path, std::string("/").append(prefix));
  return result;
}

}  // namespace popnet::http
