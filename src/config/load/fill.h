// Walks a tree and the option tables together and fills the structs: types, bounds, defaults, unknown and
// missing options. Goes on after a problem, so that all of them are found in one run.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>

#include "config/load/problem.h"
#include "config/load/tree.h"
#include "config/schema/table.h"
#include "model/config.h"

namespace popnet::config {

/// What the loader is told of files.
struct Files {
  std::string folder{};  // that of the config file, with a final '/'; empty for the working directory
  /// Why the file cannot be read; empty when it can. Without it nobody looks.
  std::function<std::string(const std::string& path)> unreadable{};
};

class Filler {
 public:
  Filler(std::span<const KindTable> kinds, Problems& problems, Files files = {})
      : kinds_(kinds), problems_(problems), files_(std::move(files)) {}

  /// Fills the struct at `object` that `table` describes; what is not written gets its default.
  void fill(const TableBase& table, const Node& node, void* object);
  /// One entry of a list of probes. After a problem `spec.options` may be null.
  void fill_probe(const Node& node, model::ProbeSpec& spec);

 private:
  /// A table and the struct it fills; a probe's mapping is read through two.
  struct Layer {
    const TableBase* table;
    void* object;
  };

  void fill_layers(std::span<const Layer> layers, const Node& node);
  void fill_entry(std::span<const Layer> layers, const Entry& entry);
  void complete(const Layer& layer, const Node& node);
  void fill_value(const Row& row, const Entry& entry, void* object);
  void fill_scalars(const Row& row, const Node& node, void* object);
  void fill_scalar(const Row& row, const Node& node, void* object);
  [[nodiscard]] Status set_file(const Row& row, const Node& node, void* object) const;
  void fill_map(const Row& row, const Node& node, void* object);
  void fill_section(const Row& row, const Node& node, void* object);
  bool fits(const Row& row, const Node& node, size_t count);
  void fill_element(const Row& row, const Node& node, void* object);
  const KindTable* find_kind(const Node& node);

  void expected(const Node& node, const std::string& right);
  void unknown(std::span<const Layer> layers, const Entry& entry);

  /// Lengthens the path of what is being read, until the end of the scope.
  class Step;

  std::span<const KindTable> kinds_;
  Problems& problems_;
  const Files files_;
  std::string path_;
};

}  // namespace popnet::config
