// A config file as a tree of values that know where they stand: what YAML text, the bus' document and `--set`
// are all turned into before the option tables look at it. Shared parts (YAML aliases) are shared here too,
// so a node is immutable once its tree is made; override.h copies what it changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/load/problem.h"

namespace popnet::config {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Entry {
  std::string key;
  Place place;
  NodePtr value;  // never null
};

struct Node {
  enum class Kind : uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  Place place;
  std::string scalar;
  std::vector<NodePtr> items;  // of a list
  std::vector<Entry> entries;  // of a map, in the order of the file; keys may stand twice
  uint32_t height = 1;         // levels below and with this one
  uint64_t weight = 1;         // nodes below and with this one, shared ones counted each time

  /// The first entry of that key, or null.
  [[nodiscard]] const Entry* find(std::string_view key) const;
};

/// "a list", "a mapping", …: for messages.
const char* name_of(Node::Kind kind);

/// The value at a dotted path, or null when nothing is written there.
const Node* find_node(const Node& root, std::string_view path);

/// The place of the value at a dotted path; where it does not exist, that of the nearest one above that does.
Place locate(const Node& root, std::string_view path);

/// `path` with one more step: "sites" and "0" are "sites.0".
std::string join(std::string_view path, std::string_view step);
std::string join(std::string_view path, size_t index);

}  // namespace popnet::config
