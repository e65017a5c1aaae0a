// What the edge counts. One block for each thread and, for sites, one for each thread and site: written by
// that thread alone, read by anybody.
#pragma once

#include <cstdint>
#include <vector>

#include "common/counter.h"

namespace popnet::http {

/// How a request was answered: each is counted once.
enum class Outcome : uint8_t {
  hit,          ///< from the store
  stale,        ///< from the store, stale
  revalidated,  ///< from the store, after the origin has confirmed it
  miss,         ///< from an origin, the answer could be stored
  collapsed,    ///< from an origin, asked once for several requests
  passed,       ///< from an origin, never stored
  redirected,
  denied,
  local,   ///< by the edge itself: health, errors in the request, unknown host
  failed,  ///< no origin answered
};
inline constexpr size_t outcome_count = 10;
const char* to_string(Outcome outcome);

constexpr bool is_hit(Outcome o) {
  return o == Outcome::hit || o == Outcome::stale;
}

struct alignas(64) WorkerCounters {
  Counter outcomes[outcome_count];
  Counter statuses[6];  // by class; [0]: no status was sent
  Counter bytes_sent;   // to clients
  Counter connections_accepted;
  Counter connections_closed;
  Counter connections_refused;  // over the limit
  Counter timeouts;             // clients that were too slow
  Counter bad_requests;         // messages that are errors by RFC 9112
  Counter fills;                // requests sent to origins
  Counter fill_bytes;           // body bytes from origins
  Counter origin_connections;   // opened
};

struct alignas(64) SiteCounters {
  Counter requests;
  Counter hits;
  Counter bytes_sent;
};

}  // namespace popnet::http
