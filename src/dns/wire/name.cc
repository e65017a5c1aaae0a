#include "dns/wire/name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/text.h"

namespace popnet::dns {

namespace {

constexpr uint64_t each_byte(uint8_t b) {
  return b * 0x0101010101010101ULL;
}

/// Lowers A-Z in eight bytes at once. Length bytes of labels are at most 63, below 'A', so a whole name may
/// pass.
constexpr uint64_t lower_word(uint64_t word) {
  const uint64_t low7 = word & each_byte(0x7f);
  const uint64_t from_a = low7 + each_byte(0x80 - 'A');
  const uint64_t beyond_z = low7 + each_byte(0x7f - 'Z');
  const uint64_t upper = (from_a ^ beyond_z) & ~word & each_byte(0x80);
  return word | upper >> 2;
}

/// The last `count` (1..7) bytes before `end`, as a little-endian word filled up with zeros.
uint64_t last_bytes(const uint8_t* end, size_t count, bool eight_before) {
  uint64_t word = 0;
  if (eight_before) {
    std::memcpy(&word, end - 8, 8);
    return word >> (8 * (8 - count));
  }
  for (size_t i = 0; i < count; ++i) word |= uint64_t{(end - count)[i]} << (8 * i);
  return word;
}

/// Means something in a master file (RFC 1035 section 5.1) unless a backslash stands before it.
constexpr bool special(uint8_t c) {
  return std::string_view(".\\\";()@$").find(static_cast<char>(c)) != std::string_view::npos;
}

/// Collects labels into wire form.
class NameMaker {
 public:
  bool add(uint8_t c) {
    if (label_size_ == label_size_max || size_ >= name_size_max - 1) return false;
    bytes_[size_++] = c;
    ++label_size_;
    return true;
  }
  bool end_label() {
    if (label_size_ == 0) return false;
    bytes_[start_] = static_cast<uint8_t>(label_size_);
    label_size_ = 0;
    start_ = size_++;
    return true;
  }
  [[nodiscard]] bool in_label() const { return label_size_ > 0; }
  bool add_all(NameBytes rest) {
    if (start_ + rest.size() > name_size_max) return false;
    std::memcpy(bytes_ + start_, rest.data(), rest.size());
    size_ = start_ + rest.size();
    return true;
  }
  Name finish() {
    const uint8_t root = 0;
    add_all({&root, 1});
    return Name(NameBytes(bytes_, size_));
  }
  [[nodiscard]] Name name() const { return Name(NameBytes(bytes_, size_)); }

