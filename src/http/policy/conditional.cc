#include "http/policy/conditional.h"

#include "common/text.h"
#include "http/policy/forwarding.h"
#include "http/wire/date.h"
#include "http/wire/entity_tag.h"
#include "http/wire/list.h"

namespace popnet::http {
namespace {

/// Does the field hold "*" or a tag that equals the stored one (weakly: RFC 9110 section 13.1.2)?
bool any_tag(const RequestHead& request, FieldName name, std::string_view stored) {
  const auto own = parse_entity_tag(stored);
  for (const Field& field : request.fields) {
    if (field.id != name) continue;
    if (field.value == "*") return true;
    for (std::string_view rest = field.value; const auto tag = take_entity_tag(rest);)
      if (own && weak_equal(*tag, *own)) return true;
  }
  return false;
}

/// The date of a condition; none when the field is absent, repeated or no date, and is to be ignored (RFC
/// 9110 section 13.1.3).
std::optional<WallTime> date_in(const RequestHead& request, FieldName name, WallTime now) {
  if (!request.fields.has(name) || request.fields.repeated(name)) return {};
  return parse_http_date(request.fields.get(name), now);
}

/// Fields that say what the body is: not sent in a 304 (RFC 9110 section 15.4.5).
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

/// What the message of the stored body depends on: we keep that body as it came, so it is only its length and its place in the
/// whole (RFC 9111 section 3.2), which stands beside the fields; one among them is of no part and means nothing. Content-Type
/// and Content-Encoding are the origin's to correct.
bool is_fixed(FieldName id, const Fields& stored) {
  return id == FieldName::content_length || (id == FieldName::content_range && !stored.has(id));
}

/// Does the newer message say something about this field?
bool is_updated(const Field& field, const Fields& stored, const Fields& newer, const HopByHop& hop) {
  return !is_fixed(field.id, stored) && !hop.has(field) && has_line(newer, field);
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

// RFC 9110 section 13.2.2: If-None-Match, where there is one, decides alone.
bool is_not_modified(const RequestHead& request, const Validators& stored, WallTime now) {
  if (request.fields.has(FieldName::if_none_match))
    return any_tag(request, FieldName::if_none_match, stored.etag);
  const auto since = date_in(request, FieldName::if_modified_since, now);
  // RFC 9111 section 4.3.2: without Last-Modified, Date stands for it.
  const auto modified = stored.last_modified_time ? stored.last_modified_time : stored.date;
  return since && modified && *modified <= *since;
}

bool has_conditions_for_origin(const Fields& request) {
  return request.has(FieldName::if_match) || request.has(FieldName::if_unmodified_since);
}

bool add_validation(const Validators& stored, Fields& out) {
  if (!stored.etag.empty()) out.add(FieldName::if_none_match, stored.etag);
  if (!stored.last_modified.empty()) out.add(FieldName::if_modified_since, stored.last_modified);
  return stored.any();
}

// RFC 9111 section 4.3.4. A 304 without any validator is taken as speaking of the one response that was asked
// about. A tag that the origin has begun to send since says nothing of what is stored; a strong date does.
bool confirms(const Fields& not_modified, const Fields& stored, WallTime now) {
  auto new_tag = parse_entity_tag(not_modified.get(FieldName::etag));
  auto old_tag = parse_entity_tag(stored.get(FieldName::etag));
  // Of two that are not written alike the one without quotes is none.
  if (new_tag && old_tag && new_tag->quoted() != old_tag->quoted())
    (new_tag->quoted() ? old_tag : new_tag).reset();
  if (new_tag && !old_tag) {
    const std::string_view date = strong_validator(read_validators(stored, now));
    return !date.empty() && not_modified.get(FieldName::last_modified) == date;
  }
  if (new_tag && !new_tag->weak) return strong_equal(*new_tag, *old_tag);
  if (new_tag) return weak_equal(*new_tag, *old_tag);
  if (not_modified.has(FieldName::last_modified) && stored.has(FieldName::last_modified))
    return not_modified.get(FieldName::last_modified) == stored.get(FieldName::last_modified);
  return true;
}

bool merge_update(const Fields& stored, const Fields& newer, Fields& merged) {
  const HopByHop hop(newer);
  merged.clear();
  for (const Field& field : stored) {
    // A message without Date was made when it arrived: the stored Date would make it look old.
    if (field.id == FieldName::date || is_updated(field, stored, newer, hop)) continue;
    if (!merged.add(field.id, field.name, field.value)) return false;
  }
  for (const Field& field : newer) {
    if (!is_updated(field, stored, newer, hop)) continue;
    if (!merged.add(field.id, field.name, field.value)) return false;
  }
  return true;
}

// RFC 9111 section 4.3.5: what the HEAD says must be what is stored. Its "any received validator fields" may be none; but who
// looks with HEAD at a page that has none, again and again, would have us call the same bytes fresh for ever.
HeadSpeaksOf head_speaks_of(const Fields& head, const Fields& stored, std::optional<uint64_t> stored_length) {
  for (const FieldName name : {FieldName::etag, FieldName::last_modified})
    if (head.has(name) && head.get(name) != stored.get(name)) return HeadSpeaksOf::other;
  if (stored_length && head.has(FieldName::content_length) &&
      parse_decimal(head.get(FieldName::content_length)) != stored_length)
    return HeadSpeaksOf::other;
  const bool validated = head.has(FieldName::etag) || head.has(FieldName::last_modified);
  return validated ? HeadSpeaksOf::stored : HeadSpeaksOf::unknown;
}

// RFC 9110 section 8.8: a weak validator, and a date that another version may share, name no bytes. What is no tag by the
// letter is not looked at.
std::string_view strong_validator(const Validators& stored) {
  const auto tag = parse_entity_tag(stored.etag);
  if (tag && tag->quoted()) return tag->weak ? std::string_view{} : stored.etag;
  const bool strong_date = stored.last_modified_time && stored.date &&
                           *stored.date - *stored.last_modified_time >= std::chrono::seconds(1);
  return strong_date ? stored.last_modified : std::string_view{};
}

bool is_sent_in_not_modified(const Field& field) {
  return !is_of_the_body(field.id) && field.id != FieldName::content_language;
}

}  // namespace popnet::http
