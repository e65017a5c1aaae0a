#include "http/edge/stored.h"

#include <cassert>
#include <string>

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

bool VariantMatcher::matches(const Object& object) {
  const std::string_view variant = object.variant();
  if (variant.empty()) return true;
  const size_t nul = variant.find('\0');
  select(variant.substr(0, nul));
  return key_.ok && variant.substr(nul + 1) == key_.text;
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
