// What the tests of routing, fold and sim share: configs in a line. Tests only.
#pragma once

#include <string>
#include <vector>

#include "model/config.h"
#include "model/metrics.h"
#include "routing/decide.h"
#include "routing/map.h"

namespace popnet::routing::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}
inline Prefix net(std::string_view text) {
  return Prefix::parse(text).value();
}

inline TimePoint at_second(double seconds_since_start) {
  return TimePoint() + std::chrono::hours(1) + from_ms(seconds_since_start * 1000);
}

inline model::LoadModel cpu_only() {
  model::LoadModel load;
  load.memory = load.http = load.ftp = load.tcp = 0;
  return load;
}

/// A site "shop" with origins o0, o1, …, judged by CPU alone, and POPs p0, p1, … without coordinates.
inline model::Config make_config(size_t origins, size_t pops) {
  model::Config config;
  model::Site site;
  site.name = "shop";
  site.load = cpu_only();
  site.hostnames.push_back({.name = "www.shop.example", .ttl = seconds(20)});
  site.hostnames.push_back(
      {.name = "static.shop.example", .resolve = model::Resolve::pop, .ttl = seconds(30)});
  for (size_t i = 0; i < origins; ++i) {
    model::Origin origin;
    origin.name = "o" + std::to_string(i);
    origin.endpoint = {IpAddress::v4(192, 0, 2, static_cast<uint8_t>(i + 1)), 80};
    site.origins.push_back(origin);
  }
  config.sites.push_back(site);
  for (size_t i = 0; i < pops; ++i) {
    model::Pop pop;
    pop.name = "p" + std::to_string(i);
    pop.addresses = {IpAddress::v4(198, 51, 100, static_cast<uint8_t>(i + 1))};
    config.pops.push_back(pop);
  }
  config.network.zone = "pop.example";
  config.network.content_hostname = "cdn.example";
  config.network.content_ttl = seconds(30);
  config.network.pop_load = cpu_only();
  config.network.client_latency.max_age = seconds(600);
  return config;
}

inline const model::Hostname& page_host(const model::Config& config) {
  return config.sites[0].hostnames[0];
}
inline const model::Hostname& content_host(const model::Config& config) {
  return config.sites[0].hostnames[1];
}

inline model::MetricsSnapshot make_metrics(const model::Config& config) {
  model::MetricsSnapshot metrics;
  for (const auto& site : config.sites) metrics.origins.emplace_back(site.origins.size());
  metrics.pops.resize(config.pops.size());
  return metrics;
}

inline void set(model::ServiceMetrics& target, model::Metric metric, double value) {
  target.values[static_cast<size_t>(metric)] = model::Value{value, {}, 1};
}

inline model::Shares make_shares(const std::vector<double>& origins, const std::vector<double>& pops = {}) {
  model::Shares shares;
  for (size_t i = 0; i < origins.size(); ++i)
    shares.origins.push_back({"shop/o" + std::to_string(i), origins[i]});
  for (size_t i = 0; i < pops.size(); ++i) shares.pops.push_back({"p" + std::to_string(i), pops[i]});
  return shares;
}

/// The i-th of many client networks: distinct /24s from 10.0.0.0 on.
inline Client nth_client(uint32_t i) {
  const auto address = IpAddress::v4(static_cast<uint8_t>(10 + (i >> 16)), static_cast<uint8_t>(i >> 8),
                                     static_cast<uint8_t>(i), 53);
  return make_client({}, address);
}

}  // namespace popnet::routing::testing
