// What the edge counts. One block for each thread and, for sites, one for each thread and site: written by
// that thread alone, read by anybody.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "common/counter.h"
#include "common/time.h"

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
  left,    ///< not at all: the user had gone before there was an answer
};
inline constexpr size_t outcome_count = 11;
const char* to_string(Outcome outcome);

constexpr bool is_hit(Outcome o) {
  return o == Outcome::hit || o == Outcome::stale;
}

/// Where an answer came from, for how long it took.
enum class Source : uint8_t { store, origin, passed, none };
inline constexpr size_t source_count = 3;
constexpr Source source_of(Outcome o) {
  switch (o) {
    case Outcome::hit:
    case Outcome::stale:
      return Source::store;
    case Outcome::revalidated:
    case Outcome::miss:
    case Outcome::collapsed:
      return Source::origin;
    case Outcome::passed:
      return Source::passed;
    default:
      return Source::none;
  }
}

/// Durations, counted by upper bounds.
struct Latencies {
  static constexpr std::array<std::chrono::microseconds, 16> bounds = {
      std::chrono::microseconds(100),       std::chrono::microseconds(250),
      std::chrono::microseconds(500),       std::chrono::microseconds(1000),
      std::chrono::microseconds(2500),      std::chrono::microseconds(5000),
      std::chrono::microseconds(10'000),    std::chrono::microseconds(25'000),
      std::chrono::microseconds(50'000),    std::chrono::microseconds(100'000),
      std::chrono::microseconds(250'000),   std::chrono::microseconds(500'000),
      std::chrono::microseconds(1'000'000), std::chrono::microseconds(2'500'000),
      std::chrono::microseconds(5'000'000), std::chrono::microseconds(10'000'000)};
  std::array<Counter, bounds.size() + 1> counts;  // of each stretch; the last one: longer than all bounds
  Counter nanoseconds;

  void add(Duration took) {
    size_t i = 0;
    while (i < bounds.size() && took > bounds[i]) ++i;
    counts[i].add();
    nanoseconds.add(static_cast<uint64_t>(std::chrono::nanoseconds(took).count()));
  }
};

/// Statuses that are counted one by one; the others by class, behind these.
inline constexpr std::array<uint16_t, 34> known_statuses = {
    101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405,
    408, 409, 410, 412, 413, 414, 416, 421, 422, 429, 431, 500, 501, 502, 503, 504, 508};
inline constexpr size_t status_slots = known_statuses.size() + 6;
inline constexpr auto status_slot_table = [] {
  std::array<uint8_t, 600> table{};
  for (size_t s = 0; s < table.size(); ++s) table[s] = static_cast<uint8_t>(known_statuses.size() + s / 100);
  for (size_t i = 0; i < known_statuses.size(); ++i) table[known_statuses[i]] = static_cast<uint8_t>(i);
  return table;
}();
constexpr size_t status_slot(uint16_t status) {
  return status_slot_table[status < status_slot_table.size() ? status : 0];
}

struct alignas(64) WorkerCounters {
  Counter outcomes[outcome_count];
  Counter statuses[6];  // by class; [0]: no status was sent
  Counter bytes_sent;   // to clients
  Counter connections_accepted;
  Counter connections_closed;
  Counter connections_refused;       // over the limit
  Counter connections_evicted;       // idle, to make room
  Counter connections_over_network;  // over that of the client network
  Counter timeouts;                  // clients that were too slow
  Counter bad_requests;              // messages that are errors by RFC 9112
  Counter fills;                     // requests sent to origins
  Counter fill_bytes;                // body bytes from origins
  Counter origin_connections;        // opened
  Latencies first_byte[source_count];
  Latencies total[source_count];
};

struct alignas(64) SiteCounters {
  Counter requests;
  Counter hits;
  Counter bytes_sent;
  Counter retries;          // requests to another origin, after one has failed
  Counter retries_refused;  // the budget was used up
  Counter statuses[status_slots];
};

}  // namespace popnet::http
