// The decision: pure, no allocation, no clock. The DNS server, the edge, explain and the simulator call
// these.
//
//   origins of a site                      POPs for a client
//   ─────────────────                      ─────────────────
//   candidates: those with an address      the same, in the ranking of the client's network
//   of the family asked for                (measured, configured, distance)
//        │                                      │
//   none alive ──> all count as alive      none alive ──> all count as alive (fail_open)
//        │         (fail_open)                  │
//   each living one draws a score from     walk from the nearest; near ties, and POPs of
//   hash(client network, origin) and       unknown latency, in the order of their scores
//   its share; the lowest score wins            │
//        │                                 one that accepts only a part of its clients takes
//        │                                 those whose hash falls in it; the others: the next
//        │                                 (spilled); nobody accepts: the nearest after all
//        │                                      │
//   second answers: the next scores,       second answers: the next in the walk,
//   where good                             where good
//
// Scores are weighted rendezvous hashing (Thaler and Ravishankar 1998; weights by -log(u)/share:
// Schindelhauer and Schomaker 2005): each origin wins exactly its share of clients, and when an origin dies
// only its own clients move, each to the one with its second score. When one share changes against the
// others, clients move only to or from that origin. When several change at once, less than twice the moved
// share of clients moves: no placement that keeps no memory of clients can promise less (Bavarian and others,
// "Optimality of Correlated Sampling Strategies", 2016).
//
// A second answer is good when it is alive and nearly as well placed as the first, because many resolvers
// rotate the addresses of an answer: see good_origin() and good_pop() in decide.cc.
//
// A hostname with a chain: the rule that decides for the client is looked up first (chain.h), and all of the
// above happens among its targets, by its options.
//
// A place is that of the client network, or of a larger network where the hostname says so (ipv4_prefix); with
// Persistence::none it is drawn for each answer, which then holds for whoever asks the same cache.
//
// TTL: the hostname's; while some candidate is down its failing_ttl, or at most degraded_ttl_max, so that users come back soon
// after it does and leave soon if the rest is too weak.
#pragma once

#include <cstdint>
#include <span>

#include "common/ip.h"
#include "model/config.h"
#include "model/decision.h"
#include "routing/map.h"

namespace popnet::routing {

/// The client as decisions see it: its network, cut to the configured length (RFC 7871 SOURCE, or less).
struct Client {
  IpAddress address;             // of the network (its first address) or of the resolver
  Prefix network;                // the network one decision is made for
  Families family = family_any;  // only targets with an address of these: A wants v4, AAAA v6
  uint64_t draw = 0;             // random, for answers that are drawn anew (Persistence::none)
};
/// Cuts `address` to the configured length (client_latency.ipv4_prefix / ipv6_prefix), or to `source_length`
/// (of an EDNS client subnet) when that is shorter.
Client make_client(const model::ClientLatency& lengths, const IpAddress& address, int source_length = 128);

/// The POPs as this client sees them.
ClientTable::Found find_ranking(const Map& map, const Client& client);

/// Told of each candidate, for explain. Never set on the hot path.
class Trace {
 public:
  /// `why`: static text; what kept this target from being first, or "chosen".
  virtual void candidate(uint16_t target, const char* why) = 0;

 protected:
  ~Trace() = default;
};

/// For a page's hostname: origins of config.sites[site]. The decision's scope is the network's length where a
/// neighbour may have another place in the shares, 0 where everybody gets the same. Select::latency does not
/// exist for origins and means least_load; Select::failover gives one answer, because a rotated second one
/// would send users to the spare.
model::Decision decide_origin(const model::Config& config, const Map& map, uint32_t site,
                              const model::Hostname& host, const Client& client, Trace* trace = nullptr);

/// For a content hostname: POPs. The scope is that of the client's entry in the table, or the network's length where
/// the client's hash had a say; 0, or the rule's, where there is one POP to choose from.
model::Decision decide_pop(const model::Config& config, const Map& map, const model::Hostname& host,
                           const Client& client, Trace* trace = nullptr);

/// What this node knows of one origin from its own requests.
struct FillTarget {
  uint32_t in_flight = 0;
  double first_byte_ms = 0;  // recent mean; 0 = not known
  double favour =
      1;  // part of the requests that it may get in its turn: less while it comes back from failures
  bool full = false;  // as many requests in flight as are allowed
};

/// For the edge, request by request: origins of a site, the one to ask first in front. `own[i]`: of origin i (may be empty).
/// `rate`: requests a second that this node sends to all of them. `salt`: random. Writes at most targets_max indexes.
///
///   alive, in favour, not full   score: load as measured + requests in flight + first byte, each from 0 to 1
///         │                      candidates: those within a band above the lowest score
///         │                      two of them are drawn, the nearer to the lowest score the likelier
///         │                      the one with less (in flight + 1) x first byte is first, the other second, then the rest
///   alive and full, then out of favour, then dead
///
/// All nodes see the same measurements, and the same old ones for a round of probes: if many requests chose the best in
/// the meantime it would be the worst. Of two drawn at random the better avoids that (Mitzenmacher, "How Useful Is Old
/// Information?", 2000). So the band grows with the requests that are sent within such a round: one now and then goes
/// to the least loaded, many are spread by what the node itself sees of the origins. sim/fill_test.cc shows both.
model::Decision decide_fill(const model::Config& config, const Map& map, uint32_t site,
                            std::span<const FillTarget> own, double rate, uint64_t salt);

}  // namespace popnet::routing
