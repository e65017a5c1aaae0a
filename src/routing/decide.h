// The decision: pure, no allocation, no clock. The DNS server, the edge, explain and the simulator call these.
//
//   origins of a site                        POPs for a client
//   ─────────────────                        ─────────────────
//   none alive ──> all count as alive        ranking of the client's network (measured, configured, distance)
//        │              (fail_open)               │ none alive ──> all count as alive (fail_open)
//   place = hash(client network)             walk from the best; skip the dead; a POP that accepts only a part of
//        │                                   its clients takes those whose hash falls in it (spilled: the next)
//   first alive origin whose cumulative           │
//   share exceeds the place                  ties (nothing known): rendezvous hash spreads clients
//        │                                        │
//   second answer: the next good one         second answer: the next good one
//
// A target is good when it is alive and nearly as well placed as the first: see `Good` in decide.cc.
#pragma once

#include <cstdint>

#include "common/ip.h"
#include "model/config.h"
#include "model/decision.h"
#include "routing/map.h"

namespace popnet::routing {

/// The client as decisions see it: its network, cut to the configured length (RFC 7871 SOURCE, or less).
struct Client {
  IpAddress address;  // of the network (its first address) or of the resolver
  Prefix network;     // the network one decision is made for
};
/// Cuts `address` to the configured length (client_latency.ipv4_prefix / ipv6_prefix), or to `source_length` (of an EDNS client
/// subnet) when that is shorter.
Client make_client(const model::ClientLatency& lengths, const IpAddress& address, int source_length = 128);

/// Told of each candidate, for explain. Never set on the hot path.
class Trace {
 public:
  /// `why`: static text; what kept this target from being first, or "chosen".
  virtual void candidate(uint16_t target, const char* why) = 0;

 protected:
  ~Trace() = default;
};

/// For a page's hostname: origins of config.sites[site]. The decision's scope is the network's length: a neighbour has
/// another place in the shares.
model::Decision decide_origin(const model::Config& config, const Map& map, uint32_t site, const model::Hostname& host,
                              const Client& client, Trace* trace = nullptr);

/// For a content hostname: POPs.
model::Decision decide_pop(const model::Config& config, const Map& map, const model::Hostname& host,
                           const Client& client, Trace* trace = nullptr);

/// For the edge, request by request: origins of a site, least loaded first, the dead last. `in_flight[i]`: requests this
/// node has running to origin i (may be empty). `salt` breaks ties. Writes at most targets_max indexes.
model::Decision decide_fill(const model::Config& config, const Map& map, uint32_t site,
                            std::span<const uint32_t> in_flight, uint64_t salt);

}  // namespace popnet::routing
