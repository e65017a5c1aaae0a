// What the tests of the admin API share: a small network and hooks that answer from it. Tests only.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/api/hooks.h"
#include "routing/testing.h"

namespace popnet::control::testing {

using routing::testing::at_second;

/// Site "shop" with origins o0 (load 0.2), o1 (load 0.7) and o2 (down), POPs p0 (this node's) and p1; the
/// client network 198.51.100.0/24 is 12 ms from p0 and 40 ms from p1.
inline std::shared_ptr<const routing::Snapshot> make_snapshot() {
  using model::Health;
  auto config = routing::testing::make_config(3, 2);
  config.generation = 4;
  config.revision = 12;
  config.source = "network: {name: shop-net}\n";
  config.node.pop = "p0";
  config.node.name = "p0-a";
  auto metrics = routing::testing::make_metrics(config);
  metrics.generation = 17;
  auto& origins = metrics.origins[0];
  for (auto& origin : origins) {
    origin.health = Health::up;
    origin.health_at = at_second(98);
    origin.probers_up = 2;
  }
  const auto cpu = static_cast<size_t>(model::Metric::cpu);
  origins[0].values[cpu] = model::Value{0.2, at_second(99), 2};
  origins[1].values[cpu] = model::Value{0.7, at_second(98.5), 1};
  origins[2].health = Health::down;
  origins[2].probers_up = 0;
  origins[2].probers_down = 2;
  origins[2].error = "connection refused, the server said \xff";
  model::ClientsMetrics clients;
  const Prefix network = routing::testing::net("198.51.100.0/24");
  clients.add(network, {0, 12, at_second(99)});
  clients.add(network, {1, 40, at_second(99)});
  metrics.pop_nodes = {{"p0-a", "p0-b"}, {"p1"}};
  auto shares = routing::testing::make_shares({0.8, 0.2, 0}, {1, 1});
  shares.author = {"p0-a", "p0"};
  auto snapshot = std::make_shared<routing::Snapshot>();
  snapshot->map =
      routing::make_map(config, metrics, shares, 42,
                        routing::make_client_table(config, clients, at_second(99.5)), at_second(99.5));
  snapshot->config = std::make_shared<const model::Config>(std::move(config));
  snapshot->metrics = std::make_shared<const model::MetricsSnapshot>(std::move(metrics));
  snapshot->clients = std::make_shared<const model::ClientsMetrics>(std::move(clients));
  snapshot->shares = std::move(shares);
  return snapshot;
}

/// Hooks of a node that is well. Tests replace those they are about.
inline Hooks make_hooks() {
  Hooks hooks;
  hooks.snapshot = [snapshot = make_snapshot()] { return snapshot; };
  hooks.counters = [] {
    return std::vector<CounterValue>{
        {"popnet_edge_requests_total",
         "Requests by outcome",
         CounterValue::Kind::counter,
         {{"outcome", "hit"}},
         90},
        {"popnet_dns_queries_total", "Queries", CounterValue::Kind::counter, {}, 7},
        {"popnet_edge_requests_total",
         "Requests by outcome",
         CounterValue::Kind::counter,
         {{"outcome", "miss"}},
         10}};
  };
  hooks.answers = [](const model::Config&) { return model::AnswerCounts{{{30, 10, 0}}, {5}}; };
  hooks.ready = [](const routing::Snapshot&) { return Status(); };
  hooks.bus = [] { return BusState{"nats", true, true}; };
  hooks.put_config = [](const std::string&, std::optional<uint64_t>) { return ConfigOutcome(); };
  hooks.reload = [] { return ConfigOutcome(); };
  hooks.purge = [](const cluster::PurgeOrder&) { return Status(); };
  return hooks;
}

}  // namespace popnet::control::testing
