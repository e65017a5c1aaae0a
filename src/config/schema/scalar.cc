#include "config/schema/scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "common/text.h"
#include "common/units.h"

namespace popnet::config {

namespace {

Error wrong(std::string_view text, std::string_view what, const std::string& right) {
  return {ErrorCode::invalid, fmt::format("'{}' is {}, write {}", text, what, right)};
}

/// The whole text as one number, or nothing.
template <class Number>
bool read(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// What the parsers of quantities share: text to value, value against bounds.
template <class Value, class Parse, class Format>
Result<Value> parse_between(std::string_view text, Value low, Value high, std::string_view name,
                            std::string_view example, Parse parse, Format format) {
  const std::string bounds = fmt::format("from {} to {}", format(low), format(high));
  auto value = parse(text);
  if (!value)
    return wrong(text, fmt::format("not a {}", name), fmt::format("one like {}, {}", example, bounds));
  if (*value < low || *value > high)
    return wrong(text, "out of bounds", fmt::format("a {} {}", name, bounds));
  return *value;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// One character of a label, its escape resolved, in lower case. Moves `at` behind it; -1 = it may not stand there.
int read_label_character(std::string_view text, size_t& at) {
  const std::string_view rest = text.substr(at);
  int c = static_cast<uint8_t>(rest[0]);
  size_t used = 1;
  if (c != '\\') {
    const bool plain = is_digit(rest[0]) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '_' || c == '/';
    if (!plain) return -1;
  } else if (rest.size() >= 4 && is_digit(rest[1]) && is_digit(rest[2]) && is_digit(rest[3])) {
    c = (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
    used = 4;
  } else if (rest.size() >= 2 && !is_digit(rest[1])) {
    c = static_cast<uint8_t>(rest[1]);
    used = 2;
  } else {
    return -1;
  }
  at += used;
  return c > 255 ? -1 : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

void append_label_character(std::string& text, uint8_t c) {
  constexpr std::string_view special = ".\\\";()@$";
  if (c <= ' ' || c >= 0x7f) {
    fmt::format_to(std::back_inserter(text), "\\{:03}", c);
  } else {
    if (special.find(static_cast<char>(c)) != special.npos) text += '\\';
    text += static_cast<char>(c);
  }
}

}  // namespace

Result<int64_t> parse_integer(std::string_view text, int64_t low, int64_t high) {
  const std::string right = fmt::format("a whole number from {} to {}", low, high);
  int64_t value = 0;
  if (!read(text, value)) return wrong(text, "not a whole number", right);
  if (value < low || value > high) return wrong(text, "out of bounds", right);
  return value;
}

Result<double> parse_number(std::string_view text, double low, double high) {
  const std::string right = fmt::format("a number from {} to {}", format_number(low), format_number(high));
  double value = 0;
  if (!read(text, value)) return wrong(text, "not a number", right);
  if (!(value >= low && value <= high)) return wrong(text, "out of bounds", right);
  return value;
}

Result<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return wrong(text, "neither true nor false", "true or false");
}

Result<Duration> parse_duration_between(std::string_view text, Duration low, Duration high) {
  return parse_between(text, low, high, "duration", "500ms, 20s or 1h30m", parse_duration, format_duration);
}

Result<uint64_t> parse_size_between(std::string_view text, uint64_t low, uint64_t high) {
  return parse_between(text, low, high, "size", "64KiB, 512MiB or 20GB", parse_size, format_size);
}

Result<uint64_t> parse_bit_rate_between(std::string_view text, uint64_t low, uint64_t high) {
  return parse_between(text, low, high, "bit rate", "500Mbit or 10Gbit", parse_bit_rate, format_bit_rate);
}

Result<IpAddress> parse_address(std::string_view text) {
  if (auto address = IpAddress::parse(text)) return address;
  return wrong(text, "not an IP address", "one like 192.0.2.1 or 2001:db8::1");
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (auto endpoint = Endpoint::parse(text)) return endpoint;
  return wrong(text, "not an address with a port", "one like 192.0.2.1:80 or [2001:db8::1]:80");
}

Result<Prefix> parse_prefix(std::string_view text) {
  if (auto prefix = Prefix::parse(text)) return prefix;
  return wrong(text, "not an address prefix",
               "one like 198.51.100.0/24 or 2001:db8::/32, with no bits set behind the length");
}

Result<std::string> parse_dns_name(std::string_view text) {
  constexpr size_t name_max = 253, label_max = 63;
  std::string name = to_lower(text.ends_with('.') ? text.substr(0, text.size() - 1) : text);
  const auto is_label = [](std::string_view label) {
    return !label.empty() && label.size() <= label_max && label.front() != '-' && label.back() != '-' &&
           label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == label.npos;
  };
  const auto labels = split(name, '.');
  if (name.size() > name_max || !std::all_of(labels.begin(), labels.end(), is_label))
    return wrong(text, "not a DNS name", "one like www.example.com, of letters, digits, '-' and '_'");
  return name;
}

Result<std::string> parse_zone_name(std::string_view text) {
  constexpr size_t wire_max = 255, label_max = 63;
  if (text == ".") return std::string(text);
  const auto refused = [&] {
    return wrong(
        text, "not the name of a zone",
        "one like example.com, '.' or 0/25.2.0.192.in-addr.arpa, of letters, digits, '-', '_' and '/', "
        "other characters as \\X or \\DDD");
  };
  std::string name;
  size_t label = 0, wire = 1;  // in bytes; wire: all labels with their lengths, and the root
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '.') {
      if (label == 0) return refused();
      label = 0;
      if (++at < text.size()) name += '.';
      continue;
    }
    const int c = read_label_character(text, at);
    wire += label++ == 0 ? 2 : 1;
    if (c < 0 || label > label_max || wire > wire_max) return refused();
    append_label_character(name, static_cast<uint8_t>(c));
  }
  if (name.empty()) return refused();
  return name;
}

std::string format_number(double value) {
  return fmt::format("{}", value);
}

}  // namespace popnet::config
