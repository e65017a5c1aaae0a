#include "http/policy/ranges.h"

#include <algorithm>
#include <charconv>

#include "http/wire/date.h"
#include "http/wire/entity_tag.h"

namespace popnet::http {
namespace {

/// RFC 9110 section 8.8.2.2: a date tells two versions apart only if it was over when the answer was made.
bool is_strong_date(const Validators& stored) {
  return stored.last_modified_time && stored.date &&
         *stored.date - *stored.last_modified_time >= std::chrono::seconds(1);
}

/// RFC 9110 section 13.1.5: does the condition allow a part to be sent?
bool if_range_holds(const RequestHead& request, const Validators& stored, WallTime now) {
  if (!request.fields.has(FieldName::if_range)) return true;
  if (request.fields.repeated(FieldName::if_range)) return false;
  const std::string_view value = request.fields.get(FieldName::if_range);
  if (const auto tag = parse_entity_tag(value)) {
    const auto own = parse_entity_tag(stored.etag);
    return own && strong_equal(*tag, *own);
  }
  const auto date = parse_http_date(value, now);
  return date && is_strong_date(stored) && *date == *stored.last_modified_time;
}

}  // namespace

RangePlan plan_range(const RequestHead& request, const Validators& stored, uint64_t size, WallTime now) {
  if (request.method != Method::get || !request.fields.has(FieldName::range) ||
      request.fields.repeated(FieldName::range))
    return {};
  const RangeRequest asked = parse_range(request.fields.get(FieldName::range), size);
  if (asked.kind == RangeRequest::Kind::ignore || !if_range_holds(request, stored, now)) return {};
  if (asked.kind == RangeRequest::Kind::unsatisfiable && size == ContentRange::open) return {};
  if (asked.kind == RangeRequest::Kind::unsatisfiable) return {RangePlan::Kind::unsatisfiable, {}};
  return {RangePlan::Kind::part, asked.range};
}

std::string_view format_content_range(const RangePlan& plan, uint64_t size, std::span<char> room) {
  if (room.size() < content_range_max) return {};
  char* out = room.data();
  const auto put = [&out](std::string_view text) { out = std::copy(text.begin(), text.end(), out); };
  const auto put_number = [&](uint64_t number) {
    out = std::to_chars(out, room.data() + room.size(), number).ptr;
  };
  put("bytes ");
  if (plan.kind == RangePlan::Kind::part) {
    put_number(plan.range.first);
    put("-");
    put_number(plan.range.last);
  } else {
    put("*");
  }
  put("/");
  if (size == ContentRange::open)
    put("*");
  else
    put_number(size);
  return {room.data(), static_cast<size_t>(out - room.data())};
}

}  // namespace popnet::http
