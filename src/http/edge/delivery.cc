#include "http/edge/delivery.h"

#include "http/edge/stored.h"
#include "http/policy/conditional.h"
#include "http/policy/location.h"
#include "http/policy/ranges.h"
#include "http/wire/writer.h"

namespace popnet::http {

namespace {

bool has_conditions(const Fields& fields) {
  return fields.has(FieldName::if_none_match) || fields.has(FieldName::if_modified_since);
}

bool status_has_content(uint16_t status) {
  return status != 204 && status != 304;
}

/// Those of the stored lines that are wanted.
template <typename Wanted>
void choose_lines(Scratch& scratch, Wanted wanted, Answer& answer) {
  HeadWriter lines(scratch.head);
  for (const Field& field : scratch.fields)
    if (wanted(field)) lines.field(field.name, field.value);
  answer.lines = lines.written();
}

/// The head of a 304 made from the stored one.
void make_not_modified(Scratch& scratch, Answer& answer) {
  choose_lines(scratch, is_sent_in_not_modified, answer);
  answer.status = 304;
  answer.body = false;
  answer.length.reset();
}

void make_unsatisfiable(Answer& answer) {
  answer.status = 416;
  answer.object = nullptr;
  answer.lines = {};
  answer.text = "The object is shorter than the range asked for.\n";
  answer.length.reset();
}

/// REQUIRES: the stored fields are in `scratch`
void make_part(Scratch& scratch, const ByteRange& range, const ByteRange& stored, uint64_t whole,
               Answer& answer) {
  // One that its origin gave the whole, where it means nothing, gives way.
  if (scratch.fields.has(FieldName::content_range))
    choose_lines(
        scratch, [](const Field& field) { return field.id != FieldName::content_range; }, answer);
  answer.content_range = format_content_range({RangePlan::Kind::part, range}, whole, scratch.range);
  answer.status = 206;
  answer.first = range.first - stored.first;
  answer.length = range.size();
}

/// A stored part: what the request wants of it; where the origin sent less, what there is of that; where it sent
/// something else altogether, what it sent.
void deliver_part(Scratch& scratch, const StoredMeta& meta, const RequestHead& request,
                  const Validators& validators, WallTime now, Answer& answer) {
  const RangePlan plan = plan_range(request, validators, meta.whole_size, now);
  ByteRange sent = meta.part();
  if (plan.kind == RangePlan::Kind::part && plan.range.first <= sent.last && plan.range.last >= sent.first)
    sent = {std::max(plan.range.first, sent.first), std::min(plan.range.last, sent.last)};
  make_part(scratch, sent, meta.part(), meta.whole_size, answer);
}

}  // namespace

bool suits(Scratch& scratch, const Object& object, const RequestHead& request, WallTime now) {
  const StoredMeta& meta = stored_meta(object);
  if (!meta.is_part()) [[likely]]
    return !meta.head_only || request.method == Method::head;
  // There may be many parts: those that lie elsewhere should not cost much.
  const RangeRequest asked = parse_range(request.fields.get(FieldName::range), meta.whole_size);
  if (asked.kind == RangeRequest::Kind::ignore ||
      (asked.kind == RangeRequest::Kind::satisfiable && !lies_within(asked.range, meta.part())) ||
      (asked.kind == RangeRequest::Kind::unsatisfiable && meta.whole_size == ContentRange::open))
    return false;
  read_stored_fields(object, scratch.fields);
  const RangePlan plan = plan_range(request, read_validators(scratch.fields, now), meta.whole_size, now);
  return plan.kind == RangePlan::Kind::unsatisfiable ||
         (plan.kind == RangePlan::Kind::part && lies_within(plan.range, meta.part()));
}

void deliver_object(Scratch& scratch, const Object& object, const RequestHead& request, bool choose,
                    WallTime now, Answer& answer) {
  const StoredMeta& meta = stored_meta(object);
  const bool head_only = request.method == Method::head;
  answer.status = meta.status;
  answer.object = &object;
  answer.lines = stored_lines(object);
  answer.body = !head_only && status_has_content(meta.status);
  if (meta.content_length != StoredMeta::unknown_length) answer.length = meta.content_length;
  if (object.body().state() == Body::State::complete && !head_only) answer.length = stored_size(object);
  if (!status_has_content(meta.status)) answer.length.reset();

  // RFC 9110 sections 13.2.1 and 14.2: conditions are of what would succeed without them, ranges of 200 alone.
  const bool judged = choose && meta.status >= 200 && meta.status < 300;
  const bool ranged =
      answer.length && !head_only && request.fields.has(FieldName::range) && meta.status == 200;
  if (!judged || (!ranged && !meta.is_part() && !has_conditions(request.fields))) [[likely]]
    return;
  read_stored_fields(object, scratch.fields);
  const Validators validators = read_validators(scratch.fields, now);
  // RFC 9110 section 13.2.2: conditions first, then the range.
  if (is_not_modified(request, validators, now)) return make_not_modified(scratch, answer);
  if (!ranged && !meta.is_part()) return;
  const uint64_t whole = meta.is_part() ? meta.whole_size : *answer.length;
  const RangePlan plan = plan_range(request, validators, whole, now);
  if (plan.kind == RangePlan::Kind::unsatisfiable)
    make_unsatisfiable(answer);
  else if (meta.is_part())
    deliver_part(scratch, meta, request, validators, now, answer);
  else if (plan.kind == RangePlan::Kind::part)
    make_part(scratch, plan.range, {0, whole - 1}, whole, answer);
  if (answer.status == 416) answer.content_range = format_content_range(plan, whole, scratch.range);
}

void put_under_prefix(Scratch& scratch, std::string_view host, std::string_view prefix, Answer& answer) {
  const bool leads_on = answer.status == 201 || (answer.status / 100 == 3 && answer.status != 304);
  if (!leads_on || answer.object == nullptr) [[likely]]
    return;
  read_stored_fields(*answer.object, scratch.fields);
  if (!scratch.fields.has(FieldName::location)) return;
  const std::string location = location_under_prefix(scratch.fields.get(FieldName::location), host, prefix);
  HeadWriter lines(scratch.head);
  for (const Field& field : scratch.fields)
    lines.field(field.name, field.id == FieldName::location ? std::string_view(location) : field.value);
  if (lines.ok()) answer.lines = lines.written();
}

std::optional<ByteRange> wanted_of_parts(Scratch& scratch, const Object& part, const RequestHead& request,
                                         WallTime now) {
  read_stored_fields(part, scratch.fields);
  const RangePlan plan =
      plan_range(request, read_validators(scratch.fields, now), stored_meta(part).whole_size, now);
  return plan.kind == RangePlan::Kind::part ? std::optional(plan.range) : std::nullopt;
}

void deliver_parts(Scratch& scratch, const Object& first, const ByteRange& range, uint64_t whole,
                   const RequestHead& request, WallTime now, Answer& answer) {
  deliver_object(scratch, first, request, true, now, answer);
  if (answer.status != 206) return;  // it is 304
  make_part(scratch, range, stored_meta(first).part(), whole, answer);
  answer.piece = &first;
}

}  // namespace popnet::http
