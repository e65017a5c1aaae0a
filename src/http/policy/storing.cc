#include "http/policy/storing.h"

#include <algorithm>

#include "common/text.h"
#include "http/policy/file_type.h"
#include "http/policy/forwarding.h"
#include "http/policy/freshness.h"
#include "http/policy/reference.h"
#include "http/policy/vary.h"
#include "http/wire/list.h"
#include "http/wire/range.h"
#include "http/wire/writer.h"

namespace popnet::http {
namespace {

/// Do we know all that a cache must know of this status? Those of RFC 9110.
bool is_understood(uint16_t status) {
  return status >= 200 && status != 304 && !reason_phrase(status).empty();
}

/// RFC 9110 section 9.3.3: the answer to a POST is what a GET would get when it says how long, and that what
/// it carries is the target itself.
bool is_cacheable_post(const RequestHead& request, const ResponseHead& response,
                       const ResponseDirectives& directives) {
  const bool explicit_lifetime = directives.max_age || directives.s_maxage ||
                                 (response.fields.has(FieldName::expires) && !directives.targeted);
  if (request.method != Method::post || response.status == 206 || !explicit_lifetime ||
      !response.fields.has(FieldName::content_location) ||
      response.fields.repeated(FieldName::content_location))
    return false;
  const auto where = resolve_same_origin(response.fields.get(FieldName::content_location), request);
  return where && is_target(*where, request);
}

/// RFC 9111 section 3.3, for the one form that can be told from its head: one range of bytes.
bool is_placed_part(const RequestHead& request, const ResponseHead& response) {
  return request.fields.has(FieldName::range) && !response.fields.repeated(FieldName::content_range) &&
         parse_content_range(response.fields.get(FieldName::content_range)).has_value();
}

bool has_content(const RequestHead& request) {
  return request.body.kind != Framing::Kind::none &&
         !(request.body.kind == Framing::Kind::length && request.body.length == 0);
}

/// An answer that only the conditions or the range of this request explain: the next one has others, and would be
/// refused what it may have. Neither is part of any key.
bool is_about_conditions(const Fields& request, uint16_t status) {
  if (status == 304) return true;
  if (status == 416) return request.has(FieldName::range);
  return status == 412 &&
         (request.has(FieldName::if_match) || request.has(FieldName::if_none_match) ||
          request.has(FieldName::if_unmodified_since) || request.has(FieldName::if_modified_since));
}

/// RFC 9111 section 3.5.
bool allows_authorized(const ResponseDirectives& directives) {
  return directives.must_revalidate || directives.is_public || directives.s_maxage.has_value();
}

/// To an origin behind CGI, which gets it, its name may be that of another field: what it chooses nobody knows beforehand.
bool may_be_disguised(const Field& field) {
  return field.id == FieldName::other && !is_plain_to_cgi(field.name) && !is_claim(field);
}

/// Whoever sends X_Own where Vary names X-Own has chosen an answer by what is in no key.
bool chooses_in_disguise(const Fields& request, const Fields& response) {
  if (!response.has(FieldName::vary)) return false;
  for (const Field& field : request) {
    if (field.id != FieldName::other || is_claim(field)) continue;
    for (ListItems items(response, FieldName::vary); items.next();)
      if (same_to_cgi(field.name, items.item()) && !iequals(field.name, items.item())) return true;
  }
  return false;
}

bool has_explicit_freshness(const Fields& response, const ResponseDirectives& directives) {
  return directives.max_age || directives.s_maxage || directives.is_public ||
         (response.has(FieldName::expires) && !directives.targeted);
}

/// Without explicit freshness, storing is of use only if a later request can be answered after validation, or
/// a heuristic lifetime can be computed: both need a validator.
bool has_heuristic_use(const ResponseHead& response) {
  return is_heuristically_cacheable(response.status) &&
         (response.fields.has(FieldName::last_modified) || response.fields.has(FieldName::etag));
}

bool names(std::string_view list, std::string_view name) {
  if (list.empty()) return false;
  for (ListItems items(list); items.next();)
    if (iequals(items.item(), name)) return true;
  return false;
}

/// An origin that names it in private="…" or no-cache="…" has taken care of that itself.
bool gives_cookie_to_all(const Fields& response, const ResponseDirectives& directives) {
  return response.has(FieldName::set_cookie) && !names(directives.private_fields, "Set-Cookie") &&
         !names(directives.no_cache_fields, "Set-Cookie");
}

/// What the target itself is, not a note about it: errors and redirects have types of their own.
bool has_representation(uint16_t status) {
  return status == 200 || status == 203 || status == 206;
}

StoreWhy judge(const RequestHead& request, const RequestDirectives& request_directives,
               const ResponseHead& response, const ResponseDirectives& directives,
               const StoreOptions& options) {
  const bool understood = is_understood(response.status);
  const bool retrieves = request.method == Method::get || request.method == Method::head;
  if (!retrieves && !is_cacheable_post(request, response, directives)) return StoreWhy::method;
  if (request.method == Method::head && response.status == 206) return StoreWhy::part;
  if (retrieves && has_content(request)) return StoreWhy::content;
  if (response.interim()) return StoreWhy::status;
  if (is_about_conditions(request.fields, response.status)) return StoreWhy::condition;
  if (response.status == 206 && !is_placed_part(request, response)) return StoreWhy::part;
  if (request_directives.no_store) return StoreWhy::request_no_store;
  if (directives.must_understand && !understood) return StoreWhy::status;
  if (directives.no_store && !directives.must_understand) return StoreWhy::no_store;  // section 5.2.2.3
  if (directives.is_private) return StoreWhy::is_private;
  if (request.fields.has(FieldName::authorization) && !allows_authorized(directives))
    return StoreWhy::authorization;
  if (options.set_cookie == model::SetCookie::pass && gives_cookie_to_all(response.fields, directives))
    return StoreWhy::set_cookie;
  if (options.check_type && has_representation(response.status) &&
      !type_fits_path(request.target.path, response.fields.get(FieldName::content_type)))
    return StoreWhy::type;
  if (varies_beyond_keys(response.fields)) return StoreWhy::vary_star;
  if (chooses_in_disguise(request.fields, response.fields)) return StoreWhy::disguise;
  const bool lifetime_by_rule = options.lifetime_by_rule && is_heuristically_cacheable(response.status);
  if (!lifetime_by_rule && !has_explicit_freshness(response.fields, directives) &&
      !has_heuristic_use(response))
    return StoreWhy::no_freshness;
  return StoreWhy::stored;
}

}  // namespace

StoreDecision may_store(const RequestHead& request, const RequestDirectives& request_directives,
                        const ResponseHead& response, const ResponseDirectives& directives,
                        const StoreOptions& options) {
  return {judge(request, request_directives, response, directives, options)};
}

bool is_of_request(StoreWhy why) {
  switch (why) {
    case StoreWhy::method:
    case StoreWhy::content:
    case StoreWhy::condition:
    case StoreWhy::disguise:
    case StoreWhy::part:
    case StoreWhy::request_no_store:
    case StoreWhy::authorization:
      return true;
    default:
      return false;
  }
}

bool forbids_storing(const ResponseDirectives& directives) {
  return (directives.no_store && !directives.must_understand) || directives.is_private;  // section 5.2.2.3
}

bool may_update(const RequestHead& request, const RequestDirectives& request_directives,
                const ResponseDirectives& directives) {
  return !request_directives.no_store && !forbids_storing(directives) &&
         (!request.fields.has(FieldName::authorization) || allows_authorized(directives));
}

bool may_add_bytes(const RequestHead& request, const ResponseHead& response, const StoreOptions& options) {
  const ResponseDirectives directives = read_response_directives(response.fields);
  const bool cookie =
      options.set_cookie == model::SetCookie::pass && gives_cookie_to_all(response.fields, directives);
  return !cookie && may_update(request, read_request_directives(request.fields), directives);
}

bool may_lookup(const RequestHead& request) {
  return (request.method == Method::get || request.method == Method::head) && !has_content(request);
}

bool may_share_fill(const RequestHead& request, const RequestDirectives& directives) {
  return may_lookup(request) && !directives.no_store && !request.fields.has(FieldName::authorization) &&
         std::none_of(request.fields.begin(), request.fields.end(), may_be_disguised);
}

bool is_stored(const Field& field, const HopByHop& hop, const ResponseDirectives& directives,
               model::SetCookie cookies) {
  if (field.id == FieldName::set_cookie && cookies != model::SetCookie::store) return false;
  if (field.id == FieldName::age || field.id == FieldName::surrogate_key ||
      field.id == FieldName::cache_tag || hop.has(field))
    return false;
  return !names(directives.no_cache_fields, field.name) && !names(directives.private_fields, field.name);
}

const char* to_string(StoreWhy why) {
  switch (why) {
    case StoreWhy::stored:
      return "stored";
    case StoreWhy::method:
      return "method";
    case StoreWhy::status:
      return "status";
    case StoreWhy::part:
      return "part";
    case StoreWhy::content:
      return "content";
    case StoreWhy::condition:
      return "condition";
    case StoreWhy::disguise:
      return "disguise";
    case StoreWhy::request_no_store:
      return "request-no-store";
    case StoreWhy::no_store:
      return "no-store";
    case StoreWhy::is_private:
      return "private";
    case StoreWhy::authorization:
      return "authorization";
    case StoreWhy::no_freshness:
      return "no-freshness";
    case StoreWhy::set_cookie:
      return "set-cookie";
    case StoreWhy::type:
      return "type";
    case StoreWhy::vary_star:
      return "vary-star";
  }
  return "";
}

}  // namespace popnet::http
