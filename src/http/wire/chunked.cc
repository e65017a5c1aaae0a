#include "http/wire/chunked.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "http/wire/scan.h"

namespace popnet::http {
namespace {

unsigned hex_value(char c) {
  if (c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

/// 1 to 15 significant digits (RFC 9112 section 7.1: beware of overflow). False when there is none or it is
/// too large.
bool read_hex(std::string_view digits, uint64_t& value) {
  if (digits.empty()) return false;
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.size() > 15) return false;
  value = 0;
  for (const char c : digits) value = value << 4 | hex_value(c);
  return true;
}

/// What may stand between the size and CR LF: nothing, or [BWS] ";" and no control byte.
bool is_extension(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  return first != text.npos && text[first] == ';' && scan::all(text, scan::value);
}

}  // namespace

/// chunk-size [ chunk-ext ] CRLF
ChunkedReader::Step ChunkedReader::read_size(std::string_view bytes) {
  const size_t line_feed = bytes.substr(0, line_max).find('\n');
  if (line_feed == bytes.npos) {
    if (bytes.size() >= line_max) return {.state = State::error, .fault = Fault::bad_chunk};
    return {};
  }
  const std::string_view line = bytes.substr(0, line_feed);
  const auto size_end =
      static_cast<size_t>(scan::skip(line.data(), line.data() + line.size(), scan::hex_digit) - line.data());
  const bool crlf = !line.empty() && line.back() == '\r';
  const std::string_view extension = crlf ? line.substr(size_end, line.size() - size_end - 1) : line;
  const bool extension_ok =
      extension.empty() || (extensions_ == ChunkExtensions::ignore && is_extension(extension));
  if (!crlf || !extension_ok || !read_hex(line.substr(0, size_end), left_))
    return {.state = State::error, .fault = Fault::bad_chunk};
  at_ = left_ > 0 ? At::data : At::trailers;
  return {.state = State::data, .consumed = line_feed + 1};
}

ChunkedReader::Step ChunkedReader::read_trailers(std::string_view bytes) {
  if (bytes.starts_with("\r\n")) return {.state = State::done, .consumed = 2};
  Fields fields;
  const Parsed parsed = parse_field_section(bytes, {.head_max = trailers_max}, fields);
  if (parsed.failed()) return {.state = State::error, .fault = parsed.fault};
  if (!parsed.complete()) return {};
  return {.state = State::done, .consumed = parsed.length, .trailers = bytes.substr(0, parsed.length)};
}

ChunkedReader::Step ChunkedReader::next(std::string_view bytes) {
  size_t consumed = 0;
  for (;;) {
    const std::string_view rest = bytes.substr(consumed);
    Step step;
    switch (at_) {
      case At::size:
        step = read_size(rest);
        break;
      case At::data:
        step = {.state = rest.empty() ? State::need_more : State::data};
        step.consumed = static_cast<size_t>(std::min<uint64_t>(left_, rest.size()));
        step.data = rest.substr(0, step.consumed);
        left_ -= step.consumed;
        if (left_ == 0) at_ = At::data_end;
        break;
      case At::data_end:
        if (rest.size() >= 2 && !rest.starts_with("\r\n"))
          step = {.state = State::error, .fault = Fault::bad_chunk};
        if (rest.starts_with("\r\n")) {
          step = {.state = State::data, .consumed = 2};
          at_ = At::size;
        }
        break;
      case At::trailers:
        step = read_trailers(rest);
        break;
    }
    consumed += step.consumed;
    step.consumed = consumed;
    if (step.state != State::data || !step.data.empty()) return step;
  }
}

ChunkHead::ChunkHead(uint64_t size) : begin_(16) {
  assert(size > 0);
  bytes_[begin_] = '\r';
  bytes_[begin_ + 1U] = '\n';
  for (; size > 0; size >>= 4) bytes_[--begin_] = "0123456789abcdef"[size & 15];
}

}  // namespace popnet::http
