// Heads of HTTP/1.1 messages (RFC 9112): one parser for requests, one for responses, one for trailers. All
// read a contiguous buffer, allocate nothing and hand out views into it.
//
// Policy: strict. Whatever RFC 9112 calls an error, and whatever two implementations are known to read
// differently, is refused: the message borders that we see must be those that anybody else sees (request
// smuggling). Refused are bare CR and bare LF, folded lines, white space before the colon (of responses it is dropped: section 5.1), control bytes,
// Content-Length beside Transfer-Encoding, any second Content-Length, any transfer coding but one "chunked",
// and a missing, second or malformed Host.
//
// Incremental: call again with all bytes of the message so far, from its first byte, whenever more came. The
// outcome depends on the bytes only, never on how they were split: a line is judged when its LF is there.
// `judged` (bytes that an earlier call answered with need_more) only saves work: without a new LF the call
// costs one search of the new bytes, so that a client that sends its head byte by byte costs no more than
// another.
//
// Errors: an enumerated Fault and the status to answer with; the connection closes after it. For responses
// the status is what the gateway answers its client (502).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/wire/fields.h"

namespace popnet::http {

enum class Method : uint8_t { get, head, post, put, del, options, trace, patch, purge, connect, other };

/// RFC 9110 section 9.2.1 and 9.2.2.
constexpr bool is_safe(Method m) {
  return m == Method::get || m == Method::head || m == Method::options || m == Method::trace;
}
constexpr bool is_idempotent(Method m) {
  return is_safe(m) || m == Method::put || m == Method::del || m == Method::purge;
}

/// RFC 9112 section 3.2. The authority form (CONNECT) is refused with 501.
enum class TargetForm : uint8_t { origin, absolute, asterisk };

struct Target {
  TargetForm form = TargetForm::origin;
  std::string_view text{};   ///< as sent
  std::string_view path{};   ///< "/…"; "/" where an absolute target has none; "*" for asterisk
  std::string_view query{};  ///< behind the "?"
  bool has_query = false;    ///< "/a?" and "/a" are different targets
};

/// An http or https URL, in the terms of a request: what an absolute target, a Location or a purge order
/// says.
struct HttpUrl {
  bool https = false;
  std::string_view host{};
  std::string_view port{};  ///< digits; empty = the scheme's default
  std::string_view path{};  ///< "/" where the URL has none
  std::string_view query{};
  bool has_query = false;
};
/// False for any other scheme, an empty or malformed host, and user information (RFC 9110 section 4.2). A
/// fragment is not looked for.
bool parse_http_url(std::string_view text, HttpUrl& url);
/// A URL as somebody writes it, as browsers would send it: in its path and query, bytes that can stand in no request target
/// (spaces, quotes, all beyond ASCII, …) are percent-encoded. A "%" stays, and so does a fragment.
std::string escape_url(std::string_view url);

/// RFC 9110 sections 4.2.1 and 4.2.2.
constexpr uint16_t standard_port(bool https) {
  return https ? 443 : 80;
}

/// How the body of a message is delimited (RFC 9112 section 6.3).
struct Framing {
  enum class Kind : uint8_t {
    none,
    length,
    chunked,
    until_close,  ///< responses only
  };
  Kind kind = Kind::none;
  uint64_t length = 0;  ///< bytes, for `length`

  bool operator==(const Framing&) const = default;
};

/// Elements of Connection, in all of its lines: each field of a message is compared with all of them.
inline constexpr size_t connection_options_max = 32;

struct RequestHead {
  Method method = Method::other;
  std::string_view method_text{};
  Target target;
  /// Of the target URI: from an absolute target, else from Host. Without port; as sent (case kept); an IPv6
  /// literal with its brackets. Empty only in an HTTP/1.0 request without Host.
  std::string_view host{};
  std::string_view port{};  ///< digits; empty = the scheme's default
  uint16_t own_port = 0;    ///< of this server, if that is it; else 0. Not by the parser: policy/key.h
  bool https = false;       ///< the scheme of an absolute target
  uint8_t minor = 1;        ///< 0 or 1
  bool keep_alive = true;   ///< RFC 9112 section 9.3; false also when Connection cannot be read
  bool expect_continue = false;
  Framing body;  ///< none, length or chunked
  Fields fields;
};

/// RFC 9110 section 9.2.1: also of the methods without a Method of their own that IANA's registry calls safe.
bool is_safe(const RequestHead& request);

struct ResponseHead {
  uint16_t status = 0;        ///< 100 .. 599
  std::string_view reason{};  ///< as sent; only for the log
  uint8_t minor = 1;
  bool keep_alive = true;  ///< RFC 9112 section 9.3; false also when Connection cannot be read
  Fields fields;

  [[nodiscard]] bool interim() const { return status < 200; }
};

/// What is wrong with a message.
enum class Fault : uint8_t {
  none,
  bad_start_line,
  bad_method,
  bad_target,
  bad_version,
  version_not_supported,
  bad_status,
  bad_line_end,     ///< bare CR or bare LF
  bad_field_name,   ///< white space before the colon, folded line, no colon, not a token
  bad_field_value,  ///< a control byte
  host_missing,
  host_repeated,
  bad_host,
  bad_content_length,   ///< not a number, too large, or more than one
  length_and_chunked,   ///< Content-Length beside Transfer-Encoding
  bad_transfer_coding,  ///< last coding is not "chunked", or it stands there twice
  unknown_transfer_coding,
  transfer_coding_in_1_0,
  bad_chunk,
  connect_refused,
  expectation_failed,
  uri_too_long,
  head_too_long,
  too_many_fields,  ///< field lines, or options in Connection
};
/// For the log: what was wrong, in words.
const char* to_string(Fault fault);

struct Parsed {
  enum class State : uint8_t { need_more, complete, error };
  State state = State::need_more;
  Fault fault = Fault::none;
  uint16_t status =
      0;  ///< to answer with, when state is error: 400, 414, 417, 431, 501, 505; 502 for responses
  size_t length = 0;  ///< bytes of the head with its empty line, when complete

  [[nodiscard]] bool complete() const { return state == State::complete; }
  [[nodiscard]] bool failed() const { return state == State::error; }
  bool operator==(const Parsed&) const = default;
};

struct Limits {
  size_t head_max = 32 * 1024;  ///< bytes of the whole head
  size_t uri_max = 8 * 1024;    ///< bytes of the request target
  size_t fields_max = 100;      ///< field lines; at most Fields::capacity
};

/// Fills `head` when complete; its content is meaningless otherwise. One empty line before the request line
/// is skipped (RFC 9112 section 2.2) and counted in `length`.
Parsed parse_request(std::string_view bytes, const Limits& limits, RequestHead& head, size_t judged = 0);

Parsed parse_response(std::string_view bytes, const Limits& limits, ResponseHead& head, size_t judged = 0);

/// The lines between the last chunk and the empty line that ends the message (RFC 9112 section 7.1.2), or any
/// other bare field section (a stored head). Status of errors: 400.
Parsed parse_field_section(std::string_view bytes, const Limits& limits, Fields& fields);

/// RFC 9112 section 6.3, items 1 to 8, for the response to a request with this method. A Fault means: close
/// the connection to the origin, answer 502.
struct ResponseFraming {
  Framing body;
  Fault fault = Fault::none;
};
ResponseFraming response_framing(const ResponseHead& head, Method request);

/// "GET" … as written on the wire; empty for `other`.
std::string_view to_string(Method method);

}  // namespace popnet::http
