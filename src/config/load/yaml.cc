#include "config/load/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/utf8.h"

namespace popnet::config {

namespace {

using File = std::shared_ptr<const std::string>;

constexpr const char* yaml_key = "yaml";

Place place_of(const File& file, const YAML::Mark& mark) {
  if (mark.is_null()) return {file, 1, 1};
  return {file, static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1};
}

/// Builds the tree from the parser's events. After the first error it ignores what follows.
class Builder : public YAML::EventHandler {
 public:
  Builder(File file, Problems& problems) : file_(std::move(file)), problems_(problems) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] NodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_) fail(place_of(file_, mark), "a second document begins here, write one only");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(Node::Kind::null, mark, anchor, {});
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    leaf(Node::Kind::scalar, mark, anchor, value);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (failed_) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      return fail(place_of(file_, mark), "an alias to the value it stands in, name one that ends before it");
    place(found->second, place_of(file_, mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(Node::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(Node::Kind::map, mark, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  /// A list or mapping that has begun and not ended.
  struct Open {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor;
    std::optional<Entry> entry;  // of a mapping: its key has come, its value has not
  };

  void fail(const Place& place, std::string message) {
    if (!failed_) problems_.error(place, yaml_key, std::move(message));
    failed_ = true;
  }

  void leaf(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& value) {
    if (failed_) return;
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->place = place_of(file_, mark);
    node->scalar = value;
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    place(node, node->place);
  }

  void begin(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (failed_) return;
    if (open_.size() >= yaml_height_max) return too_deep(place_of(file_, mark));
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->place = place_of(file_, mark);
    open_.push_back({std::move(node), anchor, {}});
  }

  void end() {
    if (failed_) return;
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.node->kind == Node::Kind::map) merge(*done.node);
    if (failed_) return;
    if (done.anchor != YAML::NullAnchor) anchors_[done.anchor] = done.node;
    const Place where = done.node->place;
    place(std::move(done.node), where);
  }

  /// Puts a finished value where it belongs: the key or the value of a mapping, the next of a list, the root.
  void place(NodePtr node, const Place& where) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& [parent, anchor, entry] = open_.back();
    if (parent->kind == Node::Kind::map && !entry) {
      if (node->kind != Node::Kind::scalar) return fail(where, "this cannot be a key, write a plain word");
      entry = Entry{node->scalar, where, nullptr};
      return;
    }
    parent->height = std::max(parent->height, node->height + 1);
    parent->weight += node->weight;
    if (parent->height > yaml_height_max) return too_deep(where);
    if (parent->weight > yaml_weight_max)
      return fail(
          where, fmt::format("more than {} values, aliases counted each time: write fewer", yaml_weight_max));
    if (parent->kind == Node::Kind::list) {
      parent->items.push_back(std::move(node));
    } else {
      entry->value = std::move(node);
      parent->entries.push_back(*std::exchange(entry, std::nullopt));
    }
  }

  void too_deep(const Place& where) {
    fail(where, fmt::format("nested deeper than {} levels, write it flatter", yaml_height_max));
  }

  /// YAML's merge key: "<<: *defaults" or "<<: [*a, *b]" gives the keys that are not written here.
  void merge(Node& map) {
    const auto is_merge = [](const Entry& entry) { return entry.key == "<<"; };
    if (std::none_of(map.entries.begin(), map.entries.end(), is_merge)) return;
    std::vector<Entry> entries;
    std::unordered_set<std::string> seen;
    for (const Entry& entry : map.entries) {
      if (is_merge(entry)) continue;
      seen.insert(entry.key);
      entries.push_back(entry);
    }
    const auto take = [&](const Entry& from, const Node& source) {
      if (source.kind != Node::Kind::map)
        return fail(from.place, "'<<' takes a mapping, write an alias of one");
      for (const Entry& entry : source.entries)
        if (seen.insert(entry.key).second) entries.push_back(entry);
    };
    for (const Entry& entry : map.entries) {
      if (!is_merge(entry)) continue;
      if (entry.value->kind != Node::Kind::list)
        take(entry, *entry.value);
      else
        for (const NodePtr& item : entry.value->items) take(entry, *item);
    }
    map.entries = std::move(entries);
  }

  File file_;
  Problems& problems_;
  NodePtr root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, NodePtr> anchors_;
  bool failed_ = false;
};

/// What the parser says, in words for people who do not know YAML's grammar.
std::string explain(const std::string& message) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> words{{
      {"end of sequence flow not found", "a list begun with '[' does not end, close it with ']'"},
      {"end of map flow not found", "a mapping begun with '{' does not end, close it with '}'"},
      {"end of map not found", "does not line up with the block it is in, indent it like its neighbours"},
      {"end of sequence not found", "does not line up with the list it is in, indent it like its neighbours"},
      {"illegal map value", "a ':' that does not fit here, indent with spaces, and quote texts with ':'"},
      {"the referenced anchor is not defined",
       "an alias of nothing, name an anchor (&name) that stands before it"},
  }};
  for (const auto& [theirs, ours] : words)
    if (message.starts_with(theirs)) return std::string(ours);
  return message + "; look for indentation, quotes and colons here or just above";
}

/// Length of the character at the front, or 0 when there is none that may stand in a text.
size_t take_character(std::string_view text) {
  const auto first = static_cast<uint8_t>(text.front());
  const bool control = first < 0x20 || first == 0x7f;
  return control && first != '\t' && first != '\n' && first != '\r' ? 0 : utf8_length(text);
}

/// yaml-cpp guesses encodings and takes some control characters for the end of the text: what is not plain
/// UTF-8 stops here.
bool is_text(const std::string& text, const File& file, Problems& problems) {
  Place at{file, 1, 1};
  for (size_t i = 0; i < text.size();) {
    const size_t length = take_character(std::string_view(text).substr(i));
    if (length == 0) {
      problems.error(at, yaml_key,
                     fmt::format("byte 0x{:02x} is no text, write UTF-8 without control characters",
                                 static_cast<uint8_t>(text[i])));
      return false;
    }
    if (text[i] == '\n') at = {file, at.line + 1, 0};
    at.column += static_cast<uint32_t>(length);
    i += length;
  }
  return true;
}

void emit(YAML::Emitter& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      out << YAML::Null;
      break;
    case Node::Kind::scalar:
      out << node.scalar;
      break;
    case Node::Kind::list:
      out << YAML::BeginSeq;
      for (const NodePtr& item : node.items) emit(out, *item);
      out << YAML::EndSeq;
      break;
    case Node::Kind::map:
      out << YAML::BeginMap;
      for (const Entry& entry : node.entries) {
        out << YAML::Key << entry.key << YAML::Value;
        emit(out, *entry.value);
      }
      out << YAML::EndMap;
      break;
  }
}

NodePtr empty_map(const File& file) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::map;
  node->place = {file, 1, 1};
  return node;
}

}  // namespace

NodePtr read_yaml(const std::string& text, const std::string& file_name, Problems& problems) {
  const auto file = std::make_shared<const std::string>(file_name);
  if (text.size() > yaml_size_max) {
    problems.error({file, 1, 1}, yaml_key,
                   fmt::format("the text has {} bytes, write at most {}", text.size(), yaml_size_max));
    return empty_map(file);
  }
  if (!is_text(text, file, problems)) return empty_map(file);

  Builder builder(file, problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (!builder.failed() && parser.HandleNextDocument(builder)) continue;
  } catch (const YAML::Exception& e) {
    if (!builder.failed()) problems.error(place_of(file, e.mark), yaml_key, explain(e.msg));
    return empty_map(file);
  }
  const NodePtr root = builder.root();
  return builder.failed() || !root || root->kind == Node::Kind::null ? empty_map(file) : root;
}

std::string write_yaml(const Node& root) {
  YAML::Emitter out;
  emit(out, root);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace popnet::config
