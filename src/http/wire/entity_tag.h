// Entity tags and their two comparisons (RFC 9110 section 8.8.3).
#pragma once

#include <optional>
#include <string_view>

namespace popnet::http {

struct EntityTag {
  bool weak = false;
  std::string_view opaque;  ///< with its quotes, if it has them

  [[nodiscard]] bool quoted() const { return opaque.ends_with('"'); }
};

/// 'W/"x"' or '"x"'. Of what is malformed only a tag whose server has forgotten the quotes ('x', without space, comma or
/// quotes; not '*') is taken: that server compares the same bytes when they come back, and browsers send them back as they
/// are. It equals nothing but itself, and counts as weak, since nobody has promised anything about it.
std::optional<EntityTag> parse_entity_tag(std::string_view text);

/// Takes the next tag from the front of a list of them ('"a", W/"b"'), with the comma behind it; none at the
/// end and at the first that is malformed. (Not ListItems: inside of a tag a backslash is a character like
/// any other.)
std::optional<EntityTag> take_entity_tag(std::string_view& list);

inline bool strong_equal(const EntityTag& a, const EntityTag& b) {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}
inline bool weak_equal(const EntityTag& a, const EntityTag& b) {
  return a.opaque == b.opaque;
}

}  // namespace popnet::http
