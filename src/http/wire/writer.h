// Writes heads of HTTP/1.1 messages into room given by the caller. Popnet never forwards raw bytes: every
// head that leaves was written here. The writer refuses what would change the message's borders (CR, LF, NUL
// and other control bytes in values, anything but tokens as names, spaces in targets): the first such byte,
// or lack of room, makes it fail for good, and nothing of it may be sent then (idea of the sticky cursor:
// common/bytes.h).
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "http/wire/fields.h"
#include "http/wire/head.h"

namespace popnet::http {

class HeadWriter {
 public:
  explicit HeadWriter(std::span<char> room) : room_(room) {}

  /// "GET /path?query HTTP/1.1".
  void request_line(std::string_view method, const Target& target);
  /// "HTTP/1.1 200 OK", with the standard reason phrase. REQUIRES: 100 <= status <= 599
  void status_line(uint16_t status);

  /// REQUIRES: not FieldName::other
  void field(FieldName name, std::string_view value) { line(to_string(name), value, {}); }
  void field(std::string_view name, std::string_view value);
  void field(FieldName name, uint64_t number);
  /// A value made of two parts, for lists that grow: "1.1 a, " + "1.1 b".
  void field(FieldName name, std::string_view first, std::string_view second);
  /// Whole lines that a HeadWriter wrote before (a stored head). Copied as they are.
  void prepared(std::string_view lines) { put(lines); }
  /// The empty line.
  void end() { put("\r\n"); }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::string_view written() const { return {room_.data(), size_}; }

 private:
  void put(std::string_view bytes) {
    if (char* const to = take(bytes.size())) copy(to, bytes);
  }
  /// Room for so many bytes, which are written then; null when there is none.
  char* take(size_t count) {
    if (!ok_ || room_.size() - size_ < count) [[unlikely]] {
      ok_ = false;
      return nullptr;
    }
    char* const at = room_.data() + size_;
    size_ += count;
    return at;
  }
  static char* copy(char* to, std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
  }
  /// The name is a token; values are checked.
  void line(std::string_view name, std::string_view first, std::string_view second);
  void write_line(std::string_view name, std::string_view first, std::string_view second);

  std::span<char> room_;
  size_t size_ = 0;
  bool ok_ = true;
};

/// "OK", "Not Found", …; "" for a status without a registered phrase.
std::string_view reason_phrase(uint16_t status);

}  // namespace popnet::http
