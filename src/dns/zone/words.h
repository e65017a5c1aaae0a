// The words of an entry of a master file, and what backslashes mean in them (RFC 1035 section 5.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace popnet::dns {

struct Word {
  std::string_view text;  // as it is written, but without the quotes around it
  size_t offset = 0;      // in its entry
  bool quoted = false;
};

/// `entry`: on one line, without comments and parentheses, with all quotes closed.
std::vector<Word> words_of(std::string_view entry);

/// The character at text[at], which a backslash may stand for with what comes behind it; moves `at` behind that. -1 if that is
/// neither a character nor three digits up to 255.
int read_escaped(std::string_view text, size_t& at);
/// A string of characters. Nothing if a backslash lacks what it wants, or a quote stands inside.
std::optional<std::string> unescape(const Word& word);

/// For messages: short, on one line.
std::string shown(std::string_view text);

/// "1h30m" or "5400". Nothing if it is no length of time, or does not fit 32 bits.
std::optional<uint32_t> read_period(std::string_view text);

}  // namespace popnet::dns
