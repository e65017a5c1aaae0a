#include "http/wire/entity_tag.h"

#include <algorithm>

namespace popnet::http {

namespace {

bool is_etagc(char c) {
  return c == 0x21 || (c >= 0x23 && c != 0x7f) || static_cast<signed char>(c) < 0;
}

std::optional<EntityTag> parse_unquoted(std::string_view text) {
  const bool one = !text.empty() && text != "*" && text.find(',') == text.npos &&
                   std::all_of(text.begin(), text.end(), is_etagc);
  if (!one) return {};
  return EntityTag{.weak = true, .opaque = text};
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  if (text.find('"') == text.npos) return parse_unquoted(text);
  EntityTag tag;
  if (text.starts_with("W/")) {  // case-sensitive: RFC 9110 section 8.8.3
    tag.weak = true;
    text.remove_prefix(2);
  }
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return {};
  const std::string_view inside = text.substr(1, text.size() - 2);
  if (!std::all_of(inside.begin(), inside.end(), is_etagc)) return {};
  tag.opaque = text;
  return tag;
}

std::optional<EntityTag> take_entity_tag(std::string_view& list) {
  list.remove_prefix(std::min(list.find_first_not_of(" \t,"), list.size()));
  const bool quoted = list.starts_with('"') || list.starts_with("W/\"");
  size_t end = list.find_first_of(" \t,");
  if (quoted) {
    end = list.find('"', list.find('"') + 1);
    if (end == list.npos) return {};
    ++end;
  }
  const auto tag = parse_entity_tag(list.substr(0, end));
  list.remove_prefix(std::min(end, list.size()));
  const size_t next = list.find_first_not_of(" \t");
  if (next != list.npos && list[next] != ',') return {};
  return tag;
}

}  // namespace popnet::http
