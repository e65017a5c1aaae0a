#include "control/cli/fields.h"

#include <nlohmann/json.hpp>

namespace popnet::control {

using Json = nlohmann::ordered_json;

namespace {

/// Control characters could move the terminal's cursor and colour what follows.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

}  // namespace

struct Fields::Node {
  std::shared_ptr<const Json> answer;  // the whole
  const Json* json;                    // the part

  static Fields part(const Node& of, const Json& json) {
    return Fields(std::make_shared<const Node>(Node{of.answer, &json}));
  }
  [[nodiscard]] const Json* find(const char* key) const {
    if (!json->is_object()) return nullptr;
    const auto found = json->find(key);
    return found == json->end() ? nullptr : &*found;
  }
};

Fields Fields::parse(std::string_view text) {
  auto answer = std::make_shared<const Json>(Json::parse(text, nullptr, /*allow_exceptions=*/false));
  const Json* whole = answer.get();
  return Fields(std::make_shared<const Node>(Node{std::move(answer), whole}));
}

Fields::operator bool() const {
  return node_->json->is_object() && !node_->json->empty();
}

std::string Fields::text(const char* key) const {
  const Json* value = node_->find(key);
  return value != nullptr && value->is_string() ? printable(value->get<std::string>()) : "";
}

std::optional<double> Fields::number(const char* key) const {
  const Json* value = node_->find(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->get<double>();
}

bool Fields::flag(const char* key) const {
  const Json* value = node_->find(key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

Fields Fields::object(const char* key) const {
  static const Json nothing = Json::object();
  const Json* value = node_->find(key);
  return Node::part(*node_, value != nullptr ? *value : nothing);
}

std::vector<Fields> Fields::list(const char* key) const {
  std::vector<Fields> elements;
  const Json* value = node_->find(key);
  if (value == nullptr || !value->is_array()) return elements;
  for (const Json& element : *value) elements.push_back(Node::part(*node_, element));
  return elements;
}

std::vector<std::string> Fields::texts(const char* key) const {
  std::vector<std::string> elements;
  const Json* value = node_->find(key);
  if (value == nullptr || !value->is_array()) return elements;
  for (const Json& element : *value)
    if (element.is_string()) elements.push_back(printable(element.get<std::string>()));
  return elements;
}

std::vector<std::pair<std::string, Fields>> Fields::objects() const {
  std::vector<std::pair<std::string, Fields>> fields;
  if (!node_->json->is_object()) return fields;
  for (const auto& [name, value] : node_->json->items())
    if (value.is_object()) fields.emplace_back(name, Node::part(*node_, value));
  return fields;
}

}  // namespace popnet::control
