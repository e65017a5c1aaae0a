// What one DNS thread writes and others read: its counters and the resolvers it noted.
#pragma once

#include "dns/server/counts.h"
#include "dns/server/resolver_ring.h"
#include "dns/server/responder.h"
#include "dns/server/view.h"
#include "dns/server/zone_counts.h"
#include "dns/tap/recorder.h"

namespace popnet::dns {

struct ThreadState {
  explicit ThreadState(size_t n) : number(n) {}

  /// Only from the thread itself, once for each message.
  void account(const View& view, const Query& query, const Source& source, const Outcome& outcome) {
    counts.add(source.transport, query, outcome);
    view.counts->add(number, outcome);
    view.zone_counts->add(number, outcome);
    if (outcome.decided == Outcome::Decided::pop) resolvers.note(source.address);
  }

  /// REQUIRES: recorder. `port`: of the resolver, 0 where it is unknown; `server`: the address that it asked.
  void record(std::span<const uint8_t> query, std::span<const uint8_t> reply, const Source& source,
              uint16_t port, const Endpoint& server, const Outcome& outcome, WallTime now) {
    tap::Exchange exchange;
    exchange.time = now;
    exchange.client = {source.address, port};
    exchange.server = server;
    exchange.protocol = source.transport == Transport::udp   ? tap::Protocol::udp
                        : source.transport == Transport::tcp ? tap::Protocol::tcp
                                                             : tap::Protocol::dot;
    exchange.truncated = outcome.truncated;
    exchange.rcode = static_cast<uint16_t>(outcome.rcode);
    exchange.kind = to_string(outcome.kind);
    recorder->record(exchange, query, reply);
  }

  const size_t number;
  ServerCounts counts;
  ResolverRing resolvers;
  Responder responder;
  tap::ThreadRecorder* recorder = nullptr;  // null: nothing is recorded
};

}  // namespace popnet::dns
