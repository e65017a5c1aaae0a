// YAML text to a tree. The only place that knows yaml-cpp. Anchors, aliases and merge keys ("<<") work; tags
// are ignored.
//
// The text may be hostile (it can come over the bus): size, depth, and what aliases expand to are bounded,
// bytes that are not UTF-8 text are refused before the parser sees them, and no exception leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "config/load/problem.h"
#include "config/load/tree.h"

namespace popnet::config {

inline constexpr size_t yaml_size_max = size_t{8} << 20;  // bytes
inline constexpr uint32_t yaml_height_max = 32;           // levels; the deepest option stands on level 8
inline constexpr uint64_t yaml_weight_max = 500'000;      // values, after expansion of aliases

/// An empty text is an empty mapping. After an error in `problems` the tree is empty: half a file says
/// nothing.
NodePtr read_yaml(const std::string& text, const std::string& file, Problems& problems);

/// YAML that read_yaml() makes the same tree of. Comments and aliases are not in a tree, so they are gone.
std::string write_yaml(const Node& root);

}  // namespace popnet::config
