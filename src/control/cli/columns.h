// Aligned columns for a terminal, and quantities in words. Plain values in, text out.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace popnet::control {

/// The last column takes the width that is left, and goes on in further lines where that is not enough.
/// Widths count characters, not bytes (UTF-8; wide and combining characters are not expected).
class Columns {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Columns(std::vector<Column> columns, size_t width = 100)
      : columns_(std::move(columns)), width_(width) {}

  /// REQUIRES: as many cells as there are columns
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Titles and rows, each line ended; "" when there are no rows.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  size_t width_;
};

/// For the last column: words that stay on one line.
std::string unbroken(std::string text);
/// "340 ms", "2.5 s", "12 s", "3 min", "5 h", "2 d"; "-" for nothing.
std::string show_age(std::optional<double> ms);
/// "42 %"; "-" for nothing.
std::string show_percent(std::optional<double> share);
/// "0.42"; "-" for nothing.
std::string show_load(std::optional<double> load);
/// Of a metric by its name: "12.3 ms" for http_ms, "42 %" for cpu.
std::string show_value(const std::string& metric, std::optional<double> value);
/// "1,234,567".
std::string show_count(double count);

}  // namespace popnet::control
