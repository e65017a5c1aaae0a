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
  static constexpr size_t tags_max = 100;
  static constexpr size_t tag_bytes_max = 1024;

  enum class Scope : uint8_t {
    url,
    prefix,  ///< all whose URL begins with `url`
    tags,    ///< all of `site` that has one of `tags`
    site,
  };
  Scope scope = Scope::url;
  std::string site;               // its name; for url and prefix may be empty: found by the host
  std::string url;                // "http://host/path?query"
  std::vector<std::string> tags;  // from 1 to tags_max
  bool soft = false;              // make stale instead of unusable
  uint64_t id = 0;                // unique; set by the sender
};

/// As people are told of it.
inline std::string to_string(const PurgeOrder& order) {
  std::string text;
  switch (order.scope) {
    case PurgeOrder::Scope::url:
      return order.url;
    case PurgeOrder::Scope::prefix:
      return order.url + "*";
    case PurgeOrder::Scope::tags:
      for (const std::string& tag : order.tags) text += (text.empty() ? "tag " : ", ") + tag;
      return text + " of site " + order.site;
    case PurgeOrder::Scope::site:
      break;
  }
  return "site " + order.site;
}

}  // namespace popnet::model
