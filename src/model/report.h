// What nodes say to each other over the bus (cluster/api/bus.h): measurements, and orders to forget. Plain
// values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/ip.h"
#include "model/metrics.h"
#include "model/node_id.h"
#include "model/shares.h"

namespace popnet::model {

/// What one node tells the others now and then.
struct Report {
  NodeId author;
  uint64_t run = 0;  // drawn at each start of the author: tells it from another node of the same name
  std::vector<ProbeSample> samples;
  std::vector<IpAddress> resolvers;  // client DNS servers that asked and want to be measured by all
  std::vector<Shares> shares;        // none or one
};

struct PurgeOrder {
  enum class Scope : uint8_t { url, site };
  Scope scope = Scope::url;
  std::string site;   // name of the site; for url may be empty: found by the host
  std::string url;    // "http://host/path?query"
  bool soft = false;  // make stale instead of unusable
  uint64_t id = 0;    // unique; set by the sender
};

}  // namespace popnet::model
