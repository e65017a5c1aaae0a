// Character classes of RFC 9110 section 5.6 and RFC 3986, and the scans over hostile bytes that parser and
// writer share. A scan returns the first byte that is not of its class, or `end`. SSE2 (part of every x86-64)
// looks at 16 bytes a step and never reads behind `end`; elsewhere, and for the last few bytes, a table
// serves.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace popnet::http::scan {

enum Class : uint8_t {
  token = 1,   ///< tchar
  target = 2,  ///< visible ASCII but '"', '#', '<', '>': what browsers leave unescaped is let through
  value = 4,   ///< HTAB, SP, visible ASCII, obs-text
  host = 8,    ///< unreserved, sub-delims
  digit = 16,
  hex_digit = 32,
};

constexpr uint8_t classes_of(unsigned char c) {
  constexpr auto in = [](std::string_view set, unsigned char b) {
    return set.find(static_cast<char>(b)) != set.npos;
  };
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool number = c >= '0' && c <= '9';
  unsigned classes = 0;
  if (letter || number || in("!#$%&'*+-.^_`|~", c)) classes |= token;
  if (c > 0x20 && c < 0x7f && !in("\"#<>", c)) classes |= target;
  if (c == '\t' || (c >= 0x20 && c != 0x7f)) classes |= value;
  if (letter || number || in("-._~!$&'()*+,;=", c)) classes |= host;
  if (number) classes |= digit | hex_digit;
  if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) classes |= hex_digit;
  return static_cast<uint8_t>(classes);
}

constexpr std::array<uint8_t, 256> make_table() {
  std::array<uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = classes_of(static_cast<unsigned char>(c));
  return table;
}
inline constexpr auto table = make_table();

inline bool is(char c, Class wanted) {
  return table[static_cast<unsigned char>(c)] & wanted;
}

inline const char* skip(const char* p, const char* end, Class wanted) {
  while (p != end && is(*p, wanted)) ++p;
  return p;
}
inline bool all(std::string_view text, Class wanted) {
  return skip(text.data(), text.data() + text.size(), wanted) == text.data() + text.size();
}

/// The first byte that may not stand in a field value: a control byte other than HTAB.
inline const char* skip_value(const char* p, const char* end) {
#ifdef __SSE2__
  const __m128i last_control = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(0x7f);
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i bad =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control), _mm_cmpeq_epi8(bytes, del));
    if (const int found = _mm_movemask_epi8(bad)) return p + std::countr_zero(static_cast<unsigned>(found));
  }
#endif
  return skip(p, end, value);
}

/// The first byte that may not stand in a request target.
inline const char* skip_target(const char* p, const char* end) {
#ifdef __SSE2__
  // Signed comparison: bytes from 0x80 on are negative, thus below '!' like SP and the controls.
  const __m128i first = _mm_set1_epi8('!'), del = _mm_set1_epi8(0x7f);
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i quote_hash = _mm_cmpeq_epi8(_mm_and_si128(bytes, _mm_set1_epi8(~0x01)), _mm_set1_epi8('"'));
    const __m128i less_more = _mm_cmpeq_epi8(_mm_and_si128(bytes, _mm_set1_epi8(~0x02)), _mm_set1_epi8('<'));
    const __m128i bad = _mm_or_si128(_mm_or_si128(_mm_cmplt_epi8(bytes, first), _mm_cmpeq_epi8(bytes, del)),
                                     _mm_or_si128(quote_hash, less_more));
    if (const int found = _mm_movemask_epi8(bad)) return p + std::countr_zero(static_cast<unsigned>(found));
  }
#endif
  return skip(p, end, target);
}

}  // namespace popnet::http::scan
