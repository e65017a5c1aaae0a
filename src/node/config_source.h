// Where a node's config comes from: a file (or a text, for the demo), the command line's --set, and on top of
// them the document that the bus keeps for the whole network. Reads the file anew at each load.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/load/load.h"

namespace popnet::node {

/// The document that the bus keeps for the whole network.
struct NetworkDocument {
  uint64_t revision = 0;
  std::string text;
};

struct ConfigSource {
  std::string file;                 // also the name in problems
  std::optional<std::string> text;  // instead of the file's content
  std::vector<std::string> sets;    // "path=value"

  /// All problems with their places; `config` is null when one of them is an error. An unreadable file is a
  /// problem too.
  [[nodiscard]] config::Loaded load(const std::optional<NetworkDocument>& network, uint64_t generation) const;
};

}  // namespace popnet::node
