// What is laid over a file's tree before the option tables read it: the bus' document and `--set`.
#pragma once

#include <span>
#include <string>

#include "config/load/problem.h"
#include "config/load/tree.h"

namespace popnet::config {

/// The sections that are this node's own, which a document from the bus never touches.
inline constexpr const char* local_sections[] = {"node", "bus"};

/// `local` with every top-level section of `network` in place of its own, but for the local sections.
NodePtr merge_documents(const NodePtr& local, const NodePtr& network);

/// Applies "path=value" settings in order: "sites.0.origins.0.address=127.0.0.1:8000". What is missing on the
/// way is made; the index just behind a list's end adds an element. A setting that does not fit the tree is a
/// problem.
NodePtr apply_sets(NodePtr root, std::span<const std::string> sets, Problems& problems);

}  // namespace popnet::config
