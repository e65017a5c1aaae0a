// The tags by which a stored answer can be purged, as its origin names them: Surrogate-Key, separated by white
// space (Edge Architecture Specification), or Cache-Tag, by commas; both on any number of lines. Case counts.
// They are for caches: users do not get them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "http/wire/fields.h"

namespace popnet::http {

/// An answer with more is not stored: it could not be purged by all of them.
inline constexpr size_t tags_max = 1000;

[[nodiscard]] bool has_tags(const Fields& fields);
/// Adds those that the fields name. False when there are more than tags_max. Borrows from the fields.
[[nodiscard]] bool read_tags(const Fields& fields, std::vector<std::string_view>& tags);

}  // namespace popnet::http
