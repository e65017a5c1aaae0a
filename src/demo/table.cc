#include "demo/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace popnet::demo {

namespace {

constexpr size_t columns_beside_bar = 73;
constexpr size_t bar_cells_max = 24;

std::string percent(std::optional<double> value) {
  return value ? fmt::format("{:.0f}%", *value * 100) : "-";
}
std::string fixed(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string bar(double share, size_t cells) {
  const auto full = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(cells) + 0.5);
  return std::string(full, '#') + std::string(cells - full, '.');
}

}  // namespace

std::string render(const std::vector<PopRow>& pops, const std::vector<OriginRow>& origins, size_t columns) {
  std::string out = fmt::format("{:<10} {:<14} {:<7} {:>9} {:>10} {:>5} {:>5} {:>8}\n", "POP", "address",
                                "health", "queries/s", "requests/s", "hits", "load", "accepts");
  for (const PopRow& row : pops) {
    out += fmt::format("{:<10} {:<14} {:<7} {:>9.0f} {:>10.0f} {:>5} {:>5} {:>8}\n", row.name, row.address,
                       row.stopped ? "stopped" : row.health, row.queries_per_second, row.requests_per_second,
                       percent(row.hit_ratio), fixed(row.load, 2), percent(row.accept));
  }
  const size_t room = columns - std::min(columns, columns_beside_bar);
  const size_t cells = std::min(room, bar_cells_max);
  out += fmt::format("\n{:<10} {:<14} {:<7} {:>4} {:>7} {:>5} {:>5} {:<{}} {:>7} {:>5}\n", "web server",
                     "address", "health", "cpu", "http ms", "load", "share", "", cells, "answers", "req/s");
  for (const OriginRow& row : origins) {
    out +=
        fmt::format("{:<10} {:<14} {:<7} {:>4} {:>7} {:>5} {:>5} {} {:>7} {:>5.1f}\n", row.name, row.address,
                    row.health, percent(row.cpu), fixed(row.http_ms, 1), fixed(row.load, 2),
                    percent(row.share), bar(row.share, cells), percent(row.answers), row.requests_per_second);
  }
  return out;
}

}  // namespace popnet::demo
