// What one DNS thread writes and others read: its counters and the resolvers it noted.
#pragma once

#include "dns/server/counts.h"
#include "dns/server/resolver_ring.h"
#include "dns/server/view.h"

namespace popnet::dns {

struct ThreadState {
  explicit ThreadState(size_t n) : number(n) {}

  /// Only from the thread itself, once for each message.
  void account(const View& view, Transport transport, const Query& query, const IpAddress& resolver,
               const Outcome& outcome) {
    counts.add(transport, query, outcome);
    view.counts->add(number, outcome);
    if (outcome.decided == Outcome::Decided::pop) resolvers.note(resolver);
  }

  const size_t number;
  ServerCounts counts;
  ResolverRing resolvers;
};

}  // namespace popnet::dns
