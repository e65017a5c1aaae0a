// What part of a stored object a request gets (RFC 9110 sections 13.1.5 and 14.2).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/policy/conditional.h"
#include "http/wire/head.h"
#include "http/wire/range.h"

namespace popnet::http {

struct RangePlan {
  enum class Kind : uint8_t {
    whole,          ///< 200
    part,           ///< 206 with Content-Range
    unsatisfiable,  ///< 416 with "Content-Range: bytes */size"
  };
  Kind kind = Kind::whole;
  ByteRange range;
};
/// For a GET of a stored 200 response of `size` bytes, where is_not_modified() said no. If-Range
/// must match strongly, else the whole object is sent.
RangePlan plan_range(const RequestHead& request, const Validators& stored, uint64_t size, WallTime now);

/// "bytes 0-99/1000", "bytes */1000". Empty when the room is less than content_range_max.
inline constexpr size_t content_range_max = 80;
std::string_view format_content_range(const RangePlan& plan, uint64_t size, std::span<char> room);

}  // namespace popnet::http
