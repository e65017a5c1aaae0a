#include "common/units.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <span>

namespace popnet {

namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array<Unit, 7> duration_units{{{"d", 86'400'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"m", 60'000'000'000},
                                              {"s", 1'000'000'000},
                                              {"ms", 1'000'000},
                                              {"us", 1'000},
                                              {"ns", 1}}};
constexpr uint64_t ki = 1024;
constexpr std::array<Unit, 9> size_units{{{"TiB", ki* ki* ki* ki},
                                          {"TB", 1'000'000'000'000},
                                          {"GiB", ki* ki* ki},
                                          {"GB", 1'000'000'000},
                                          {"MiB", ki* ki},
                                          {"MB", 1'000'000},
                                          {"KiB", ki},
                                          {"kB", 1'000},
                                          {"B", 1}}};
constexpr std::array<Unit, 5> rate_units{
    {{"Tbit", 1'000'000'000'000}, {"Gbit", 1'000'000'000}, {"Mbit", 1'000'000}, {"kbit", 1'000}, {"bit", 1}}};

Error bad(std::string_view text, std::string_view what, std::string_view example) {
  return {ErrorCode::invalid, fmt::format("'{}' is not a {}: expected for example {}", text, what, example)};
}

__extension__ using Wide = unsigned __int128;
constexpr Wide largest = std::numeric_limits<int64_t>::max() / 2;

/// Reads "<digits>[.<digits>]<unit>" from the front of `text`, cuts it off and adds it. Exact: a quantity
/// that is not a whole number of the smallest unit is refused.
bool take_quantity(std::string_view& text, std::span<const Unit> units, Wide& total, size_t& first_unit) {
  Wide number = 0;
  Wide scale = 1;
  bool fraction = false;
  size_t i = 0;
  for (; i < text.size() && (text[i] == '.' || (text[i] >= '0' && text[i] <= '9')); ++i) {
    if (text[i] == '.') {
      if (fraction || i == 0) return false;
      fraction = true;
      continue;
    }
    number = number * 10 + static_cast<Wide>(text[i] - '0');
    if (fraction) scale *= 10;
    if (number > largest || scale > largest) return false;
  }
  if (i == 0 || text[i - 1] == '.') return false;
  std::string_view name = text.substr(i);
  name = name.substr(0, name.find_first_of("0123456789."));
  for (size_t u = first_unit; u < units.size(); ++u) {
    if (units[u].name != name) continue;
    const Wide quantity = number * units[u].factor;
    if (quantity % scale != 0) return false;
    total += quantity / scale;
    first_unit = u + 1;
    text.remove_prefix(i + name.size());
    return total <= largest;
  }
  return false;
}

Result<uint64_t> parse(std::string_view text, std::span<const Unit> units, bool several, Error error) {
  if (text == "0") return uint64_t{0};
  Wide total = 0;
  size_t first_unit = 0;
  std::string_view left = text;
  do {
    if (!take_quantity(left, units, total, first_unit)) return error;
  } while (several && !left.empty());
  if (!left.empty()) return error;
  return static_cast<uint64_t>(total);
}

std::string format(uint64_t value, std::span<const Unit> units) {
  if (value == 0) return "0";
  for (const Unit& unit : units)
    if (value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  return {};
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  auto ns = parse(text, duration_units, true, bad(text, "duration", "500ms, 20s or 1h30m"));
  if (!ns) return ns.error();
  return Duration(static_cast<int64_t>(*ns));
}
Result<uint64_t> parse_size(std::string_view text) {
  return parse(text, size_units, false, bad(text, "size", "64KiB, 512MiB or 20GB"));
}
Result<uint64_t> parse_bit_rate(std::string_view text) {
  return parse(text, rate_units, false, bad(text, "bit rate", "500Mbit or 10Gbit"));
}

std::string format_duration(Duration d) {
  return format(static_cast<uint64_t>(d.count()), duration_units);
}
std::string format_size(uint64_t bytes) {
  return format(bytes, size_units);
}
std::string format_bit_rate(uint64_t rate) {
  return format(rate, rate_units);
}

}  // namespace popnet
