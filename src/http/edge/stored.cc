#include "http/edge/stored.h"

#include <algorithm>
#include <cassert>
#include <string>

#include "common/hash.h"
#include "http/policy/conditional.h"

namespace popnet::http {

void read_stored_fields(const Object& object, Fields& fields) {
  // Written by HeadWriter from what the parser accepted; the empty line that ends a section is not stored.
  fields.clear();
  std::string_view lines = stored_lines(object);
  while (!lines.empty()) {
    const size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    const size_t colon = line.find(": ");
    assert(end != lines.npos && colon != line.npos);
    (void)fields.add(line.substr(0, colon), line.substr(colon + 2));
    lines.remove_prefix(end + 2);
  }
}

uint64_t version_of(const Fields& fields, WallTime now, bool of_part) {
  std::string_view validator =
      fields.get(fields.has(FieldName::etag) ? FieldName::etag : FieldName::last_modified);
  if (of_part) validator = strong_validator(read_validators(fields, now));
  return validator.empty() ? 0 : std::max<uint64_t>(1, hash_bytes(validator));
}

bool is_part_of(const StoredMeta& part, uint64_t size) {
  return part.whole_size == ContentRange::open ? part.part().last < size : part.whole_size == size;
}

bool stays_beside(const Object& newer, const Object& older) {
  const StoredMeta& part = stored_meta(newer);
  const StoredMeta& other = stored_meta(older);
  if (part.head_only) return !other.head_only;
  if (!part.is_part() || part.version == 0 || part.version != other.version) return false;
  if (!other.is_part()) {
    const bool complete = older.body().state() == Body::State::complete;
    const uint64_t size = complete ? stored_size(older) : other.content_length;
    return other.status == 200 && !other.head_only &&
           (size == StoredMeta::unknown_length || is_part_of(part, size));
  }
  const bool agree = is_part_of(part, other.whole_size) || is_part_of(other, part.whole_size);
  return agree && !lies_within(other.part(), part.part());
}

bool VariantMatcher::matches(const Object& object) {
  const std::string_view variant = object.variant();
  if (variant.empty()) return true;
  const size_t nul = variant.find('\0');
  select(variant.substr(0, nul));
  return key_.ok && variant.substr(nul + 1) == key_.text;
}

bool VariantMatcher::has_wish(const Object& object) const {
  const std::string_view variant = object.variant();
  return !variant.empty() && has_any(variant.substr(0, variant.find('\0')), request_);
}

std::string_view VariantMatcher::selected(const Object& object) {
  const std::string_view variant = object.variant();
  if (variant.empty()) return {};
  select(variant.substr(0, variant.find('\0')));
  return key_.text;
}

void VariantMatcher::select(std::string_view names) {
  if (names == names_) return;
  names_ = names;
  key_ = make_secondary_key(names, request_, room_);
}

bool make_variant(const Vary& vary, const Fields& request, std::string& out) {
  out.clear();
  if (vary.kind == VaryKind::none) return true;
  char room[4096];
  const SecondaryKey key = make_secondary_key(vary.names, request, room);
  if (vary.kind == VaryKind::star || !key.ok) return false;
  out.append(vary.names).append(1, '\0').append(key.text);
  return true;
}

}  // namespace popnet::http
