// The reference manual of the config file, written from the option tables: docs/configuration.md is its
// output, and a test holds the two together.
#pragma once

#include <span>
#include <string>

#include "config/schema/table.h"

namespace popnet::config {

/// Markdown. `kinds`: of probes, each gets a section.
std::string manual(std::span<const KindTable> kinds);

}  // namespace popnet::config
