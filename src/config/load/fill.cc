#include "config/load/fill.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "config/schema/tables.h"

namespace popnet::config {

namespace {

std::string missing(const Row& row) {
  if (row.type == Type::section && row.form == Form::list)
    return fmt::format("missing, write '{}:' and a list below it", row.name);
  const std::string type = fmt::format("<{}>", to_string(row.type));
  return fmt::format("missing, write '{}: {}'", row.name, row.form == Form::list ? "[" + type + "]" : type);
}

}  // namespace

class Filler::Step {
 public:
  template <class Name>
  Step(Filler& filler, const Name& step)
      : filler_(filler), saved_(std::exchange(filler.path_, join(filler.path_, step))) {}
  ~Step() { filler_.path_ = std::move(saved_); }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  Filler& filler_;
  std::string saved_;
};

void Filler::fill(const TableBase& table, const Node& node, void* object) {
  const Layer layer{&table, object};
  fill_layers({&layer, 1}, node);
}

void Filler::fill_probe(const Node& node, model::ProbeSpec& spec) {
  std::vector<Layer> layers{{&probe_table(), &spec}};
  const KindTable* kind = find_kind(node);
  if (kind) {
    KindTable::Made made = kind->make();
    layers.push_back({kind->table, made.object});
    spec.options = std::move(made.options);
    spec.affects_health = kind->affects_health;
  }
  fill_layers(layers, node);
}

/// Null when the kind is missing or unknown; both are said elsewhere or here.
const KindTable* Filler::find_kind(const Node& node) {
  const Entry* entry = node.find("kind");
  if (!entry || entry->value->kind != Node::Kind::scalar) return nullptr;
  const std::string& name = entry->value->scalar;
  const auto found =
      std::find_if(kinds_.begin(), kinds_.end(), [&](const KindTable& k) { return k.name == name; });
  if (found != kinds_.end()) return &*found;
  std::vector<std::string> names;
  for (const KindTable& kind : kinds_) names.push_back(kind.name);
  problems_.error(entry->value->place, join(path_, "kind"),
                  fmt::format("'{}' is no kind of probe, write one of {}", name, fmt::join(names, ", ")));
  return nullptr;
}

void Filler::fill_layers(std::span<const Layer> layers, const Node& node) {
  if (node.kind != Node::Kind::map) {
    problems_.error(node.place, path_.empty() ? "config" : path_,
                    fmt::format("found {}, write options like {}: ...", name_of(node.kind),
                                layers.front().table->rows().front().name));
    return;
  }
  const size_t errors_before = problems_.errors();
  std::map<std::string_view, uint32_t> lines;  // where each key stands first
  for (const Entry& entry : node.entries) {
    if (problems_.full()) return;
    const auto [first, fresh] = lines.try_emplace(entry.key, entry.place.line);
    if (fresh)
      fill_entry(layers, entry);
    else
      problems_.error(entry.place, join(path_, entry.key),
                      fmt::format("stands twice, first in line {}; write it once", first->second));
  }
  for (const Layer& layer : layers) complete(layer, node);
  if (problems_.errors() > errors_before) return;
  for (const Layer& layer : layers)
    if (const Status status = layer.table->check(layer.object); !status)
      problems_.error(node.place, path_.empty() ? "config" : path_, status.error().message);
}

void Filler::fill_entry(std::span<const Layer> layers, const Entry& entry) {
  for (const Layer& layer : layers) {
    const Row* row = layer.table->find(entry.key);
    if (!row) continue;
    if (entry.value->kind == Node::Kind::null)
      return;  // "key:" with nothing behind it: as if it were not there
    const Step step(*this, entry.key);
    return fill_value(*row, entry, layer.object);
  }
  unknown(layers, entry);
}

/// Defaults of what is not written; a complaint where there is none.
void Filler::complete(const Layer& layer, const Node& node) {
  for (const Row& row : layer.table->rows()) {
    const Entry* entry = node.find(row.name);
    if (entry && entry->value->kind != Node::Kind::null) continue;
    if (row.required) problems_.error(entry ? entry->place : node.place, join(path_, row.name), missing(row));
    TableBase::fill_preset(row, layer.object);
  }
}

void Filler::fill_value(const Row& row, const Entry& entry, void* object) {
  if (!row.is_scalar()) return fill_section(row, *entry.value, object);
  if (row.form == Form::map) return fill_map(row, *entry.value, object);
  if (row.form == Form::list) return fill_scalars(row, *entry.value, object);
  fill_scalar(row, *entry.value, object);
}

void Filler::fill_scalars(const Row& row, const Node& node, void* object) {
  if (node.kind != Node::Kind::list) return fill_scalar(row, node, object);
  if (!fits(row, node, node.items.size())) return;
  for (size_t i = 0; i < node.items.size(); ++i) {
    const Step step(*this, i);
    fill_scalar(row, *node.items[i], object);
  }
}

void Filler::fill_scalar(const Row& row, const Node& node, void* object) {
  if (node.kind != Node::Kind::scalar)
    return expected(node, fmt::format("one value: {}", to_string(row.type)));
  const Status status = row.type == Type::file ? set_file(row, node, object) : row.set(object, node.scalar);
  if (!status) problems_.error(node.place, path_, status.error().message);
}

/// Paths count from the file they are written in; those of the command line from the working directory.
Status Filler::set_file(const Row& row, const Node& node, void* object) const {
  std::string path = node.scalar;
  if (!path.empty() && path.front() != '/' && node.place.line != 0) path = files_.folder + path;
  if (Status set = row.set(object, path); !set || path.empty() || !files_.unreadable) return set;
  const std::string why = files_.unreadable(path);
  if (why.empty()) return {};
  return Error{ErrorCode::invalid,
               fmt::format("'{}' cannot be read: {}, write the path of {}", path, why, row.content)};
}

void Filler::fill_map(const Row& row, const Node& node, void* object) {
  if (node.kind != Node::Kind::map) return expected(node, fmt::format("{{name: {}}}", to_string(row.type)));
  if (!fits(row, node, node.entries.size())) return;
  std::set<std::string_view> seen;
  for (const Entry& entry : node.entries) {
    const Step step(*this, entry.key);
    if (!seen.insert(entry.key).second) {
      problems_.error(entry.place, path_, "stands twice, write it once");
    } else if (entry.value->kind != Node::Kind::scalar) {
      expected(*entry.value, fmt::format("one value: {}", to_string(row.type)));
    } else if (const Status status = row.set_key(object, entry.key, entry.value->scalar); !status) {
      problems_.error(entry.value->place, path_, status.error().message);
    }
  }
}

void Filler::fill_section(const Row& row, const Node& node, void* object) {
  if (row.form != Form::list) return fill_element(row, node, object);
  if (node.kind != Node::Kind::list) return expected(node, "a list, each element begun with '- '");
  if (!fits(row, node, node.items.size())) return;
  for (size_t i = 0; i < node.items.size(); ++i) {
    const Step step(*this, i);
    fill_element(row, *node.items[i], object);
  }
}

bool Filler::fits(const Row& row, const Node& node, size_t count) {
  if (count > row.count_max)
    problems_.error(node.place, path_,
                    fmt::format("has {} elements, write at most {}", count, row.count_max));
  return count <= row.count_max;
}

void Filler::fill_element(const Row& row, const Node& node, void* object) {
  void* element = row.open(object);
  if (row.type == Type::probes)
    fill_probe(node, *static_cast<model::ProbeSpec*>(element));
  else
    fill(*row.table, node, element);
}

void Filler::expected(const Node& node, const std::string& right) {
  problems_.error(node.place, path_, fmt::format("found {}, write {}", name_of(node.kind), right));
}

void Filler::unknown(std::span<const Layer> layers, const Entry& entry) {
  const std::string path = join(path_, entry.key);
  // A probe whose kind is not known: nobody can tell which options it has.
  if (layers.size() == 1 && layers.front().table == &probe_table()) return;
  std::vector<std::string> names;
  for (const Layer& layer : layers)
    for (const Row& row : layer.table->rows()) names.push_back(row.name);
  const std::string near = nearest_word(entry.key, names);
  const std::string right = near.empty() ? fmt::format("known here are {}", fmt::join(names, ", "))
                                         : fmt::format("did you mean '{}'?", near);
  problems_.error(entry.place, path, fmt::format("unknown option, {}", right));
}

}  // namespace popnet::config
