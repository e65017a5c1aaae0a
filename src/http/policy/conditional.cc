#include "http/policy/conditional.h"

#include "common/text.h"
#include "http/policy/forwarding.h"
#include "http/wire/date.h"
#include "http/wire/entity_tag.h"

namespace popnet::http {
namespace {

using TagsEqual = bool (*)(const EntityTag&, const EntityTag&);

/// Does the field (If-Match, If-None-Match) hold "*" or a tag that equals the stored one?
bool any_tag(const RequestHead& request, FieldName name, std::string_view stored, TagsEqual equal) {
  const auto own = parse_entity_tag(stored);
  for (const Field& field : request.fields) {
    if (field.id != name) continue;
    if (field.value == "*") return true;
    for (std::string_view rest = field.value; const auto tag = take_entity_tag(rest);)
      if (own && equal(*tag, *own)) return true;
  }
  return false;
}

bool strongly(const EntityTag& a, const EntityTag& b) {
  return strong_equal(a, b);
}
bool weakly(const EntityTag& a, const EntityTag& b) {
  return weak_equal(a, b);
}

/// The date of a condition; none when the field is absent, repeated or no date, and is to be ignored (RFC
/// 9110 section 13.1.3).
std::optional<WallTime> date_in(const RequestHead& request, FieldName name, WallTime now) {
  if (!request.fields.has(name) || request.fields.repeated(name)) return {};
  return parse_http_date(request.fields.get(name), now);
}

/// Fields of the stored response that belong to its stored body (RFC 9111 section 3.2).
bool is_of_the_body(FieldName id) {
  switch (id) {
    case FieldName::content_encoding:
    case FieldName::content_length:
    case FieldName::content_range:
    case FieldName::content_type:
      return true;
    default:
      return false;
  }
}

/// Is there a line of that name?
bool has_line(const Fields& fields, const Field& like) {
  if (like.id != FieldName::other) return fields.has(like.id);
  for (const Field& field : fields)
    if (iequals(field.name, like.name)) return true;
  return false;
}

/// Does a 304 say something new about this field?
bool is_updated(const Field& field, const Fields& not_modified, const HopByHop& hop) {
  return !is_of_the_body(field.id) && !hop.has(field) && has_line(not_modified, field);
}

}  // namespace

Validators read_validators(const Fields& stored, WallTime now) {
  Validators validators;
  if (parse_entity_tag(stored.get(FieldName::etag))) validators.etag = stored.get(FieldName::etag);
  validators.last_modified_time = parse_http_date(stored.get(FieldName::last_modified), now);
  if (validators.last_modified_time) validators.last_modified = stored.get(FieldName::last_modified);
  validators.date = parse_http_date(stored.get(FieldName::date), now);
  return validators;
}

// RFC 9110 section 13.2.2. Each later pair is only looked at when the earlier did not end it.
Condition evaluate_conditions(const RequestHead& request, const Validators& stored, WallTime now) {
  if (request.fields.has(FieldName::if_match)) {
    if (!any_tag(request, FieldName::if_match, stored.etag, strongly)) return Condition::failed;
  } else if (const auto since = date_in(request, FieldName::if_unmodified_since, now)) {
    if (stored.last_modified_time && *stored.last_modified_time > *since) return Condition::failed;
  }
  if (request.fields.has(FieldName::if_none_match))
    return any_tag(request, FieldName::if_none_match, stored.etag, weakly) ? Condition::not_modified
                                                                           : Condition::proceed;
  if (const auto since = date_in(request, FieldName::if_modified_since, now)) {
    // RFC 9111 section 4.3.2: without Last-Modified, Date stands for it.
    const auto modified = stored.last_modified_time ? stored.last_modified_time : stored.date;
    if (modified && *modified <= *since) return Condition::not_modified;
  }
  return Condition::proceed;
}

bool add_validation(const Validators& stored, Fields& out) {
  if (!stored.etag.empty()) out.add(FieldName::if_none_match, stored.etag);
  if (!stored.last_modified.empty()) out.add(FieldName::if_modified_since, stored.last_modified);
  return stored.any();
}

// RFC 9111 section 4.3.4. A 304 without any validator is taken as speaking of the one response that was asked
// about.
bool confirms(const Fields& not_modified, const Fields& stored) {
  const auto new_tag = parse_entity_tag(not_modified.get(FieldName::etag));
  const auto old_tag = parse_entity_tag(stored.get(FieldName::etag));
  if (new_tag && !new_tag->weak) return old_tag && strong_equal(*new_tag, *old_tag);
  if (new_tag) return old_tag && weak_equal(*new_tag, *old_tag);
  if (not_modified.has(FieldName::last_modified) && stored.has(FieldName::last_modified))
    return not_modified.get(FieldName::last_modified) == stored.get(FieldName::last_modified);
  return true;
}

bool merge_not_modified(const Fields& stored, const Fields& not_modified, Fields& merged) {
  const HopByHop hop(not_modified);
  merged.clear();
  for (const Field& field : stored) {
    // A 304 without Date was made when it arrived: the stored Date would make it look old.
    if (field.id == FieldName::date || is_updated(field, not_modified, hop)) continue;
    if (!merged.add(field.id, field.name, field.value)) return false;
  }
  for (const Field& field : not_modified) {
    if (!is_updated(field, not_modified, hop)) continue;
    if (!merged.add(field.id, field.name, field.value)) return false;
  }
  return true;
}

bool is_sent_in_not_modified(const Field& field) {
  return !is_of_the_body(field.id) && field.id != FieldName::content_language;
}

}  // namespace popnet::http
