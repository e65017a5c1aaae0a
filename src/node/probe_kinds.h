// All kinds of probes, by name. To add one: its folder under probe/kinds, its line in src/layers.txt, its
// line here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "config/schema/table.h"
#include "probe/kinds/api/kind.h"

namespace popnet::node {

/// What the config loader and the manual need of each kind.
std::span<const config::KindTable> probe_kind_tables();
/// What the runner needs of each kind, for attempts on that loop. `bytes_sent`: how many bytes this node's
/// edge has sent so far, from any thread; empty where there is no edge.
std::vector<std::unique_ptr<probe::Kind>> make_probe_kinds(rt::Loop& loop,
                                                           std::function<uint64_t()> bytes_sent);

}  // namespace popnet::node
