#include "http/policy/reference.h"

#include <algorithm>

#include "common/text.h"
#include "http/wire/list.h"

namespace popnet::http {
namespace {

/// RFC 3986 section 6.2.3.
uint64_t port_number(std::string_view port, bool https) {
  return port.empty() ? standard_port(https) : parse_decimal(port).value_or(0);
}

/// As the user has written it; or as the origin has heard of it (policy/key.h), which is what it makes its URLs of.
bool same_port(const HttpUrl& url, const RequestHead& request) {
  const uint64_t port = port_number(url.port, url.https);
  const uint64_t heard = request.own_port != 0 ? request.own_port : standard_port(request.https);
  return port == heard || port == port_number(request.port, request.https);
}

/// RFC 3986 section 3.1: letters, digits, "+", "-", "." before the first ":".
bool has_scheme(std::string_view reference) {
  const size_t end = reference.find_first_of(":/?#");
  return end != reference.npos && end > 0 && reference[end] == ':';
}

/// RFC 3986 section 5.2.4, for a path that begins with "/".
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(1, end - 1);
    const bool last = end == path.size();
    path.remove_prefix(end);
    if (segment == "..") out.erase(std::min(out.rfind('/'), out.size()));
    if (segment != "." && segment != "..")
      out.append("/").append(segment);
    else if (last)
      out.append("/");
  }
  return out;
}

/// RFC 3986 section 5.2.3: the reference takes the place of what follows the last "/" of the target.
std::string merge(std::string_view base, std::string_view relative) {
  return std::string(base.substr(0, base.rfind('/') + 1)).append(relative);
}

}  // namespace

std::optional<SameOriginReference> resolve_same_origin(std::string_view reference,
                                                       const RequestHead& request) {
  reference = reference.substr(0, reference.find('#'));
  HttpUrl url;
  if (has_scheme(reference) || reference.starts_with("//")) {
    const std::string absolute = (has_scheme(reference) ? ""
                                  : request.https       ? "https:"
                                                        : "http:") +
                                 std::string(reference);
    if (!parse_http_url(absolute, url) || url.https != request.https || !iequals(url.host, request.host) ||
        !same_port(url, request))
      return {};
    return SameOriginReference{remove_dot_segments(url.path), std::string(url.query), url.has_query};
  }
  const size_t mark = reference.find('?');
  const std::string_view path = reference.substr(0, mark);
  SameOriginReference found;
  found.has_query = mark != reference.npos;
  if (found.has_query) found.query = reference.substr(mark + 1);
  if (path.empty() && !found.has_query && request.target.has_query) {  // "": the target itself
    found.query = request.target.query;
    found.has_query = true;
  }
  if (request.target.path.empty() || request.target.path.front() != '/') return {};
  found.path = path.empty()            ? std::string(request.target.path)
               : path.starts_with('/') ? remove_dot_segments(path)
                                       : remove_dot_segments(merge(request.target.path, path));
  return found;
}

bool is_target(const SameOriginReference& reference, const RequestHead& request) {
  return reference.path == request.target.path && reference.has_query == request.target.has_query &&
         reference.query == request.target.query;
}

}  // namespace popnet::http
