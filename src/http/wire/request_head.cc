#include <algorithm>
#include <array>

#include "common/text.h"
#include "http/wire/head.h"
#include "http/wire/lines.h"
#include "http/wire/list.h"

namespace popnet::http {
namespace {

struct NamedMethod {
  std::string_view text;
  Method method;
};
constexpr std::array<NamedMethod, 10> methods = {{{"GET", Method::get},
                                                  {"HEAD", Method::head},
                                                  {"POST", Method::post},
                                                  {"PUT", Method::put},
                                                  {"DELETE", Method::del},
                                                  {"OPTIONS", Method::options},
                                                  {"TRACE", Method::trace},
                                                  {"PATCH", Method::patch},
                                                  {"PURGE", Method::purge},
                                                  {"CONNECT", Method::connect}}};

Method find_method(std::string_view text) {  // case-sensitive: RFC 9110 section 9.1
  for (const auto& known : methods)
    if (known.text == text) return known.method;
  return Method::other;
}

uint16_t status_of(Fault fault) {
  switch (fault) {
    case Fault::version_not_supported:
      return 505;
    case Fault::unknown_transfer_coding:
    case Fault::connect_refused:
      return 501;
    case Fault::expectation_failed:
      return 417;
    case Fault::uri_too_long:
      return 414;
    case Fault::head_too_long:
    case Fault::too_many_fields:
      return 431;
    default:
      return 400;
  }
}

/// Each "%" is followed by two hexadecimal digits.
bool has_good_escapes(std::string_view text) {
  for (size_t i = text.find('%'); i != text.npos; i = text.find('%', i + 1))
    if (text.size() - i < 3 || !scan::all(text.substr(i + 1, 2), scan::hex_digit)) return false;
  return true;
}

/// More than dots: without the final one, which means nothing here, "." is empty.
bool is_reg_name(std::string_view host) {
  if (host.find_first_not_of('.') == host.npos) return false;
  const char* const end = host.data() + host.size();
  const char* p = scan::skip(host.data(), end, scan::host);
  if (p == end) return true;
  while (p != end && (scan::is(*p, scan::host) || *p == '%')) ++p;
  return p == end && has_good_escapes(host);
}

/// IPv6 in brackets: digits, colons and dots are enough to keep everything else out of keys and logs.
bool is_ip_literal(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  host = host.substr(1, host.size() - 2);
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return scan::is(c, scan::hex_digit) || c == ':' || c == '.'; });
}

bool is_port(std::string_view port) {
  const auto number = parse_decimal(port);
  return number && *number <= 65535;
}

/// uri-host [ ":" port ] of an http URI: not empty, and without user information (RFC 9110 sections 4.2.1
/// and 4.2.4).
bool split_authority(std::string_view text, std::string_view& host, std::string_view& port) {
  const size_t host_end =
      !text.empty() && text.front() == '[' ? text.find(']') + 1 : std::min(text.find(':'), text.size());
  host = text.substr(0, host_end);
  port = text.substr(host_end);
  if (!port.empty()) {
    if (port.front() != ':') return false;
    port.remove_prefix(1);
  }
  return !host.empty() && (host.front() == '[' ? is_ip_literal(host) : is_reg_name(host)) &&
         (port.empty() || is_port(port));
}

template <class PathAndQuery>
void split_query(std::string_view text, PathAndQuery& out) {
  const size_t mark = text.find('?');
  out.has_query = mark != text.npos;
  out.path = text.substr(0, mark);
  out.query = out.has_query ? text.substr(mark + 1) : std::string_view{};
}

bool read_absolute_target(RequestHead& head, std::string_view text) {
  HttpUrl url;
  if (!parse_http_url(text, url)) return false;
  head.https = url.https;
  head.host = url.host;
  head.port = url.port;
  head.target = {TargetForm::absolute, text, url.path, url.query, url.has_query};
  return true;
}

/// RFC 9112 section 3.2.
Fault read_target(RequestHead& head, std::string_view text) {
  Target& target = head.target;
  target.text = text;
  if (head.method == Method::connect) {
    std::string_view host, port;
    return split_authority(text, host, port) && !port.empty() ? Fault::connect_refused : Fault::bad_target;
  }
  if (text.front() == '/') [[likely]] {
    target.form = TargetForm::origin;
    split_query(text, target);
    return Fault::none;
  }
  if (text == "*" && head.method == Method::options) {
    target.form = TargetForm::asterisk;
    split_query(text, target);
    return Fault::none;
  }
  return read_absolute_target(head, text) ? Fault::none : Fault::bad_target;
}

/// method SP request-target SP HTTP-version CRLF
bool read_request_line(LineCursor& c, const Limits& limits, RequestHead& head) {
  const char* const method = c.p;
  c.p = scan::skip(c.p, c.end, scan::token);
  if (c.p == c.end || *c.p != ' ' || c.p == method) return c.stop(Fault::bad_method);
  head.method_text = {method, static_cast<size_t>(c.p - method)};
  const char* const target = ++c.p;
  c.p = scan::skip_target(c.p, c.end);
  const size_t target_size = static_cast<size_t>(c.p - target);
  if (target_size > limits.uri_max) return c.stop(Fault::uri_too_long);
  if (c.p == c.end || *c.p != ' ' || target_size == 0) return c.stop(Fault::bad_target);
  const char* const version = ++c.p;
  while (c.p != c.end && *c.p != '\r' && *c.p != '\n') ++c.p;
  const std::string_view version_text(version, static_cast<size_t>(c.p - version));
  if (!c.line_end()) return false;
  c.fault = read_version(version_text, head.minor);
  if (c.fault != Fault::none) return false;
  head.method = find_method(head.method_text);
  c.fault = read_target(head, {target, target_size});
  return c.fault == Fault::none;
}

