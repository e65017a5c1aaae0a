// How the edge treats content and clients: of a site, and of one node. Defaults, bounds and help are in
// config/schema/tables_http.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/time.h"

namespace popnet::model {

/// What becomes of an answer that sets a cookie and could be stored but for that.
enum class SetCookie {
  pass,   ///< not stored: each user asks for himself
  strip,  ///< stored without its Set-Cookie, which only the user gets who caused the fetch
  store,  ///< stored with it (RFC 9111 section 7.3)
};

struct CacheOptions {
  uint64_t object_size_max = 0;  // bytes; larger ones are passed on, not stored
  Duration stale_if_error{};     // how long stored content may be served stale while no origin answers
  bool ignore_query = false;     // leave the query out of the cache key
  uint64_t slice = 0;  // bytes; larger objects are fetched and stored in slices of this size; 0 = none are
  SetCookie set_cookie = SetCookie::pass;
  bool check_type = false;                  // stored only if the type fits the ending of the path
  std::vector<std::string> request_fields;  // of GET and HEAD, what origins get to see; empty = all
};

/// How long a fill waits for an origin, and how many may run at a time. For each node.
struct FillOptions {
  Duration connect_timeout = std::chrono::seconds(3);
  Duration first_byte_timeout = std::chrono::seconds(30);
  Duration between_bytes_timeout = std::chrono::seconds(30);
  Duration total_timeout{};         // of one request to an origin, with its answer; 0 = none
  uint32_t origin_requests = 1000;  // at most, running at one origin
  uint32_t requests = 4000;         // at most, running at all of the site's origins
  uint32_t queue = 1000;            // at most, waiting until fewer run
  Duration queue_timeout = std::chrono::seconds(5);
};

/// Of one node: how long its edge waits for clients, and how many connections they may have. Unlike model::Site
/// these are the machine's, not a customer's.
struct HttpNode {
  Duration head_timeout = std::chrono::seconds(10);      // for a request's whole head, from its first byte
  Duration idle_timeout = std::chrono::seconds(60);      // for the next request
  Duration progress_timeout = std::chrono::seconds(10);  // in each such stretch a body must move by rate_min
  uint64_t rate_min = 100;                               // bytes each second, either way
  Duration busy_poll = std::chrono::microseconds(200);   // a thread waits awake for an origin
  int connections_per_network = 0;                       // 0 = no limit
  int ipv4_prefix = 32;
  int ipv6_prefix = 64;
  std::vector<Prefix> exempt;
};

}  // namespace popnet::model
