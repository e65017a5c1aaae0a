#include "config/load/override.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "common/text.h"

namespace popnet::config {

namespace {

constexpr size_t steps_max = 16;

std::optional<size_t> as_index(std::string_view step) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size()) return {};
  return index;
}

/// One "path=value" on its way down the tree.
class Setting {
 public:
  Setting(std::string_view text, Problems& problems)
      : place_{std::make_shared<const std::string>(fmt::format("--set {}", text)), 0, 0},
        problems_(problems) {
    const auto equals = text.find('=');
    path_ = text.substr(0, equals);
    steps_ = split(path_, '.');
    well_formed_ =
        equals != text.npos && steps_.size() <= steps_max &&
        std::none_of(steps_.begin(), steps_.end(), [](std::string_view step) { return step.empty(); });
    if (well_formed_) value_ = text.substr(equals + 1);
  }

  /// The tree with the setting in it, or the same tree and a problem.
  NodePtr apply(const NodePtr& root) {
    if (!well_formed_) {
      problems_.error(place_, path_, "not a setting, write path=value like node.pop=ams");
      return root;
    }
    NodePtr changed = descend(root, 0);
    return changed ? changed : root;
  }

 private:
  /// A copy of `node` with the value at steps_[depth..] in it; null after a problem. The copy shares what it
  /// does not change.
  NodePtr descend(const NodePtr& node, size_t depth) {
    if (depth == steps_.size()) return scalar();
    auto copy = std::make_shared<Node>(*node);
    const std::string_view step = steps_[depth];
    const auto index = as_index(step);
    if (copy->kind == Node::Kind::null) copy->kind = index ? Node::Kind::list : Node::Kind::map;
    if (copy->kind == Node::Kind::scalar && index) {
      copy->kind = Node::Kind::list;
      copy->items = {node};
    }
    if (copy->kind == Node::Kind::map) return into_map(std::move(copy), step, depth);
    if (copy->kind == Node::Kind::list && index) return into_list(std::move(copy), *index, depth);
    return refuse(
        fmt::format("'{}' is {}, which has no '{}' in it", path_to(depth), name_of(copy->kind), step));
  }

  NodePtr into_map(std::shared_ptr<Node> map, std::string_view key, size_t depth) {
    auto entry =
        std::find_if(map->entries.begin(), map->entries.end(), [&](const Entry& e) { return e.key == key; });
    if (entry == map->entries.end()) {
      map->entries.push_back({std::string(key), place_, nothing()});
      entry = map->entries.end() - 1;
    }
    entry->value = descend(entry->value, depth + 1);
    return entry->value ? std::move(map) : nullptr;
  }

  NodePtr into_list(std::shared_ptr<Node> list, size_t index, size_t depth) {
    const size_t size = list->items.size();
    if (index > size)
      return refuse(fmt::format("'{}' has {} element{}, write an index from 0 to {}", path_to(depth), size,
                                size == 1 ? "" : "s", size));
    if (index == size) list->items.push_back(nothing());
    NodePtr& item = list->items[index];
    item = descend(item, depth + 1);
    return item ? std::move(list) : nullptr;
  }

  [[nodiscard]] NodePtr scalar() const {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::scalar;
    node->place = place_;
    node->scalar = value_;
    return node;
  }
  [[nodiscard]] NodePtr nothing() const {
    auto node = std::make_shared<Node>();
    node->place = place_;
    return node;
  }
  [[nodiscard]] std::string path_to(size_t depth) const {
    std::string path;
    for (size_t i = 0; i < depth; ++i) path = join(path, steps_[i]);
    return path;
  }
  NodePtr refuse(std::string message) {
    problems_.error(place_, path_, std::move(message));
    return nullptr;
  }

  Place place_;
  Problems& problems_;
  std::string path_;
  std::vector<std::string_view> steps_;  // of path_
  std::string value_;
  bool well_formed_ = false;
};

bool is_local(const std::string& section) {
  return std::find(std::begin(local_sections), std::end(local_sections), section) != std::end(local_sections);
}

}  // namespace

NodePtr merge_documents(const NodePtr& local, const NodePtr& network) {
  if (local->kind != Node::Kind::map || network->kind != Node::Kind::map) return local;
  auto merged = std::make_shared<Node>();
  merged->kind = Node::Kind::map;
  merged->place = local->place;
  for (const Entry& entry : local->entries)
    if (is_local(entry.key) || !network->find(entry.key)) merged->entries.push_back(entry);
  for (const Entry& entry : network->entries)
    if (!is_local(entry.key)) merged->entries.push_back(entry);
  return merged;
}

NodePtr apply_sets(NodePtr root, std::span<const std::string> sets, Problems& problems) {
  for (const std::string& set : sets) root = Setting(set, problems).apply(root);
  return root;
}

}  // namespace popnet::config
