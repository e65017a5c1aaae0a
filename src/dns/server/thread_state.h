// What one DNS thread writes and others read: its counters and the resolvers it noted.
#pragma once

#include "dns/server/counts.h"
#include "dns/server/resolver_ring.h"
#include "dns/server/responder.h"
#include "dns/server/view.h"
#include "dns/server/zone_counts.h"

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

  const size_t number;
  ServerCounts counts;
  ResolverRing resolvers;
  Responder responder;
};

}  // namespace popnet::dns
