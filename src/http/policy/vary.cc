#include "http/policy/vary.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/text.h"
#include "http/policy/forwarding.h"
#include "http/wire/list.h"
#include "http/wire/scan.h"

namespace popnet::http {
namespace {

/// Text that grows in given room and remembers when it did not fit.
class KeyText {
 public:
  explicit KeyText(std::span<char> room) : room_(room) {}

  void put(char c) {
    ok_ = ok_ && size_ < room_.size();
    if (ok_) room_[size_++] = c;
  }
  void put(std::string_view text) {
    for (const char c : text) put(c);
  }
  void put_lower(std::string_view text) {
    for (const char c : text) put(to_lower(c));
  }
  void rewind(size_t size) { size_ = size; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] SecondaryKey key() const {
    return {ok_, ok_ ? std::string_view(room_.data(), size_) : std::string_view{}};
  }

 private:
  std::span<char> room_;
  size_t size_ = 0;
  bool ok_ = true;
};

/// One element of Accept-Encoding or Accept-Language: a name and perhaps a weight, nothing else. False
/// otherwise.
bool read_preference(std::string_view element, Weighted& out) {
  out = parse_weighted(element);
  const size_t semicolon = element.find(';');
  if (semicolon == element.npos) return true;
  const std::string_view parameter = trim(element.substr(semicolon + 1), " \t");
  return out.weight && parameter.size() > 2 && to_lower(parameter[0]) == 'q' && parameter[1] == '=' &&
         parameter.find(';') == parameter.npos;
}

/// Elements sorted by weight, then name. False, with nothing written, when they are not plain preferences.
bool put_preferences(KeyText& out, const Fields& request, FieldName name) {
  std::array<Weighted, 32> elements;
  size_t count = 0;
  for (ListItems items(request, name); items.next(); ++count)
    if (count == elements.size() || !read_preference(items.item(), elements[count])) return false;
  const auto less_text = [](char a, char b) { return to_lower(a) < to_lower(b); };
  const auto before = [&](const Weighted& a, const Weighted& b) {
    if (*a.weight != *b.weight) return *a.weight > *b.weight;
    return std::lexicographical_compare(a.item.begin(), a.item.end(), b.item.begin(), b.item.end(),
                                        less_text);
  };
  std::sort(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(count), before);
  for (size_t i = 0; i < count; ++i) {
    out.put_lower(elements[i].item);
    if (const unsigned weight = *elements[i].weight; weight < 1000) {
      out.put(";q=");
      for (const unsigned unit : {100U, 10U, 1U}) out.put(static_cast<char>('0' + weight / unit % 10));
    }
    out.put(',');
  }
  return true;
}

/// The lines of one name, as one list, without the white space around its elements: RFC 9110 sections 5.3 and
/// 5.6.1 make "a" + "b", "a, b" and "a ,b" the same.
void put_lines(KeyText& out, const Fields& request, std::string_view name, const HopByHop& hop) {
  bool first = true;
  for (const Field& field : request) {
    if (!iequals(field.name, name) || hop.has(field)) continue;
    if (first) out.put(':');
    for (ListItems items(field.value); items.next();) {
      out.put(items.item());
      out.put(',');
    }
    first = false;
  }
}

/// What the edge itself tells origins, of each client or request anew: no key has it.
bool is_told_of_each(FieldName id) {
  return id == FieldName::x_forwarded_for || id == FieldName::x_request_id;
}

/// What a user sends by that name no origin gets: it chooses nothing. (His Via goes on, with ours behind it.)
bool is_kept_back(FieldName id, std::string_view name) {
  return id != FieldName::via && is_claim({id, name, {}});
}

bool is_preference_list(FieldName id) {
  return id == FieldName::accept_encoding || id == FieldName::accept_language;
}

/// name [ ":" value ] LF. No value holds an LF.
void put_field(KeyText& out, const Fields& request, std::string_view name, const HopByHop& hop) {
  const FieldName id = find_field_name(name);
  out.put(name);
  const size_t begin = out.size();
  // What Connection names is not sent to the origin, so it must not select a variant either.
  if (is_preference_list(id) && request.has(id) && !hop.has({id, name, {}})) {
    out.put(':');
    if (put_preferences(out, request, id)) return out.put('\n');
    out.rewind(begin);
  }
  put_lines(out, request, name, hop);
  out.put('\n');
}

}  // namespace

bool varies_beyond_keys(const Fields& response) {
  for (ListItems items(response, FieldName::vary); items.next();)
    if (items.item() == "*" || !scan::all(items.item(), scan::token) ||
        is_told_of_each(find_field_name(items.item())))
      return true;
  return false;
}

Vary read_vary(const Fields& response) {
  if (varies_beyond_keys(response)) return {VaryKind::star, {}};
  std::vector<std::string> names;
  for (ListItems items(response, FieldName::vary); items.next();)
    if (!is_kept_back(find_field_name(items.item()), items.item())) names.push_back(to_lower(items.item()));
  if (names.empty()) return {};
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  Vary vary{VaryKind::names, {}};
  for (const std::string& name : names) vary.names += (vary.names.empty() ? "" : ",") + name;
  return vary;
}

bool has_any(std::string_view names, const Fields& request) {
  for (ListItems items(names); items.next();)
    if (std::any_of(request.begin(), request.end(),
                    [&](const Field& field) { return iequals(field.name, items.item()); }))
      return true;
  return false;
}

SecondaryKey make_secondary_key(std::string_view names, const Fields& request, std::span<char> room) {
  const HopByHop hop(request);
  KeyText out(room);
  for (ListItems items(names); items.next();) put_field(out, request, items.item(), hop);
  return out.key();
}

}  // namespace popnet::http
