// The demo's live table: plain values in, text out.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace popnet::demo {

struct PopRow {
  std::string name{};
  std::string address{};
  bool stopped = false;               // by the visitor
  std::string health{};               // as the other POPs see it
  double queries_per_second = 0;      // DNS
  double requests_per_second = 0;     // HTTP
  std::optional<double> hit_ratio{};  // 0 .. 1; none without requests
  std::optional<double> load{};       // 0 .. 1
  std::optional<double> accept{};     // part of its clients that it takes; none while stopped
};

struct OriginRow {
  std::string name{};  // "site/origin"
  std::string address{};
  std::string health{};
  std::optional<double> cpu{};
  std::optional<double> http_ms{};
  std::optional<double> load{};
  double share = 0;                 // of the site's users, as the controller wants it
  std::optional<double> answers{};  // of the newest DNS answers; none before the first
  double requests_per_second = 0;   // that reach it: pages and fills, no probes
};

/// Lines of `columns` at most, where those are 80 or more.
std::string render(const std::vector<PopRow>& pops, const std::vector<OriginRow>& origins, size_t columns);

}  // namespace popnet::demo
