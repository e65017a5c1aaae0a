#include "http/edge/answer_head.h"

#include "http/edge/stored.h"

namespace popnet::http {

namespace {

void write_local_fields(const Answer& answer, std::string_view date, HeadWriter& out) {
  out.field(FieldName::date, date);
  if (!answer.text.empty()) out.field(FieldName::content_type, "text/plain; charset=utf-8");
  out.field(FieldName::cache_control, "no-store");
  if (!answer.location.empty()) out.field(FieldName::location, answer.location);
  if (!answer.allow.empty()) out.field(FieldName::allow, answer.allow);
}

}  // namespace

void write_answer_head(const Answer& answer, const ConnectionTerms& terms, std::string_view date,
                       HeadWriter& out) {
  if (answer.object != nullptr && answer.status == stored_meta(*answer.object).status)
    out.prepared(answer.object->head().substr(0, stored_meta(*answer.object).status_line));
  else
    out.status_line(answer.status);
  if (answer.object != nullptr)
    out.prepared(answer.lines);
  else
    write_local_fields(answer, date, out);
  out.prepared(answer.own_lines);
  if (answer.length) out.field(FieldName::content_length, *answer.length);
  if (terms.chunked) out.field(FieldName::transfer_encoding, "chunked");
  if (!answer.content_range.empty()) out.field(FieldName::content_range, answer.content_range);
  if (answer.age)
    out.field(FieldName::age,
              static_cast<uint64_t>(std::chrono::floor<std::chrono::seconds>(*answer.age).count()));
  if (!answer.cache_status.empty()) out.field(FieldName::cache_status, answer.cache_status);
  if (!answer.request_id.empty()) out.field(FieldName::x_request_id, answer.request_id);
  if (!answer.server_timing.empty()) out.field(FieldName::server_timing, answer.server_timing);
  if (!terms.keep_alive)
    out.field(FieldName::connection, "close");
  else if (terms.minor == 0)
    out.field(FieldName::connection, "keep-alive");
  out.end();
}

}  // namespace popnet::http
