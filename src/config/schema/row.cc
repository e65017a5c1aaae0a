#include "config/schema/row.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace popnet::config {

namespace {

/// Letters put in, left out, changed, or swapped with their neighbour, to make `a` into `b` (optimal string
/// alignment).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), costs(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    costs[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      costs[j + 1] = std::min({last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, costs[j] + 1});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
        costs[j + 1] = std::min(costs[j + 1], before_last[j - 1] + 1);
    }
    before_last.swap(last);
    last.swap(costs);
  }
  return last.back();
}

constexpr size_t word_max =
    64;  // longer words are no slip of the finger, and the distance costs their product

}  // namespace

const char* to_string(Type type) {
  switch (type) {
    case Type::text:
      return "text";
    case Type::file:
      return "file";
    case Type::dns_name:
      return "DNS name";
    case Type::zone_name:
      return "name of a zone";
    case Type::integer:
      return "whole number";
    case Type::number:
      return "number";
    case Type::boolean:
      return "true or false";
    case Type::duration:
      return "duration";
    case Type::size:
      return "size";
    case Type::bit_rate:
      return "bit rate";
    case Type::choice:
      return "choice";
    case Type::address:
      return "IP address";
    case Type::endpoint:
      return "address:port";
    case Type::prefix:
      return "address prefix";
    case Type::section:
      return "section";
    case Type::probes:
      return "probes";
  }
  return "?";
}

const Row* TableBase::find(std::string_view name) const {
  const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.name == name; });
  return row == rows_.end() ? nullptr : &*row;
}

std::string TableBase::nearest(std::string_view name) const {
  std::vector<std::string> names;
  for (const Row& row : rows_) names.push_back(row.name);
  return nearest_word(name, names);
}

void TableBase::add(Row row) {
  if (find(row.name))
    throw std::logic_error(fmt::format("table {}: option {} stands twice", name_, row.name));
  if (!row.set_member && !row.set_entry && !row.open_member)
    throw std::logic_error(fmt::format("table {}: option {} has no type", name_, row.name));
  rows_.push_back(std::move(row));
}

void TableBase::fill_presets(void* object) const {
  for (const Row& row : rows_) fill_preset(row, object);
}

void TableBase::fill_preset(const Row& row, void* object) {
  if (row.table && !row.optional_section) row.table->fill_presets(row.open(object));
  for (const std::string& preset : row.presets)
    if (Status status = row.set(object, preset); !status)
      throw std::logic_error(fmt::format("default of option {}: {}", row.name, status.error().message));
}

Error not_a_choice(std::string_view text, std::span<const ChoiceName> choices) {
  std::vector<std::string> names;
  for (const ChoiceName& choice : choices) names.push_back(choice.name);
  return {ErrorCode::invalid,
          fmt::format("'{}' is not known here, write one of {}", text, fmt::join(names, ", "))};
}

std::string nearest_word(std::string_view word, std::span<const std::string> candidates) {
  if (word.size() > word_max) return {};
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace popnet::config
