// Which bytes of stored parts make, with a range that comes, a longer stretch of one object (RFC 9111 section 3.4).
// Arithmetic only: that all are of one version is for the caller to know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "http/wire/range.h"

namespace popnet::http {

struct JoinPlan {
  struct Piece {
    size_t part = 0;  // its number
    ByteRange bytes;  // of the object; they lie within the part
    bool operator==(const Piece&) const = default;
  };
  ByteRange range;                    // what all of it is of the object
  std::vector<Piece> before, behind;  // what comes, in order

  [[nodiscard]] bool joins() const { return !before.empty() || !behind.empty(); }
};
/// Parts that overlap what comes, or adjoin it, and those that do so then; as long as it has at most `size_max` bytes. What
/// comes counts where both have a byte.
JoinPlan plan_join(std::span<const ByteRange> parts, const ByteRange& comes, uint64_t size_max);

/// The fewest parts that together have all of these bytes, in order, by their numbers: each goes on where the one before it
/// ends. Empty: there are none.
std::vector<size_t> plan_cover(std::span<const ByteRange> parts, const ByteRange& wanted);

/// One stretch that makes the whole of the parts that begin and end it; none where there is no such part. Where nothing is
/// missing, the last byte: so the origin is asked whether it is this version still.
std::optional<ByteRange> find_gap(std::span<const ByteRange> parts, uint64_t whole);

}  // namespace popnet::http