 private:
  uint8_t bytes_[name_size_max + 2];
  size_t start_ = 0;  // where the length of the present label goes
  size_t size_ = 1;
  size_t label_size_ = 0;
};

/// One character of a label, escapes resolved: \X or \DDD. Moves `at` behind it; -1 = broken escape.
int read_character(std::string_view text, size_t& at) {
  const char c = text[at++];
  if (c != '\\') return static_cast<uint8_t>(c);
  if (at == text.size()) return -1;
  const auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  if (!digit(at)) return static_cast<uint8_t>(text[at++]);
  if (!digit(at + 1) || !digit(at + 2)) return -1;
  const int value = (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
  at += 3;
  return value <= 255 ? value : -1;
}

Error bad_name(std::string_view text, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("\"{}\" is not a domain name: {}", text, why)};
}

}  // namespace

size_t count_labels(NameBytes name) {
  size_t labels = 0;
  for (; !is_root(name); name = parent(name)) ++labels;
  return labels;
}

bool is_at_or_below(NameBytes name, NameBytes ancestor) {
  while (name.size() > ancestor.size()) name = parent(name);
  return name.size() == ancestor.size() && std::memcmp(name.data(), ancestor.data(), name.size()) == 0;
}

int compare_canonical(NameBytes a, NameBytes b) {
  uint8_t labels_of_a[name_size_max / 2 + 1], labels_of_b[name_size_max / 2 + 1];
  const auto labels = [](NameBytes name, uint8_t* begins) {
    size_t count = 0;
    for (size_t at = 0; name[at] != 0; at += name[at] + 1U) begins[count++] = static_cast<uint8_t>(at);
    return count;
  };
  size_t i = labels(a, labels_of_a), j = labels(b, labels_of_b);
  while (i > 0 && j > 0) {
    const uint8_t* of_a = &a[labels_of_a[--i]];
    const uint8_t* of_b = &b[labels_of_b[--j]];
    if (const int c = std::memcmp(of_a + 1, of_b + 1, std::min(*of_a, *of_b)); c != 0) return c;
    if (*of_a != *of_b) return *of_a < *of_b ? -1 : 1;
  }
  return i > 0 ? 1 : j > 0 ? -1 : 0;
}

bool same_name(NameBytes a, NameBytes b) {
  return iequals({reinterpret_cast<const char*>(a.data()), a.size()},
                 {reinterpret_cast<const char*>(b.data()), b.size()});
}

std::string to_text(NameBytes name) {
  if (is_root(name)) return ".";
  std::string text;
  for (; !is_root(name); name = parent(name)) {
    for (const uint8_t c : name.subspan(1, name[0])) {
      if (c <= ' ' || c >= 0x7f) {
        text += fmt::format("\\{:03}", c);
      } else {
        if (special(c)) text += '\\';
        text += static_cast<char>(c);
      }
    }
    text += '.';
  }
  return text;
}

std::string to_file_text(NameBytes name) {
  constexpr size_t size_max = 200, kept = size_max - 17;
  std::string text;
  for (const char c : to_text(name)) {
    if (c == '/' || c == '%') {
      text += c == '/' ? "%2F" : "%25";
    } else {
      text += c;
    }
  }
  if (text.size() > size_max) text = fmt::format("{}%{:016x}", text.substr(0, kept), hash_name(name));
  return text;
}

NameShape measure_name(std::span<const uint8_t> bytes) {
  const size_t limit = bytes.size() < name_size_max ? bytes.size() : name_size_max;
  size_t at = 0;
  uint8_t labels = 0;
  for (;;) {
    if (at >= limit) return {};
    const uint8_t length = bytes[at];
    if (length == 0) return {static_cast<uint8_t>(at + 1), labels};
    if (length > label_size_max) return {};
    at += size_t{length} + 1;
    ++labels;
  }
}

void Name::assign(NameBytes wire, size_t labels) {
  const size_t size = wire.size();
  const uint8_t* from = wire.data();
  uint64_t h = hash_seed(size);
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word;
    std::memcpy(&word, from + at, 8);
    word = lower_word(word);
    std::memcpy(bytes_ + at, &word, 8);
    h = hash_step(h, word);
  }
  if (at < size) {
    const uint64_t word = lower_word(last_bytes(from + size, size - at, size >= 8));
    std::memcpy(bytes_ + at, &word, 8);
    h = hash_step(h, word);
  }
  hash_ = mix64(h);
  size_ = static_cast<uint8_t>(size);
  labels_ = static_cast<uint8_t>(labels);
}

Result<Name> parse_name(std::string_view text) {
  if (text == ".") return Name();
  if (text.empty()) return bad_name(text, "it is empty");
  NameMaker maker;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '.') {
      if (!maker.end_label()) return bad_name(text, "it has an empty label");
      ++at;
      continue;
    }
    const int c = read_character(text, at);
    if (c < 0) return bad_name(text, "a backslash wants a character or three digits up to 255 behind it");
    if (!maker.add(static_cast<uint8_t>(c)))
      return bad_name(text, "labels have at most 63 bytes, names at most 255");
  }
  if (maker.in_label()) maker.end_label();
  return maker.finish();
}

Result<Name> child_name(std::string_view label, NameBytes under) {
  NameMaker maker;
  bool fits = !label.empty();
  for (const char c : label) fits = fits && maker.add(static_cast<uint8_t>(c));
  if (!fits || !maker.end_label() || !maker.add_all(under))
    return bad_name(label, "labels have 1 to 63 bytes, names at most 255");
  return maker.name();
}

}  // namespace popnet::dns
