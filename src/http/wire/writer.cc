#include "http/wire/writer.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cstring>

#include "http/wire/scan.h"

namespace popnet::http {

void HeadWriter::request_line(std::string_view method, const Target& target) {
  const char* const path_end = target.path.data() + target.path.size();
  const char* const query_end = target.query.data() + target.query.size();
  ok_ = ok_ && !method.empty() && scan::all(method, scan::token) && !target.path.empty() &&
        scan::skip_target(target.path.data(), path_end) == path_end &&
        scan::skip_target(target.query.data(), query_end) == query_end;
  put(method);
  put(" ");
  put(target.path);
  if (target.has_query) put("?");
  put(target.query);
  put(" HTTP/1.1\r\n");
}

void HeadWriter::status_line(uint16_t status) {
  assert(status >= 100 && status <= 599);
  const std::array<char, 4> digits = {static_cast<char>('0' + status / 100),
                                      static_cast<char>('0' + status / 10 % 10),
                                      static_cast<char>('0' + status % 10), ' '};
  put("HTTP/1.1 ");
  put({digits.data(), digits.size()});
  put(reason_phrase(status));
  put("\r\n");
}

void HeadWriter::field(std::string_view name, std::string_view value) {
  if (name.empty() || !scan::all(name, scan::token)) ok_ = false;
  line(name, value, {});
}

void HeadWriter::field(FieldName name, std::string_view first, std::string_view second) {
  line(to_string(name), first, second);
}

void HeadWriter::field(FieldName name, uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  write_line(to_string(name), {digits.data(), static_cast<size_t>(end - digits.data())}, {});
}

void HeadWriter::line(std::string_view name, std::string_view first, std::string_view second) {
  const auto is_value = [](std::string_view text) {
    const char* const end = text.data() + text.size();
    return scan::skip_value(text.data(), end) == end;
  };
  if (!is_value(first) || !is_value(second)) ok_ = false;
  write_line(name, first, second);
}

void HeadWriter::write_line(std::string_view name, std::string_view first, std::string_view second) {
  char* to = take(name.size() + first.size() + second.size() + 4);
  if (to == nullptr) return;
  to = copy(copy(to, name), ": ");
  to = copy(copy(to, first), second);
  copy(to, "\r\n");
}

std::string_view reason_phrase(uint16_t status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 102:
      return "Processing";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 508:
      return "Loop Detected";
    default:
      return "";
  }
}

}  // namespace popnet::http
