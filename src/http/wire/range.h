// The Range field for the unit "bytes" (RFC 9110 section 14). Offsets are counted from 0, both ends
// included.
#pragma once

#include <cstdint>
#include <string_view>

namespace popnet::http {

struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;  ///< included

  [[nodiscard]] uint64_t size() const { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};

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

}  // namespace popnet::http
