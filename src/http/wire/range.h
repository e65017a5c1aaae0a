// The Range field for the unit "bytes" (RFC 9110 section 14). Offsets are counted from 0, both ends
// included.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace popnet::http {

struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;  ///< included

  [[nodiscard]] uint64_t size() const { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};
constexpr bool lies_within(const ByteRange& inner, const ByteRange& outer) {
  return inner.first >= outer.first && inner.last <= outer.last;
}

/// What a Range field asks of a representation of a known size.
struct RangeRequest {
  enum class Kind : uint8_t {
    ignore,         ///< malformed, another unit, or several ranges (a server may ignore Range: section 14.2)
    satisfiable,    ///< `range`, cut to the size
    unsatisfiable,  ///< 416
  };
  Kind kind = Kind::ignore;
  ByteRange range;
};
RangeRequest parse_range(std::string_view value, uint64_t size);

/// What a 206 carries (RFC 9110 section 14.4): "bytes 0-99/1000", or "bytes 0-99/*".
struct ContentRange {
  static constexpr uint64_t open = UINT64_MAX - 1;  ///< larger than any object: the size is not told
  ByteRange range;
  uint64_t whole = 0;  ///< size of the whole object
};
/// None when it is malformed, of another unit, or unsatisfied ("bytes */1000").
std::optional<ContentRange> parse_content_range(std::string_view value);

}  // namespace popnet::http
