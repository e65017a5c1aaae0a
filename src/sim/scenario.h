// What the plays in this folder share: a network of a few lines and ways to read a history. Tests only.
#pragma once

#include <algorithm>
#include <vector>

#include "routing/testing.h"
#include "sim/world.h"

namespace popnet::sim {

using routing::testing::net;
using std::chrono::minutes;
using std::chrono::seconds;

/// One site, judged by CPU, probed once a second; a page and a content hostname.
inline model::Config small_network(size_t origins, size_t pops, int ttl_seconds = 20) {
  auto config = routing::testing::make_config(origins, pops);
  model::ProbeSpec probe;
  probe.kind = "http";
  probe.interval = seconds(1);
  for (auto& origin : config.sites[0].origins) origin.probes = {probe};
  config.network.pop_probes = {probe};
  for (auto& host : config.sites[0].hostnames) host.ttl = seconds(ttl_seconds);
  return config;
}

/// Every POP's latency to all clients of a network, in ms, as the operator has configured it.
inline void configure_latency(model::Config& config, std::string_view network, std::vector<int> ms) {
  model::ClientPrior prior{net(network), {}, {}};
  for (size_t i = 0; i < ms.size(); ++i)
    prior.latency.push_back({static_cast<uint32_t>(i), std::chrono::milliseconds(ms[i])});
  config.clients.push_back(prior);
}

using Series = std::vector<double> Moment::*;

/// What one server's series went through: lowest, highest, and how often it turned by more than `swing`.
struct Course {
  double lowest = 1e9, highest = -1e9;
  int turns = 0;
  [[nodiscard]] double width() const { return highest - lowest; }
};
inline Course course(const std::vector<Moment>& history, Series series, size_t server, double swing = 0.05) {
  Course result;
  double extreme = (history.front().*series)[server];
  int direction = 0;
  for (const Moment& moment : history) {
    const double value = (moment.*series)[server];
    result.lowest = std::min(result.lowest, value);
    result.highest = std::max(result.highest, value);
    if (direction >= 0 && value < extreme - swing)
      result.turns += direction == 1, direction = -1, extreme = value;
    if (direction <= 0 && value > extreme + swing)
      result.turns += direction == -1, direction = 1, extreme = value;
    extreme = direction < 0 ? std::min(extreme, value) : std::max(extreme, value);
  }
  return result;
}

inline double mean(const std::vector<Moment>& history, Series series, size_t server) {
  double sum = 0;
  for (const Moment& moment : history) sum += (moment.*series)[server];
  return sum / static_cast<double>(history.size());
}

}  // namespace popnet::sim
