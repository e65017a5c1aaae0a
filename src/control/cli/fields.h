// The fields of a JSON answer, read without trust: what is missing or of another type reads as empty. For
// rendering, where a dash in a table is better than no table.
//
// A Fields shares the parsed answer with those made from it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace popnet::control {

class Fields {
 public:
  /// Empty fields when the text is not JSON.
  static Fields parse(std::string_view text);

  /// It is an object, with at least one field.
  explicit operator bool() const;
  [[nodiscard]] std::string text(const char* key) const;
  [[nodiscard]] std::optional<double> number(const char* key) const;
  [[nodiscard]] bool flag(const char* key) const;
  [[nodiscard]] Fields object(const char* key) const;
  /// Elements of a list: objects, or texts.
  [[nodiscard]] std::vector<Fields> list(const char* key) const;
  [[nodiscard]] std::vector<std::string> texts(const char* key) const;
  /// The fields of this object that are objects, by name, in the order of the answer.
  [[nodiscard]] std::vector<std::pair<std::string, Fields>> objects() const;

 private:
  struct Node;  // keeps the JSON library out of this header
  explicit Fields(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::shared_ptr<const Node> node_;
};

}  // namespace popnet::control
