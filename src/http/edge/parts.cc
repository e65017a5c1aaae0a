#include "http/edge/parts.h"

#include <algorithm>

#include "http/edge/stored.h"
#include "http/edge/worker.h"
#include "http/policy/conditional.h"

namespace popnet::http {

namespace {

std::vector<ByteRange> places(std::span<const ObjectRef> parts) {
  std::vector<ByteRange> places;
  places.reserve(parts.size());
  for (const ObjectRef& part : parts) places.push_back(stored_meta(*part).part());
  return places;
}

}  // namespace

std::vector<ObjectRef> stored_parts(Scratch& scratch, const Store& store, const PartsOf& of, WallTime now) {
  std::vector<ObjectRef> parts;
  (void)store.lookup(of.key, [&](const Object& o) {
    const StoredMeta& meta = stored_meta(o);
    if (!meta.is_part() || !is_part_of(meta, of.whole) || o.variant() != of.variant ||
        o.body().state() != Body::State::complete || o.body().first() == nullptr)
      return false;
    read_stored_fields(o, scratch.fields);
    if (strong_validator(read_validators(scratch.fields, now)) == of.validator)
      parts.push_back(ObjectRef::share(&o));
    return false;  // all of them
  });
  return parts;
}

uint64_t whole_of(std::span<const ObjectRef> parts) {
  uint64_t whole = ContentRange::open;  // larger than any that is known
  for (const ObjectRef& part : parts) whole = std::min(whole, stored_meta(*part).whole_size);
  return whole;
}

std::optional<ByteRange> missing_range(std::span<const ObjectRef> parts) {
  const uint64_t whole = whole_of(parts);
  return whole == ContentRange::open ? std::nullopt : find_gap(places(parts), whole);
}

JoinPlan plan_join(std::span<const ObjectRef> parts, const ByteRange& comes, uint64_t whole, bool for_whole) {
  if (parts.empty()) return {comes, {}, {}};
  const std::vector<ByteRange> stored = places(parts);
  JoinPlan all = plan_join(stored, comes, UINT64_MAX);
  const bool little = all.range.size() - comes.size() <= joined_max;
  if ((for_whole || little) && all.range.size() == whole) return all;
  return plan_join(stored, comes, joined_max);
}

}  // namespace popnet::http
