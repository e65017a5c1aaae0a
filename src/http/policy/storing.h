// May this response be stored, and which of its fields? (RFC 9111 sections 3, 3.1, 3.5 and 4; a shared
// cache.)
#pragma once

#include <cstdint>

#include "http/policy/cache_control.h"
#include "http/policy/forwarding.h"
#include "http/wire/head.h"
#include "model/http_options.h"

namespace popnet::http {

struct StoreOptions {
  // The operator gave a lifetime: counts as explicit freshness of the statuses that is_heuristically_cacheable() names.
  bool lifetime_by_rule = false;
  model::SetCookie set_cookie = model::SetCookie::pass;
  bool check_type = false;  // the type must fit the ending of the path: see file_type.h
};

enum class StoreWhy : uint8_t {
  stored,
  method,     ///< not GET or HEAD, and not a POST whose answer says that it is what a GET would get
  status,     ///< an interim answer, 304, or a status that must be understood and is not
  part,       ///< a 206 that nobody asked for, or whose place in the whole cannot be told
  content,    ///< to a GET with content, which is in no key (RFC 9110 section 9.3.1)
  condition,  ///< 412 or 416: what this one request's conditions or range made of it
  disguise,   ///< the request had a field that the origin may take for one that Vary names (same_to_cgi())
  request_no_store,
  no_store,
  is_private,
  authorization,  ///< the request had Authorization and the answer does not allow sharing (section 3.5)
  no_freshness,   ///< no explicit lifetime and the status has no heuristic one
  set_cookie,     ///< sets a cookie: would hand one user's cookie to the next
  type,           ///< is not what the ending of the path promises
  vary_star,      ///< no later request can match
};
const char* to_string(StoreWhy why);

struct StoreDecision {
  StoreWhy why = StoreWhy::stored;
  [[nodiscard]] bool store() const { return why == StoreWhy::stored; }
};
/// What is stored of a HEAD answers HEAD alone (RFC 9110 section 9.3.2).
StoreDecision may_store(const RequestHead& request, const RequestDirectives& request_directives,
                        const ResponseHead& response, const ResponseDirectives& directives,
                        const StoreOptions& options);

/// Is it this request alone that forbids to store, so that nothing is said of what others will get?
bool is_of_request(StoreWhy why);
/// Does the response say that no shared cache may store it (sections 5.2.2.5 and 5.2.2.7)?
bool forbids_storing(const ResponseDirectives& directives);
/// May the stored response live on with what a 304, a 200 to HEAD or a further part says? `directives`: of its fields as
/// they would then be. What may not be stored may not refresh what is: the next user would get it (sections 3.5, 5.2.1.5,
/// 5.2.2.5 and 5.2.2.7).
bool may_update(const RequestHead& request, const RequestDirectives& request_directives,
                const ResponseDirectives& directives);
/// May the stored bytes be joined with those of this answer, which are then everybody's? A cookie is one user's.
bool may_add_bytes(const RequestHead& request, const ResponseHead& response, const StoreOptions& options);

/// Can a stored response answer this request at all? GET and HEAD without a body.
bool may_lookup(const RequestHead& request);
/// Before the origin is asked: may others wait for the answer to this request? Not when it can hardly be
/// stored for them (no-store, Authorization, a field like X_Own: see StoreWhy::disguise): such a request is passed on by itself.
bool may_share_fill(const RequestHead& request, const RequestDirectives& directives);

/// Is this field of an origin's response kept with the object? Not: hop-by-hop fields, what no-cache="…" and
/// private="…" name, Set-Cookie unless they are to be stored, Age, which is made anew for each answer,
/// Content-Range, and the tags, which the store keeps by themselves. Date and Content-Length are kept.
bool is_stored(const Field& field, const HopByHop& hop, const ResponseDirectives& directives,
               model::SetCookie cookies = model::SetCookie::pass);

}  // namespace popnet::http
