#include "demo/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace popnet::demo {

namespace {

constexpr int bar_cells = 16;

std::string percent(std::optional<double> value) {
  return value ? fmt::format("{:.0f}%", *value * 100) : "-";
}
std::string fixed(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string bar(double share) {
  const int full = std::clamp(static_cast<int>(share * bar_cells + 0.5), 0, bar_cells);
  return std::string(static_cast<size_t>(full), '#') +
         std::string(static_cast<size_t>(bar_cells - full), '.');
}

}  // namespace

std::string render(const std::vector<PopRow>& pops, const std::vector<OriginRow>& origins) {
  std::string out = fmt::format("{:<8} {:<14} {:<8} {:>9} {:>10} {:>6} {:>6} {:>8}\n", "POP", "address",
                                "health", "queries/s", "requests/s", "hits", "load", "accepts");
  for (const PopRow& row : pops) {
    out += fmt::format("{:<8} {:<14} {:<8} {:>9.0f} {:>10.0f} {:>6} {:>6} {:>8}\n", row.name, row.address,
                       row.stopped ? "stopped" : row.health, row.queries_per_second, row.requests_per_second,
                       percent(row.hit_ratio), fixed(row.load, 2), percent(row.accept));
  }
  out +=
      fmt::format("\n{:<12} {:<16} {:<8} {:>5} {:>7} {:>5}  {:<{}} {:>5} {:>8} {:>7}\n", "web server",
                  "address", "health", "cpu", "http ms", "load", "share", bar_cells, "", "answers", "req/s");
  for (const OriginRow& row : origins) {
    out += fmt::format("{:<12} {:<16} {:<8} {:>5} {:>7} {:>5}  {} {:>5} {:>8} {:>7.1f}\n", row.name,
                       row.address, row.health, percent(row.cpu), fixed(row.http_ms, 1), fixed(row.load, 2),
                       bar(row.share), percent(row.share), percent(row.answers), row.requests_per_second);
  }
  return out;
}

}  // namespace popnet::demo
