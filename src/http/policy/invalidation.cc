#include "http/policy/invalidation.h"

#include "common/text.h"

namespace popnet::http {
namespace {

bool same_port(std::string_view a, std::string_view b, bool https) {
  const std::string_view standard = https ? "443" : "80";
  return (a.empty() ? standard : a) == (b.empty() ? standard : b);
}

/// The URI of Location or Content-Location, when it is absolute and of the same origin as the target, or
/// begins with a single "/". Other relative references are left alone: the RFC only permits, and nothing is
/// served wrongly but for its lifetime.
bool resolve(std::string_view reference, const RequestHead& request, HttpUrl& url) {
  reference = reference.substr(0, reference.find('#'));
  if (reference.starts_with('/') && !reference.starts_with("//")) {
    const size_t mark = reference.find('?');
    url.https = request.https;
    url.host = request.host;
    url.port = request.port;
    url.path = reference.substr(0, mark);
    url.has_query = mark != reference.npos;
    if (url.has_query) url.query = reference.substr(mark + 1);
    return true;
  }
  return parse_http_url(reference, url) && url.https == request.https && iequals(url.host, request.host) &&
         same_port(url.port, request.port, url.https);
}

}  // namespace

Invalidation plan_invalidation(std::string_view site, const RequestHead& request,
                               const ResponseHead& response, bool ignore_query) {
  Invalidation plan;
  const bool success = response.status >= 200 && response.status < 400;
  if (is_safe(request.method) || !success) return plan;
  plan.keys[plan.count++] = key_parts(site, request, ignore_query);
  for (const FieldName name : {FieldName::location, FieldName::content_location}) {
    HttpUrl url;
    if (response.fields.has(name) && resolve(response.fields.get(name), request, url))
      plan.keys[plan.count++] = key_parts(site, url, ignore_query);
  }
  return plan;
}

}  // namespace popnet::http
