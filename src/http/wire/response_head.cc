#include "http/wire/head.h"
#include "http/wire/lines.h"

namespace popnet::http {
namespace {

/// HTTP-version SP status-code SP [ reason-phrase ] CRLF. The second SP may be missing when there is no
/// phrase: many servers forget it, and nothing can be smuggled by it.
bool read_status_line(LineCursor& c, ResponseHead& head) {
  const char* const line = c.p;
  c.p = scan::skip_value(c.p, c.end);
  const std::string_view text(line, static_cast<size_t>(c.p - line));
  if (!c.line_end()) return false;

  c.fault = read_version(text.substr(0, 8), head.minor);
  if (c.fault != Fault::none) return false;
  c.fault = Fault::bad_status;
  if (text.size() < 12 || text[8] != ' ' || !scan::all(text.substr(9, 3), scan::digit)) return false;
  if (text.size() > 12 && text[12] != ' ') return false;
  head.status = static_cast<uint16_t>((text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0'));
  if (head.status < 100 || head.status > 599) return false;
  c.fault = Fault::none;
  head.reason = text.size() > 13 ? text.substr(13) : std::string_view{};
  return true;
}

}  // namespace

Parsed parse_response(std::string_view bytes, const Limits& limits, ResponseHead& head, size_t judged) {
  const HeadWindow window(bytes, limits);
  if (window.view.empty() || window.nothing_new(judged)) return {};
  if (bytes[0] != 'H') return failed_with(Fault::bad_start_line, 502);

  head.fields.clear();
  LineCursor cursor{window.view.data(), window.view.data() + window.view.size()};
  if (read_status_line(cursor, head) &&
      read_field_lines(cursor, limits.fields_max, head.fields, BeforeColon::blanks)) {
    cursor.fault = read_connection(head.fields, head.minor, head.keep_alive);
    if (cursor.fault == Fault::none) return complete_at(static_cast<size_t>(cursor.p - bytes.data()));
  }
  if (cursor.fault == Fault::none && window.full) cursor.fault = Fault::head_too_long;
  return cursor.fault == Fault::none ? Parsed{} : failed_with(cursor.fault, 502);
}

ResponseFraming response_framing(const ResponseHead& head, Method request) {
  const bool coded = head.fields.has(FieldName::transfer_encoding);
  const bool sized = head.fields.has(FieldName::content_length);
  ResponseFraming framing;
  // Checked before it is asked whether there is a body at all: a response that is ambiguous in its fields is
  // not trusted.
  if (coded && sized) return {{}, Fault::length_and_chunked};
  if (sized && !read_content_length(head.fields, framing.body.length)) return {{}, Fault::bad_content_length};
  if (coded && head.minor == 0) return {{}, Fault::transfer_coding_in_1_0};
  if (coded) framing.fault = check_transfer_coding(head.fields);
  if (framing.fault != Fault::none) return framing;

  const bool bodiless = request == Method::head || head.interim() || head.status == 204 || head.status == 304;
  if (bodiless)
    framing.body = {};
  else if (coded)
    framing.body.kind = Framing::Kind::chunked;
  else
    framing.body.kind = sized ? Framing::Kind::length : Framing::Kind::until_close;
  return framing;
}

}  // namespace popnet::http
