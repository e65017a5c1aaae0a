#include "http/wire/list.h"

#include <algorithm>

#include "common/text.h"
#include "http/wire/scan.h"

namespace popnet::http {
namespace {

/// Position behind the quoted string that begins at `at`, or npos when it is not closed.
size_t skip_quoted(std::string_view text, size_t at) {
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return text.npos;
}

/// Position of the first `separator` outside of quoted strings, or the end. A quote that is never closed is a
/// character like any other: it must not hide what follows it ('x="a, no-store').
/// `plain_quotes`: no quote in the text is closed. It stays so for what follows in the same text, for those behind one that is not
/// closed stand behind a backslash each, and so are not closed either: nobody need look for their ends, which would take each
/// of them the whole rest.
size_t find_outside_quotes(std::string_view text, char separator, bool& plain_quotes) {
  for (size_t i = 0;;) {
    while (i < text.size() && text[i] != separator && text[i] != '"') ++i;
    if (i >= text.size() || text[i] == separator) return i;
    const size_t behind = plain_quotes ? text.npos : skip_quoted(text, i);
    plain_quotes = behind == text.npos;
    i = behind == text.npos ? i + 1 : behind;
  }
}

bool is_quoted_string(std::string_view text) {
  return !text.empty() && text.front() == '"' && skip_quoted(text, 0) == text.size();
}

}  // namespace

ListItems::ListItems(const Fields& fields, FieldName name) : fields_(&fields), name_(name) {
  line_ = fields.has(name) ? fields.position(name) : fields.size();
  if (line_ < fields.size()) rest_ = fields.begin()[line_].value;
}

bool ListItems::next_line() {
  if (!fields_ || !fields_->repeated(name_)) return false;
  while (++line_ < fields_->size()) {
    const Field& field = fields_->begin()[line_];
    if (field.id != name_) continue;
    rest_ = field.value;
    plain_quotes_ = false;
    return true;
  }
  return false;
}

bool ListItems::next() {
  for (;;) {
    if (rest_.empty()) {
      if (!next_line()) return false;
      continue;
    }
    const size_t end = find_outside_quotes(rest_, ',', plain_quotes_);
    item_ = trim(rest_.substr(0, end), " \t");
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (!item_.empty()) return true;
  }
}

Directive parse_directive(std::string_view element) {
  Directive directive;
  const size_t equals = std::min(element.find('='), element.size());
  directive.name = element.substr(0, equals);
  directive.has_value = equals < element.size();
  if (directive.has_value) directive.value = element.substr(equals + 1);
  directive.quoted = is_quoted_string(directive.value);
  const bool good_value = directive.quoted || !directive.has_value ||
                          (!directive.value.empty() && scan::all(directive.value, scan::token));
  directive.well_formed = !directive.name.empty() && scan::all(directive.name, scan::token) && good_value;
  if (directive.quoted) directive.value = directive.value.substr(1, directive.value.size() - 2);
  return directive;
}

namespace {

/// qvalue of RFC 9110 section 12.4.2, in thousandths.
std::optional<uint16_t> parse_qvalue(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return {};
  unsigned weight = text[0] == '1' ? 1000 : 0;
  if (text.size() > 1 && text[1] != '.') return {};
  unsigned unit = 100;
  for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (!scan::is(text[i], scan::digit)) return {};
    weight += static_cast<unsigned>(text[i] - '0') * unit;
  }
  if (weight > 1000) return {};
  return static_cast<uint16_t>(weight);
}

}  // namespace

Weighted parse_weighted(std::string_view element) {
  bool plain_quotes = false;
  size_t end = find_outside_quotes(element, ';', plain_quotes);
  Weighted weighted{trim(element.substr(0, end), " \t"), uint16_t{1000}};
  while (end < element.size()) {
    element.remove_prefix(end + 1);
    end = find_outside_quotes(element, ';', plain_quotes);
    const std::string_view parameter = trim(element.substr(0, end), " \t");
    if (parameter.size() < 2 || to_lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
    weighted.weight = parse_qvalue(parameter.substr(2));
    break;
  }
  return weighted;
}

std::optional<uint64_t> parse_decimal(std::string_view digits) {
  if (digits.empty() || !scan::all(digits, scan::digit)) return {};
  uint64_t value = 0;
  for (const char c : digits) {
    const auto digit = static_cast<uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return {};
    value = value * 10 + digit;
  }
  return value;
}

std::optional<uint32_t> parse_delta_seconds(std::string_view digits) {
  constexpr uint32_t most = uint32_t{1} << 31;
  if (digits.empty() || !scan::all(digits, scan::digit)) return {};
  const auto value = parse_decimal(digits);
  return value && *value < most ? static_cast<uint32_t>(*value) : most;
}

bool list_has(const Fields& fields, FieldName name, std::string_view token) {
  for (ListItems items(fields, name); items.next();)
    if (iequals(items.item(), token)) return true;
  return false;
}

}  // namespace popnet::http