/// RFC 9112 section 3.2: exactly one valid Host, also where an absolute target overrides it (section 3.2.2).
Fault check_host(RequestHead& head) {
  if (!head.fields.has(FieldName::host)) return head.minor == 0 ? Fault::none : Fault::host_missing;
  if (head.fields.repeated(FieldName::host)) return Fault::host_repeated;
  std::string_view host, port;
  if (!split_authority(head.fields.get(FieldName::host), host, port)) return Fault::bad_host;
  if (head.target.form != TargetForm::absolute) {
    head.host = host;
    head.port = port;
  }
  return Fault::none;
}

/// RFC 9112 section 6.3, for requests; anything ambiguous is a fault.
Fault check_framing(RequestHead& head) {
  const bool coded = head.fields.has(FieldName::transfer_encoding);
  const bool sized = head.fields.has(FieldName::content_length);
  if (!coded && !sized) return Fault::none;
  if (coded && sized) return Fault::length_and_chunked;
  if (sized) {
    if (!read_content_length(head.fields, head.body.length)) return Fault::bad_content_length;
    head.body.kind = Framing::Kind::length;
    return Fault::none;
  }
  if (head.minor == 0) return Fault::transfer_coding_in_1_0;
  head.body.kind = Framing::Kind::chunked;
  return check_transfer_coding(head.fields);
}

/// RFC 9110 section 10.1.1. HTTP/1.0 knows no expectations.
Fault check_expect(RequestHead& head) {
  if (!head.fields.has(FieldName::expect) || head.minor == 0) return Fault::none;
  for (ListItems items(head.fields, FieldName::expect); items.next();) {
    if (!iequals(items.item(), "100-continue")) return Fault::expectation_failed;
    head.expect_continue = true;
  }
  return Fault::none;
}

Fault check_request(RequestHead& head) {
  if (const Fault fault = check_host(head); fault != Fault::none) return fault;
  if (const Fault fault = check_framing(head); fault != Fault::none) return fault;
  if (const Fault fault = check_expect(head); fault != Fault::none) return fault;
  return read_connection(head.fields, head.minor, head.keep_alive);
}

void reset(RequestHead& head) {
  head.host = head.port = {};
  head.own_port = 0;
  head.https = false;
  head.expect_continue = false;
  head.body = {};
  head.fields.clear();
}

bool read_request(LineCursor& c, const Limits& limits, RequestHead& head) {
  if (c.p != c.end && (*c.p == '\r' || *c.p == '\n') && !c.line_end()) return false;
  if (!read_request_line(c, limits, head) || !read_field_lines(c, limits.fields_max, head.fields))
    return false;
  c.fault = check_request(head);
  return c.fault == Fault::none;
}

/// The window is full and the head has not ended: which part of it is too long?
Fault too_long(std::string_view view) {
  const bool in_request_line = view.find('\n', view[0] == '\r' ? 2 : 0) == view.npos;
  return in_request_line ? Fault::uri_too_long : Fault::head_too_long;
}

}  // namespace

bool parse_http_url(std::string_view text, HttpUrl& url) {
  const size_t colon = text.find("://");
  if (colon == text.npos) return false;
  url.https = iequals(text.substr(0, colon), "https");
  if (!url.https && !iequals(text.substr(0, colon), "http")) return false;
  text.remove_prefix(colon + 3);
  const size_t authority_end = std::min(text.find_first_of("/?"), text.size());
  if (!split_authority(text.substr(0, authority_end), url.host, url.port)) return false;
  split_query(text.substr(authority_end), url);
  if (url.path.empty()) url.path = "/";
  return true;
}

std::string escape_url(std::string_view url) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const size_t scheme_end = url.find("://");
  const size_t path = scheme_end == url.npos ? url.npos : url.find_first_of("/?#", scheme_end + 3);
  if (path == url.npos) return std::string(url);
  std::string escaped(url.substr(0, path));
  const size_t fragment = std::min(url.find('#', path), url.size());
  for (const char c : url.substr(path, fragment - path)) {
    const auto byte = static_cast<unsigned char>(c);
    if (scan::is(c, scan::target))
      escaped += c;
    else
      escaped.append({'%', digits[byte >> 4], digits[byte & 15]});
  }
  return escaped.append(url.substr(fragment));
}

std::string_view to_string(Method method) {
  for (const auto& known : methods)
    if (known.method == method) return known.text;
  return {};
}

bool is_safe(const RequestHead& request) {
  constexpr std::string_view registered[] = {"PRI", "PROPFIND", "QUERY", "REPORT", "SEARCH"};
  return is_safe(request.method) ||
         std::find(std::begin(registered), std::end(registered), request.method_text) != std::end(registered);
}

Parsed parse_request(std::string_view bytes, const Limits& limits, RequestHead& head, size_t judged) {
  const HeadWindow window(bytes, limits);
  if (window.view.empty() || window.nothing_new(judged)) return {};
  // Judged before its line is complete, so that one who speaks TLS to us need not wait for the deadline.
  if (!scan::is(bytes[0], scan::token) && bytes[0] != '\r') return failed_with(Fault::bad_method, 400);

  reset(head);
  LineCursor cursor{window.view.data(), window.view.data() + window.view.size()};
  if (read_request(cursor, limits, head)) [[likely]]
    return complete_at(static_cast<size_t>(cursor.p - bytes.data()));
  if (cursor.fault == Fault::none && window.full) cursor.fault = too_long(window.view);
  return cursor.fault == Fault::none ? Parsed{} : failed_with(cursor.fault, status_of(cursor.fault));
}

}  // namespace popnet::http
