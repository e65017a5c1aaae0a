#include "http/policy/joining.h"

#include <algorithm>

namespace popnet::http {
namespace {

constexpr size_t none = SIZE_MAX;

/// The part that reaches farthest down from, and up to, byte `first`; none where none lies below it.
size_t part_below(std::span<const ByteRange> parts, uint64_t first) {
  size_t best = none;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i].first < first && parts[i].last >= first - 1 &&
        (best == none || parts[i].first < parts[best].first))
      best = i;
  return best;
}

size_t part_above(std::span<const ByteRange> parts, uint64_t last) {
  size_t best = none;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i].last > last && parts[i].first <= last + 1 &&
        (best == none || parts[i].last > parts[best].last))
      best = i;
  return best;
}

}  // namespace

JoinPlan plan_join(std::span<const ByteRange> parts, const ByteRange& comes, uint64_t size_max) {
  JoinPlan plan{comes, {}, {}};
  for (size_t i; (i = part_below(parts, plan.range.first)) != none;) {
    if (plan.range.last - parts[i].first >= size_max) break;
    plan.before.push_back({i, {parts[i].first, plan.range.first - 1}});
    plan.range.first = parts[i].first;
  }
  std::reverse(plan.before.begin(), plan.before.end());
  for (size_t i; (i = part_above(parts, plan.range.last)) != none;) {
    if (parts[i].last - plan.range.first >= size_max) break;
    plan.behind.push_back({i, {plan.range.last + 1, parts[i].last}});
    plan.range.last = parts[i].last;
  }
  return plan;
}

std::vector<size_t> plan_cover(std::span<const ByteRange> parts, const ByteRange& wanted) {
  std::vector<size_t> cover;
  for (uint64_t at = wanted.first; at <= wanted.last;) {
    size_t best = none;
    for (size_t i = 0; i < parts.size(); ++i)
      if (parts[i].first <= at && parts[i].last >= at && (best == none || parts[i].last > parts[best].last))
        best = i;
    if (best == none) return {};
    cover.push_back(best);
    at = parts[best].last + 1;
  }
  return cover;
}

std::optional<ByteRange> find_gap(std::span<const ByteRange> parts, uint64_t whole) {
  uint64_t begin = 0, end = whole;  // of the gap
  for (const ByteRange& part : parts)
    if (part.first == 0) begin = std::max(begin, part.last + 1);
  for (size_t i; begin > 0 && (i = part_above(parts, begin - 1)) != none;) begin = parts[i].last + 1;
  for (const ByteRange& part : parts)
    if (part.last + 1 == whole) end = std::min(end, part.first);
  for (size_t i; end < whole && end > 0 && (i = part_below(parts, end)) != none;) end = parts[i].first;
  if (begin == 0 && end == whole) return {};
  if (begin >= end) return ByteRange{whole - 1, whole - 1};
  return ByteRange{begin, end - 1};
}

}  // namespace popnet::http
