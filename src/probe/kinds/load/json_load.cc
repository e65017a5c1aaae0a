#include "probe/kinds/load/json_load.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/text.h"

namespace popnet::probe {

namespace {

using Json = nlohmann::json;

Error invalid(std::string message) {
  return {ErrorCode::invalid, std::move(message)};
}

/// "~1" is '/', "~0" is '~'.
std::string unescape(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size();
    out += escape ? (token[++i] == '1' ? '/' : '~') : token[i];
  }
  return out;
}

const Json* child(const Json& value, const std::string& token) {
  if (value.is_object()) {
    const auto found = value.find(token);
    return found == value.end() ? nullptr : &*found;
  }
  size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool number = error == std::errc() && end == token.data() + token.size();
  return value.is_array() && number && index < value.size() ? &value[index] : nullptr;
}

/// nlohmann's own pointers throw where the page lacks the place.
const Json* at_pointer(const Json& root, std::string_view pointer) {
  const Json* value = &root;
  for (const std::string_view token : split(pointer.substr(1), '/')) {
    value = child(*value, unescape(token));
    if (value == nullptr) return nullptr;
  }
  return value;
}

Result<std::optional<double>> share_at(const Json& root, const std::string& pointer, double scale) {
  if (pointer.empty()) return std::optional<double>();
  const Json* value = at_pointer(root, pointer);
  if (value == nullptr || !value->is_number()) return invalid(fmt::format("no number at {}", pointer));
  const double share = value->get<double>() / scale;
  if (!std::isfinite(share) || share < 0)
    return invalid(fmt::format("{} at {}, expected 0 to {}", value->get<double>(), pointer, scale));
  return std::optional<double>(share);
}

}  // namespace

Result<JsonFigures> read_json_load(std::string_view page, const JsonFields& fields) {
  const Json root = Json::parse(page, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return invalid("the page is not JSON");
  const auto cpu = share_at(root, fields.cpu, fields.scale);
  if (!cpu) return cpu.error();
  const auto memory = share_at(root, fields.memory, fields.scale);
  if (!memory) return memory.error();
  return JsonFigures{*cpu, *memory};
}

Status is_json_pointer(const std::string& text) {
  bool fine = text.empty() || text.front() == '/';
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '~') fine = fine && i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1');
  if (fine) return {};
  return invalid(fmt::format("'{}' is not a JSON pointer, write one like /load/cpu", text));
}

}  // namespace popnet::probe
