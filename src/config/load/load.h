// The config file's way in: YAML text, the bus' document, `--set` and the option tables become one checked
// model::Config, or the list of all that is wrong. Pure but for the last two functions: no clock, no state. Any thread.
//
//   text ─────────> tree ─┐
//   network text ─> tree ─┴> merge ─> --set ─> fill by the tables ─> complete ─> check ─> Config
//
// Who reads what: kinds of probes arrive as an argument, because their folders stand above this one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "config/load/problem.h"
#include "config/schema/table.h"
#include "model/config.h"

namespace popnet::config {

struct Node;

struct LoadInput {
  std::string text;                  // the local file
  std::string file = "popnet.yaml";  // its name: for problems, and relative paths in it count from its folder
  std::optional<std::string>
      network_text;  // the bus' document; its sections but `node` and `bus` replace the file's
  std::string network_file = "bus";  // its name in problems
  uint64_t network_revision = 0;     // for Config::revision
  std::vector<std::string> sets;     // "path=value", applied last, in order
  std::span<const KindTable> kinds;  // of probes
  uint64_t generation = 1;           // for Config::generation
  /// Why a file that the config names cannot be read, empty when it can: see why_unreadable(). Without it
  /// nobody looks.
  std::function<std::string(const std::string& path)> unreadable{};
};

struct Loaded {
  std::shared_ptr<const model::Config> config;  // null when there is an error
  std::vector<Problem> problems;                // errors and warnings, in the order of the files
  std::shared_ptr<const Node> root{};           // what it was read from; null when there is an error
};

/// Config::source is what was read, merged: file, network document and sets, without comments, passwords
/// masked.
Loaded load(const LoadInput& input);

/// What another part says of a config that was loaded: with its place if it begins with a dotted key, like
/// "sites.0.hostnames.1: is not …".
std::optional<Problem> located(const Loaded& loaded, std::string_view text);

/// The options (dotted keys) whose new value is not felt before a restart, although a reload took the config.
/// `running`: what the node was started with.
std::vector<std::string> waiting_for_restart(const model::Config& running, const model::Config& loaded);

/// What `popnet check` prints: one line each, each with its line break.
std::string report(std::span<const Problem> problems);

/// A whole file as text, or as much of it as shows that it is too large. ErrorCode::not_found or machine,
/// with the reason; the path is the caller's to say. No pipes and devices: see common/file.h.
Result<std::string> read_file(const std::string& path);
/// Why a file cannot be read; empty when it can.
std::string why_unreadable(const std::string& path);

}  // namespace popnet::config
