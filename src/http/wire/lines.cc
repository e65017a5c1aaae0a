#include "http/wire/lines.h"

#include "common/text.h"
#include "http/wire/list.h"

namespace popnet::http {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool read_field_line(LineCursor& c, Fields& fields, BeforeColon before_colon) {
  const char* const name = c.p;
  c.p = scan::skip(c.p, c.end, scan::token);
  const std::string_view name_text(name, static_cast<size_t>(c.p - name));
  if (before_colon == BeforeColon::blanks)
    while (c.p != c.end && is_blank(*c.p)) ++c.p;
  if (c.p == c.end || *c.p != ':' || name_text.empty()) [[unlikely]]
    return c.stop(Fault::bad_field_name);
  ++c.p;
  while (c.p != c.end && is_blank(*c.p)) ++c.p;
  const char* const value = c.p;
  c.p = scan::skip_value(c.p, c.end);
  const char* value_end = c.p;
  if (!c.line_end()) return false;
  while (value_end != value && is_blank(value_end[-1])) --value_end;
  return fields.add(find_field_name(name_text), name_text, {value, static_cast<size_t>(value_end - value)}) ||
         c.stop(Fault::too_many_fields);
}

}  // namespace

bool read_field_lines(LineCursor& c, size_t fields_max, Fields& fields, BeforeColon before_colon) {
  for (;;) {
    if (c.p == c.end) return false;
    if (*c.p == '\r' || *c.p == '\n') return c.line_end();
    if (fields.size() >= fields_max) return c.stop(Fault::too_many_fields);
    if (!read_field_line(c, fields, before_colon)) return false;
  }
}

Parsed complete_at(size_t length) {
  return {Parsed::State::complete, Fault::none, 0, length};
}
Parsed failed_with(Fault fault, uint16_t status) {
  return {Parsed::State::error, fault, status, 0};
}

Fault read_connection(const Fields& fields, uint8_t minor, bool& keep_alive) {
  keep_alive = minor >= 1;
  bool ends = false;
  size_t options = 0;
  for (ListItems items(fields, FieldName::connection); items.next();) {
    if (++options > connection_options_max) return Fault::too_many_fields;
    keep_alive = keep_alive || iequals(items.item(), "keep-alive");
    ends = ends || iequals(items.item(), "close") || !scan::all(items.item(), scan::token);
  }
  keep_alive = keep_alive && !ends;
  return Fault::none;
}

bool read_content_length(const Fields& fields, uint64_t& length) {
  if (fields.repeated(FieldName::content_length)) return false;
  const auto number = parse_decimal(fields.get(FieldName::content_length));
  if (!number || *number > INT64_MAX) return false;
  length = *number;
  return true;
}

Fault check_transfer_coding(const Fields& fields) {
  size_t codings = 0, chunked = 0;
  bool last_is_chunked = false;
  for (ListItems items(fields, FieldName::transfer_encoding); items.next();) {
    last_is_chunked = iequals(items.item(), "chunked");
    codings += 1;
    chunked += last_is_chunked;
  }
  if (!last_is_chunked || chunked > 1) return Fault::bad_transfer_coding;
  return codings == 1 ? Fault::none : Fault::unknown_transfer_coding;
}

Fault read_version(std::string_view text, uint8_t& minor) {
  if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || text[6] != '.' || !scan::is(text[5], scan::digit) ||
      !scan::is(text[7], scan::digit))
    return Fault::bad_version;
  if (text[5] != '1') return Fault::version_not_supported;
  minor = text[7] == '0' ? 0 : 1;
  return Fault::none;
}

Parsed parse_field_section(std::string_view bytes, const Limits& limits, Fields& fields) {
  const HeadWindow window(bytes, limits);
  LineCursor cursor{window.view.data(), window.view.data() + window.view.size()};
  fields.clear();
  if (read_field_lines(cursor, limits.fields_max, fields))
    return complete_at(static_cast<size_t>(cursor.p - bytes.data()));
  if (cursor.fault == Fault::none && window.full) cursor.fault = Fault::head_too_long;
  return cursor.fault == Fault::none ? Parsed{} : failed_with(cursor.fault, 400);
}

const char* to_string(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "no fault";
    case Fault::bad_start_line:
      return "malformed start line";
    case Fault::bad_method:
      return "the method is not a token";
    case Fault::bad_target:
      return "malformed request target";
    case Fault::bad_version:
      return "malformed HTTP version";
    case Fault::version_not_supported:
      return "not HTTP/1.x";
    case Fault::bad_status:
      return "the status is not a number from 100 to 599";
    case Fault::bad_line_end:
      return "a line does not end with CR LF";
    case Fault::bad_field_name:
      return "a field line does not begin with a token and a colon";
    case Fault::bad_field_value:
      return "a control byte in a field value";
    case Fault::host_missing:
      return "no Host";
    case Fault::host_repeated:
      return "more than one Host";
    case Fault::bad_host:
      return "malformed Host";
    case Fault::bad_content_length:
      return "Content-Length is not one number";
    case Fault::length_and_chunked:
      return "both Content-Length and Transfer-Encoding";
    case Fault::bad_transfer_coding:
      return "Transfer-Encoding does not end with one chunked";
    case Fault::unknown_transfer_coding:
      return "a transfer coding other than chunked";
    case Fault::transfer_coding_in_1_0:
      return "Transfer-Encoding in HTTP/1.0";
    case Fault::bad_chunk:
      return "malformed chunk";
    case Fault::connect_refused:
      return "CONNECT is not offered";
    case Fault::expectation_failed:
      return "an expectation other than 100-continue";
    case Fault::uri_too_long:
      return "the request target is too long";
    case Fault::head_too_long:
      return "the head is too long";
    case Fault::too_many_fields:
      return "too many field lines, or options in Connection";
  }
  return "";
}

}  // namespace popnet::http
