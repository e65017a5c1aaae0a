#include "config/load/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/text.h"

namespace popnet::config {

const Entry* Node::find(std::string_view key) const {
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return entry == entries.end() ? nullptr : &*entry;
}

const char* name_of(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "one value";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a mapping";
  }
  return "?";
}

namespace {

struct Child {
  const Node* node = nullptr;
  Place place;  // of the key, where the value itself is nothing
};

Child child_of(const Node& parent, std::string_view step) {
  if (parent.kind == Node::Kind::map) {
    const Entry* entry = parent.find(step);
    if (!entry) return {};
    const bool nothing = entry->value->kind == Node::Kind::null;
    return {entry->value.get(), nothing ? entry->place : entry->value->place};
  }
  size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size() || index >= parent.items.size()) return {};
  return {parent.items[index].get(), parent.items[index]->place};
}

}  // namespace

const Node* find_node(const Node& root, std::string_view path) {
  const Node* node = &root;
  for (const std::string_view step : split(path, '.')) {
    node = child_of(*node, step).node;
    if (!node) return nullptr;
  }
  return node->kind == Node::Kind::null ? nullptr : node;
}

Place locate(const Node& root, std::string_view path) {
  Child at{&root, root.place};
  for (const std::string_view step : split(path, '.')) {
    Child child = child_of(*at.node, step);
    if (!child.node) break;
    at = std::move(child);
  }
  return at.place;
}

std::string join(std::string_view path, std::string_view step) {
  return path.empty() ? std::string(step) : fmt::format("{}.{}", path, step);
}

std::string join(std::string_view path, size_t index) {
  return join(path, std::to_string(index));
}

}  // namespace popnet::config
