#include "http/policy/tags.h"

#include <algorithm>

#include "http/wire/list.h"

namespace popnet::http {

namespace {

void split(std::string_view words, std::vector<std::string_view>& out) {
  while (out.size() <= tags_max) {
    words.remove_prefix(std::min(words.find_first_not_of(" \t"), words.size()));
    if (words.empty()) return;
    const size_t end = std::min(words.find_first_of(" \t"), words.size());
    out.push_back(words.substr(0, end));
    words.remove_prefix(end);
  }
}

}  // namespace

bool has_tags(const Fields& fields) {
  return fields.has(FieldName::surrogate_key) || fields.has(FieldName::cache_tag);
}

bool read_tags(const Fields& fields, std::vector<std::string_view>& tags) {
  for (const Field& field : fields)
    if (field.id == FieldName::surrogate_key) split(field.value, tags);
  for (ListItems items(fields, FieldName::cache_tag); items.next() && tags.size() <= tags_max;)
    tags.push_back(items.item());
  return tags.size() <= tags_max;
}

}  // namespace popnet::http
