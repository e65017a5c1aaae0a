// Percent escapes (%2f, RFC 3986 section 2.1).
#pragma once

#include <string_view>

#include "common/text.h"

namespace popnet {

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// The byte of the escape at `at`, or -1 where there is none. REQUIRES: at < size
constexpr int escaped_byte(std::string_view text, size_t at) {
  if (text[at] != '%' || at + 2 >= text.size()) return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace popnet
