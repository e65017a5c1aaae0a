#include "http/edge/slices.h"

#include <fmt/format.h>

#include <algorithm>

namespace popnet::http {

uint64_t slice_size(const Route& route) {
  if (route.action != model::Action::cache) return 0;
  const uint64_t of_site = route.site->site->cache.slice;
  return route.rule != nullptr ? route.rule->slice.value_or(of_site) : of_site;
}

bool asks_for_part(const Fields& request) {
  if (!request.has(FieldName::range) || request.repeated(FieldName::range)) return false;
  const std::string_view range = request.get(FieldName::range);
  const RangeRequest asked = parse_range(range, UINT64_MAX);
  if (asked.kind != RangeRequest::Kind::satisfiable) return false;
  const bool from_the_start = asked.range.first == 0 && asked.range.last == UINT64_MAX - 1;
  return !from_the_start || range.find("=-") != range.npos;
}

uint64_t first_slice(const Fields& request, uint64_t size) {
  constexpr uint64_t farthest = uint64_t{1} << 62;
  if (!asks_for_part(request)) return 0;
  const std::string_view range = request.get(FieldName::range);
  if (range.find("=-") != range.npos) return 0;  // counted from the end
  const uint64_t first = parse_range(range, UINT64_MAX).range.first;
  return first > farthest ? 0 : first / size;
}

ByteRange slice_range(uint64_t slice, uint64_t size, uint64_t whole) {
  const uint64_t first = slice * size;
  return {first, std::min(first + size, whole) - 1};
}

std::string slice_key_prefix(std::string_view object_key) {
  return std::string(object_key).append(1, '\0');
}

std::string slice_key(std::string_view object_key, uint64_t series, uint64_t slice) {
  return slice_key_prefix(object_key) + fmt::format("{:016x}", series) + '\0' + std::to_string(slice);
}

}  // namespace popnet::http
