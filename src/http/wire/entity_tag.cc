#include "http/wire/entity_tag.h"

#include <algorithm>

namespace popnet::http {

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  EntityTag tag;
  if (text.starts_with("W/")) {  // case-sensitive: RFC 9110 section 8.8.3
    tag.weak = true;
    text.remove_prefix(2);
  }
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return {};
  const std::string_view inside = text.substr(1, text.size() - 2);
  const auto is_etagc = [](char c) {
    return c == 0x21 || (c >= 0x23 && c != 0x7f) || static_cast<signed char>(c) < 0;
  };
  if (!std::all_of(inside.begin(), inside.end(), is_etagc)) return {};
  tag.opaque = text;
  return tag;
}

std::optional<EntityTag> take_entity_tag(std::string_view& list) {
  list.remove_prefix(std::min(list.find_first_not_of(" \t,"), list.size()));
  const size_t open = list.find('"');
  const size_t close = open == list.npos ? open : list.find('"', open + 1);
  if (close == list.npos) return {};
  const auto tag = parse_entity_tag(list.substr(0, close + 1));
  list.remove_prefix(close + 1);
  const size_t next = list.find_first_not_of(" \t");
  if (next != list.npos && list[next] != ',') return {};
  return tag;
}

}  // namespace popnet::http
