#include "http/wire/structured.h"

#include <algorithm>

#include "http/wire/scan.h"

namespace popnet::http {
namespace {

using Type = DictionaryMember::Type;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_alpha(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The front of the text, as long as `is` holds.
template <class Is>
std::string_view take_while(std::string_view& text, Is&& is) {
  const auto end = std::find_if_not(text.begin(), text.end(), is);
  const std::string_view taken = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}
void skip_spaces(std::string_view& text) {
  take_while(text, [](char c) { return c == ' '; });
}
bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_key(std::string_view& text, std::string_view& key) {
  if (text.empty() || !(is_lower(text.front()) || text.front() == '*')) return false;
  key = take_while(text, [](char c) {
    return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
  });
  return true;
}

/// Section 4.2.4: at most 15 digits, of a Decimal at most 12 and then 1 to 3.
bool take_number(std::string_view& text, DictionaryMember& out) {
  const std::string_view all = text;
  take(text, '-');
  const size_t whole = take_while(text, is_digit).size();
  size_t fraction = 0;
  out.type = Type::integer;
  if (whole > 0 && take(text, '.')) {
    out.type = Type::decimal;
    fraction = take_while(text, is_digit).size();
  }
  out.text = all.substr(0, all.size() - text.size());
  return out.type == Type::integer ? whole >= 1 && whole <= 15
                                   : whole <= 12 && fraction >= 1 && fraction <= 3;
}

/// Section 4.2.5. The opening quote has been taken.
bool take_string(std::string_view& text, DictionaryMember& out) {
  const std::string_view all = text;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') {
      out.type = Type::string;
      out.text = all.substr(0, all.size() - text.size() - 1);
      return true;
    }
    if (c < ' ' || c > '~') return false;
    if (c != '\\') continue;
    if (text.empty() || (text.front() != '"' && text.front() != '\\')) return false;
    text.remove_prefix(1);
  }
  return false;
}

bool take_bytes(std::string_view& text, DictionaryMember& out) {
  out.type = Type::bytes;
  out.text =
      take_while(text, [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '='; });
  return take(text, ':');
}

bool take_boolean(std::string_view& text, DictionaryMember& out) {
  out.type = Type::boolean;
  out.text = text.substr(0, 1);
  return take(text, '0') || take(text, '1');
}

bool take_bare_item(std::string_view& text, DictionaryMember& out) {
  if (text.empty()) return false;
  if (text.front() == '-' || is_digit(text.front())) return take_number(text, out);
  if (take(text, '"')) return take_string(text, out);
  if (take(text, ':')) return take_bytes(text, out);
  if (take(text, '?')) return take_boolean(text, out);
  if (!is_alpha(text.front()) && text.front() != '*') return false;
  out.type = Type::token;
  out.text = take_while(text, [](char c) { return scan::is(c, scan::token) || c == ':' || c == '/'; });
  return true;
}

bool skip_parameters(std::string_view& text) {
  DictionaryMember ignored;
  while (take(text, ';')) {
    skip_spaces(text);
    if (!take_key(text, ignored.key)) return false;
    if (take(text, '=') && !take_bare_item(text, ignored)) return false;
  }
  return true;
}

/// Section 4.2.1.2. The opening parenthesis has been taken.
bool take_inner_list(std::string_view& text, DictionaryMember& out) {
  const std::string_view all = text;
  for (;;) {
    skip_spaces(text);
    if (take(text, ')')) break;
    if (!take_bare_item(text, out) || !skip_parameters(text)) return false;
    if (text.empty() || (text.front() != ' ' && text.front() != ')')) return false;
  }
  out.type = Type::inner_list;
  out.text = all.substr(0, all.size() - text.size() - 1);
  return true;
}

}  // namespace

bool take_member(std::string_view& text, DictionaryMember& member) {
  member = {};
  if (!take_key(text, member.key)) return false;
  if (take(text, '=') && !(take(text, '(') ? take_inner_list(text, member) : take_bare_item(text, member)))
    return false;
  if (!skip_parameters(text)) return false;
  const auto is_white = [](char c) { return c == ' ' || c == '\t'; };
  take_while(text, is_white);
  if (text.empty()) return true;
  if (!take(text, ',')) return false;
  take_while(text, is_white);
  return !text.empty();  // no comma stands at the end
}

}  // namespace popnet::http
