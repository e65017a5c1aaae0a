// What a query is answered from: names and measurements that belong together, published as one pointer.
#pragma once

#include <memory>

#include "dns/sign/signer.h"
#include "dns/zone/names.h"
#include "routing/snapshot.h"

namespace popnet::dns {

class TargetCounts;
class ZoneCounts;
struct Policy;

/// Immutable, except that the counts count and `signing` keeps signatures.
struct View {
  std::shared_ptr<const Names> names;  // made from snapshot->config
  std::shared_ptr<const routing::Snapshot> snapshot;
  std::shared_ptr<TargetCounts> counts;     // never null in a server
  std::shared_ptr<ZoneCounts> zone_counts;  // never null in a server
  std::shared_ptr<const Policy> policy;     // never null in a server
  std::shared_ptr<sign::Online> signing;    // never null if a zone is signed
  sign::Seconds now = 0;  // when this was published: of the signatures made until the next one
};

}  // namespace popnet::dns
