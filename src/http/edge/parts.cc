#include "http/edge/parts.h"

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
    if (!meta.is_part() || meta.whole_size != of.whole || o.variant() != of.variant ||
        o.body().state() != Body::State::complete || o.body().first() == nullptr)
      return false;
    read_stored_fields(o, scratch.fields);
    if (strong_validator(read_validators(scratch.fields, now)) == of.validator)
      parts.push_back(ObjectRef::share(&o));
    return false;  // all of them
  });
  return parts;
}

std::optional<ByteRange> missing_range(std::span<const ObjectRef> parts) {
  if (parts.empty() || stored_meta(*parts.front()).whole_size == ContentRange::open) return {};
  return find_gap(places(parts), stored_meta(*parts.front()).whole_size);
}

JoinPlan plan_join(std::span<const ObjectRef> parts, const ByteRange& comes, bool for_whole) {
  if (parts.empty()) return {comes, {}, {}};
  const std::vector<ByteRange> stored = places(parts);
  JoinPlan all = plan_join(stored, comes, UINT64_MAX);
  const bool little = all.range.size() - comes.size() <= joined_max;
  if ((for_whole || little) && all.range.size() == stored_meta(*parts.front()).whole_size) return all;
  return plan_join(stored, comes, joined_max);
}

}  // namespace popnet::http
