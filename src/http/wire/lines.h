// Inside of http/wire: the reader of field lines that request, response and trailer parsers share.
//
// A step returns true to go on. False means: stop; `fault` says why, or is none when more bytes are needed. A
// fault is only reported when the LF of its line is there, so that the outcome does not depend on how the
// bytes were split.
#pragma once

#include <cstring>

#include "http/wire/head.h"
#include "http/wire/scan.h"

namespace popnet::http {

struct LineCursor {
  const char* p;
  const char* end;
  Fault fault = Fault::none;

  bool stop(Fault why) {
    if (p != end && std::memchr(p, '\n', static_cast<size_t>(end - p))) fault = why;
    return false;
  }
  /// CR LF, both and at once.
  bool line_end() {
    if (end - p < 2 || p[0] != '\r' || p[1] != '\n') [[unlikely]]
      return bad_line_end();
    p += 2;
    return true;
  }

 private:
  bool bad_line_end() {
    return stop(p != end && *p != '\r' && *p != '\n' ? Fault::bad_field_value : Fault::bad_line_end);
  }
};

/// What may stand between a field's name and its colon: blanks are dropped from responses, and are a fault anywhere else (RFC 9112
/// section 5.1).
enum class BeforeColon : uint8_t { nothing, blanks };

/// Field lines up to and with the empty line.
bool read_field_lines(LineCursor& cursor, size_t fields_max, Fields& fields,
                      BeforeColon before_colon = BeforeColon::nothing);

/// The part of the bytes that is looked at, and the outcome when it is not enough: a pure function of the
/// bytes, however they were split.
struct HeadWindow {
  std::string_view view;
  bool full;

  HeadWindow(std::string_view bytes, const Limits& limits)
      : view(bytes.substr(0, limits.head_max)), full(bytes.size() >= limits.head_max) {}
  /// The call has brought no LF and no limit: nothing can have changed since `judged` bytes were too few.
  [[nodiscard]] bool nothing_new(size_t judged) const {
    return judged > 0 && judged <= view.size() && !full &&
           !std::memchr(view.data() + judged, '\n', view.size() - judged);
  }
};

Parsed complete_at(size_t length);
Parsed failed_with(Fault fault, uint16_t status);

/// RFC 9112 section 9.3: is the connection kept? Not where Connection has an element that is no token. A fault where it names
/// more than connection_options_max.
Fault read_connection(const Fields& fields, uint8_t minor, bool& keep_alive);

/// The value of the one Content-Length, checked. REQUIRES: fields have one
bool read_content_length(const Fields& fields, uint64_t& length);
/// Is there exactly one transfer coding and is it "chunked"? Else which fault.
Fault check_transfer_coding(const Fields& fields);

/// "1.0" or "1.1" of "HTTP/1.x": RFC 9110 section 2.5, a higher minor version is read as 1.1.
Fault read_version(std::string_view text, uint8_t& minor);

}  // namespace popnet::http
