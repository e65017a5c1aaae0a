#include "http/policy/invalidation.h"

namespace popnet::http {

void plan_invalidation(std::string_view site, const RequestHead& request, const ResponseHead& response,
                       bool ignore_query, Invalidation& plan) {
  plan.count = 0;
  const bool success = response.status >= 200 && response.status < 400;
  if (is_safe(request) || !success) return;
  plan.keys[plan.count++] = key_parts(site, request, ignore_query);
  for (const FieldName name : {FieldName::location, FieldName::content_location}) {
    if (!response.fields.has(name)) continue;
    auto found = resolve_same_origin(response.fields.get(name), request);
    if (!found) continue;
    SameOriginReference& kept = plan.references[plan.count];
    kept = std::move(*found);
    KeyParts parts = key_parts(site, request, ignore_query);
    parts.path = kept.path;
    parts.has_query = kept.has_query && !ignore_query;
    parts.query = parts.has_query ? std::string_view(kept.query) : std::string_view{};
    plan.keys[plan.count++] = parts;
  }
}

}  // namespace popnet::http
