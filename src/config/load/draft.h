// A config on its way to be finished: what complete() and check() work on, after the tables have filled it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "config/load/problem.h"
#include "config/load/tree.h"
#include "config/schema/table.h"
#include "model/config.h"

namespace popnet::config {

struct Draft {
  model::Config& config;
  const Node& root;  // what the config was filled from
  std::span<const KindTable> kinds;
  Problems& problems;
  std::shared_ptr<const std::string>
      network_file{};        // the file in the places of the bus' document; null: none
  bool pops_written = true;  // false: the only POP was made up from `node`

  [[nodiscard]] bool written(std::string_view path) const { return find_node(root, path) != nullptr; }
  [[nodiscard]] Place place(std::string_view path) const { return locate(root, path); }

  /// Nothing is said about what has an error already: it would only follow from that.
  void error(const std::string& path, std::string message) const {
    if (!problems.full() && !problems.touches(path)) problems.error(place(path), path, std::move(message));
  }
  void warning(const std::string& path, std::string message) const {
    if (!problems.full() && !problems.touches(path)) problems.warning(place(path), path, std::move(message));
  }
};

/// Fills in what an option means that is not written, where that depends on others: POPs, listening
/// addresses, probes, names as indexes, paths of files. `folder` is that of the config file, with a final '/'
/// or empty.
void complete(Draft& draft, const std::string& folder);

/// Finds what the names in the chains of hostnames mean; a part of complete().
void complete_chains(const Draft& draft);

/// What no option can tell alone: names that are unique, addresses that make sense, rules that can be
/// reached.
void check(const Draft& draft);

}  // namespace popnet::config
