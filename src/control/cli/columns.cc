#include "control/cli/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "common/text.h"

namespace popnet::control {

namespace {

constexpr size_t gap = 2;
constexpr size_t last_column_min = 24;
constexpr std::string_view no_break_space = "\xc2\xa0";

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string with_plain_spaces(std::string text) {
  for (size_t at = 0; (at = text.find(no_break_space, at)) != text.npos; ++at)
    text.replace(at, no_break_space.size(), " ");
  return text;
}

/// Lines of at most `width` characters, broken between words; a longer word stays whole.
std::vector<std::string> wrap(std::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  for (const std::string_view word : split(text, ' ')) {
    if (!lines.back().empty() && characters(lines.back()) + 1 + characters(word) > width)
      lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::string without_trailing_space(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string padded(const std::string& cell, size_t width, Columns::Align align) {
  const std::string space(width - std::min(width, characters(cell)), ' ');
  return align == Columns::Align::right ? space + cell : cell + space;
}

}  // namespace

std::string Columns::text() const {
  if (rows_.empty()) return {};
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::vector<std::vector<std::string>> lines = {titles};
  lines.insert(lines.end(), rows_.begin(), rows_.end());

  const size_t last = columns_.size() - 1;
  std::vector<size_t> widths(columns_.size(), 0);
  size_t indent = 0;  // where the last column begins
  for (size_t c = 0; c < last; ++c) {
    for (const auto& cells : lines) widths[c] = std::max(widths[c], characters(cells[c]));
    indent += widths[c] + gap;
  }
  const size_t room = std::max(last_column_min, width_ - std::min(width_, indent));

  std::string text;
  for (const auto& cells : lines) {
    std::string line;
    for (size_t c = 0; c < last; ++c)
      line += padded(cells[c], widths[c], columns_[c].align) + std::string(gap, ' ');
    for (const std::string& part : wrap(cells[last], room)) {
      text += without_trailing_space(with_plain_spaces(line + part)) + "\n";
      line.assign(indent, ' ');
    }
  }
  return text;
}

std::string unbroken(std::string text) {
  for (size_t at = 0; (at = text.find(' ', at)) != text.npos; at += no_break_space.size())
    text.replace(at, 1, no_break_space);
  return text;
}

std::string show_age(std::optional<double> ms) {
  if (!ms) return "-";
  const double s = *ms / 1000;
  if (*ms < 1000) return fmt::format("{:.0f} ms", *ms);
  if (s < 10) return fmt::format("{:.1f} s", s);
  if (s < 120) return fmt::format("{:.0f} s", s);
  if (s < 2 * 3600) return fmt::format("{:.0f} min", s / 60);
  if (s < 48 * 3600) return fmt::format("{:.0f} h", s / 3600);
  return fmt::format("{:.0f} d", s / 86400);
}

std::string show_percent(std::optional<double> share) {
  return share ? fmt::format("{:.0f} %", *share * 100) : "-";
}

std::string show_load(std::optional<double> load) {
  return load ? fmt::format("{:.2f}", *load) : "-";
}

std::string show_value(const std::string& metric, std::optional<double> value) {
  if (!value) return "-";
  if (!metric.ends_with("_ms")) return show_percent(value);
  return fmt::format("{:.{}f} ms", *value, *value < 100 ? 1 : 0);
}

std::string show_count(double count) {
  std::string digits = fmt::format("{:.0f}", count);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

}  // namespace popnet::control
