// The one object that is published: config, metrics, shares and map belong together and are swapped together.
#pragma once

#include <memory>

#include "model/config.h"
#include "model/metrics.h"
#include "model/shares.h"
#include "routing/map.h"

namespace popnet::routing {

struct Snapshot {
  std::shared_ptr<const model::Config> config;            // never null
  std::shared_ptr<const model::MetricsSnapshot> metrics;  // never null; folded for that config
  std::shared_ptr<const model::ClientsMetrics>
      clients;  // that the map's client table was made from; null = none
  model::Shares shares;
  Map map;  // map.generation numbers the snapshot
};

}  // namespace popnet::routing
