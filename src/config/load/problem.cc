#include "config/load/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace popnet::config {

std::string to_string(const Problem& problem) {
  const auto& [place, key, message, severity] = problem;
  const char* prefix = severity == Problem::Severity::warning ? "warning: " : "";
  const std::string file = place.file ? *place.file : std::string("config");
  if (place.line == 0) return fmt::format("{}: {}: {}{}", file, key, prefix, message);
  return fmt::format("{}:{}:{}: {}: {}{}", file, place.line, place.column, key, prefix, message);
}

void Problems::error(const Place& place, std::string key, std::string message) {
  ++errors_;
  add({place, std::move(key), std::move(message), Problem::Severity::error});
}

void Problems::warning(const Place& place, std::string key, std::string message) {
  add({place, std::move(key), std::move(message), Problem::Severity::warning});
}

bool Problems::touches(std::string_view key) const {
  return std::any_of(all_.begin(), all_.end(), [&](const Problem& p) {
    return p.severity == Problem::Severity::error && p.key.starts_with(key) &&
           (p.key.size() == key.size() || p.key[key.size()] == '.');
  });
}

void Problems::add(Problem problem) {
  if (all_.size() < count_max) all_.push_back(std::move(problem));
}

std::vector<Problem> Problems::sorted() && {
  const auto order = [](const Problem& p) {
    return std::tuple(p.place.line == 0, p.place.file ? *p.place.file : std::string(), p.place.line,
                      p.place.column);
  };
  std::stable_sort(all_.begin(), all_.end(),
                   [&](const Problem& a, const Problem& b) { return order(a) < order(b); });
  return std::move(all_);
}

}  // namespace popnet::config
