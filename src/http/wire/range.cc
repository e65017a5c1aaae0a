#include "http/wire/range.h"

#include <algorithm>
#include <optional>

#include "common/text.h"
#include "http/wire/list.h"
#include "http/wire/scan.h"

namespace popnet::http {
namespace {

/// Digits only; the largest number when it does not fit: an offset beyond any size.
std::optional<uint64_t> parse_offset(std::string_view digits) {
  if (digits.empty() || !scan::all(digits, scan::digit)) return {};
  return parse_decimal(digits).value_or(UINT64_MAX);
}

RangeRequest suffix_range(uint64_t length, uint64_t size) {
  if (length == 0) return {RangeRequest::Kind::unsatisfiable, {}};
  if (size == 0) return {};  // satisfiable by the letter, but no Content-Range can say so
  return {RangeRequest::Kind::satisfiable, {size - std::min(length, size), size - 1}};
}

}  // namespace

RangeRequest parse_range(std::string_view value, uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!iequals(value.substr(0, unit.size()), unit)) return {};
  value = trim(value.substr(unit.size()), " \t,");
  const size_t dash = value.find('-');
  if (dash == value.npos) return {};
  const auto last = parse_offset(value.substr(dash + 1));
  if (dash == 0) return last ? suffix_range(*last, size) : RangeRequest{};
  const auto first = parse_offset(value.substr(0, dash));
  const bool open = dash + 1 == value.size();
  if (!first || (!open && (!last || *last < *first))) return {};
  if (*first >= size) return {RangeRequest::Kind::unsatisfiable, {}};
  return {RangeRequest::Kind::satisfiable, {*first, open ? size - 1 : std::min(*last, size - 1)}};
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  constexpr std::string_view unit = "bytes ";
  if (!iequals(value.substr(0, unit.size()), unit)) return {};
  value.remove_prefix(unit.size());
  const size_t dash = value.find('-');
  const size_t slash = value.find('/');
  if (dash == value.npos || slash == value.npos || dash > slash) return {};
  const auto first = parse_decimal(value.substr(0, dash));
  const auto last = parse_decimal(value.substr(dash + 1, slash - dash - 1));
  const std::string_view size = value.substr(slash + 1);
  auto whole = parse_decimal(size);
  if (whole && *whole >= ContentRange::open) return {};
  if (size == "*") whole = ContentRange::open;
  if (!first || !last || !whole || *first > *last || *last >= *whole) return {};
  return ContentRange{{*first, *last}, *whole};
}

}  // namespace popnet::http
