// What a query is answered from: names and measurements that belong together, published as one pointer.
#pragma once

#include <memory>

#include "dns/zone/names.h"
#include "routing/snapshot.h"

namespace popnet::dns {

class TargetCounts;
class ZoneCounts;
struct Policy;

/// Immutable, except that the counts count.
struct View {
  std::shared_ptr<const Names> names;  // made from snapshot->config
  std::shared_ptr<const routing::Snapshot> snapshot;
  std::shared_ptr<TargetCounts> counts;  // never null in a server
  std::shared_ptr<ZoneCounts> zone_counts;  // never null in a server
  std::shared_ptr<const Policy> policy;     // never null in a server
};

}  // namespace popnet::dns
