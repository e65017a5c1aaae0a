#include "dns/zone/words.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "common/text.h"

namespace popnet::dns {

namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Where the quote is closed that opens at `at`, or the end.
size_t find_closing_quote(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at, text.size());
}

size_t find_end_of_word(std::string_view text, size_t at) {
  for (; at < text.size() && blanks.find(text[at]) == blanks.npos; ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      at = find_closing_quote(text, at);
  }
  return std::min(at, text.size());
}

uint64_t seconds_in(char unit) {
  switch (to_lower(unit)) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    case 'w':
      return 604800;
    default:
      return 0;
  }
}

}  // namespace

std::vector<Word> words_of(std::string_view entry) {
  std::vector<Word> words;
  for (size_t at = entry.find_first_not_of(blanks); at < entry.size();
       at = entry.find_first_not_of(blanks, at)) {
    const bool quoted = entry[at] == '"';
    const size_t end = quoted ? find_closing_quote(entry, at) : find_end_of_word(entry, at);
    const size_t begin = at + (quoted ? 1 : 0);
    words.push_back({entry.substr(begin, end - begin), at, quoted});
    at = std::min(end + (quoted ? 1 : 0), entry.size());
  }
  return words;
}

int read_escaped(std::string_view text, size_t& at) {
  if (text[at] != '\\') return static_cast<uint8_t>(text[at++]);
  if (++at == text.size()) return -1;
  if (!is_digit(text[at])) return static_cast<uint8_t>(text[at++]);
  int code = 0;
  for (const size_t end = at + 3; at < end; ++at) {
    if (at == text.size() || !is_digit(text[at])) return -1;
    code = 10 * code + (text[at] - '0');
  }
  return code <= 255 ? code : -1;
}

std::optional<std::string> unescape(const Word& word) {
  std::string plain;
  for (size_t at = 0; at < word.text.size();) {
    if (word.text[at] == '"') return std::nullopt;
    const int c = read_escaped(word.text, at);
    if (c < 0) return std::nullopt;
    plain += static_cast<char>(c);
  }
  return plain;
}

std::string shown(std::string_view text) {
  constexpr size_t shown_max = 60;
  std::string line(text.substr(0, shown_max));
  for (char& c : line)
    if (c < ' ' || c > '~') c = '?';
  if (text.size() > shown_max) line += "...";
  return line.empty() ? "empty" : line;
}

std::optional<uint32_t> read_period(std::string_view text) {
  uint64_t sum = 0;
  for (size_t at = 0; at < text.size() || at == 0;) {
    uint32_t number = 0;
    const char* end = text.data() + text.size();
    if (at == text.size() || !is_digit(text[at])) return std::nullopt;
    const auto read = std::from_chars(text.data() + at, end, number);
    if (read.ec != std::errc()) return std::nullopt;
    const bool bare = read.ptr == end;  // seconds; behind other units it would be a slip
    const uint64_t unit = !bare ? seconds_in(*read.ptr) : at == 0 ? 1 : 0;
    sum += number * unit;
    if (unit == 0 || sum > UINT32_MAX) return std::nullopt;
    at = static_cast<size_t>(read.ptr - text.data()) + (bare ? 0 : 1);
  }
  return static_cast<uint32_t>(sum);
}

}  // namespace popnet::dns
