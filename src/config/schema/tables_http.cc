#include "config/schema/conditions.h"
#include "config/schema/tables.h"

namespace popnet::config {

using model::CacheOptions;
using model::FillOptions;
using model::HttpNode;
using model::SetCookie;

const Table<CacheOptions>& cache_table() {
  static const Table<CacheOptions> table(
      "cache", {"How the edge stores a site's content.", R"(cache:
  object_size_max: 1GiB
  ignore_query: true
  slice: 8MiB
  set_cookie: strip
)"},
      {
          option("object_size_max", &CacheOptions::object_size_max)
              .size("1KiB", "1TiB", "64MiB")
              .help("Larger objects are handed on, not stored, and so is what is larger than half of "
                    "`cache_memory`."),
          option("stale_if_error", &CacheOptions::stale_if_error)
              .duration("0", "30d", "1d")
              .help("How long after its freshness ended stored content may still be served while no origin "
                    "answers."),
          option("ignore_query", &CacheOptions::ignore_query)
              .boolean(false)
              .help("Leave the query out of the cache key: `/a?x=1` and `/a?x=2` are one object. Origins get "
                    "it all the same: "
                    "only for content that does not depend on it, or whoever asks first chooses for all."),
          option("slice", &CacheOptions::slice)
              .size("0", "1GiB", "0")
              .check(is_slice_size)
              .help("Larger objects are fetched and stored in slices of this size, each when it is asked "
                    "for, whatever "
                    "`object_size_max` says; smaller ones as always. For origins that answer requests for "
                    "ranges, and "
                    "give what is huge a strong `ETag` or a `Last-Modified`. 0: all objects are fetched "
                    "whole."),
          option("set_cookie", &CacheOptions::set_cookie)
              .choice({{"pass", SetCookie::pass, "it is not stored"},
                       {"strip", SetCookie::strip,
                        "it is stored without the cookie, which only the user gets who caused the fetch"},
                       {"store", SetCookie::store,
                        "it is stored with the cookie, as RFC 9111 has it: only for origins that set none of "
                        "one user's on what they let caches share"}},
                      "pass")
              .help("What becomes of an answer that sets a cookie and could be stored but for that."),
          option("check_type", &CacheOptions::check_type)
              .boolean(false)
              .help("Against cache deception: an answer to `/x.css`, `/x.png` and the like is stored only if "
                    "its "
                    "`Content-Type` fits the ending. A page that an application gives for "
                    "`/account/x.css` stays its user's."),
          option("request_fields", &CacheOptions::request_fields)
              .text()
              .check(is_field_name)
              .at_most(64)
              .preset_help("all")
              .help("Against cache poisoning: the fields of GET and HEAD requests that origins get to see, "
                    "`Authorization` and `Cookie` included; others are dropped where content may be stored. "
                    "Name what the origin's "
                    "answers depend on, such as `[Accept-Encoding, Accept-Language]`."),
      });
  return table;
}

const Table<FillOptions>& fill_table() {
  static const Table<FillOptions> table(
      "fill",
      {"How long the edge waits for a site's origins, and how much it asks of them at a time. All numbers "
       "are of one "
       "node. A request that finds too many running waits in a queue; one that finds it full, or waits for "
       "too "
       "long, gets the stored object though it is stale, or 503.",
       R"(fill:
  origin_requests: 200
  queue_timeout: 2s
  first_byte_timeout: 10s
)"},
      {
          option("connect_timeout", &FillOptions::connect_timeout)
              .duration("10ms", "5m", "3s")
              .help("Until an origin has taken the connection, TLS included. Then the next one is asked."),
          option("first_byte_timeout", &FillOptions::first_byte_timeout)
              .duration("10ms", "1h", "30s")
              .help("Until the head of its answer is here. Then the next one is asked."),
          option("between_bytes_timeout", &FillOptions::between_bytes_timeout)
              .duration("10ms", "1h", "30s")
              .help(
                  "In each such stretch something of the body must come, and 1 KiB of an answer that is for "
                  "several users. Else the answer is broken off."),
          option("total_timeout", &FillOptions::total_timeout)
              .duration("0", "7d", "0s")
              .help("For one request to an origin and its whole answer. 0: as long as it takes. Not of "
                    "WebSockets."),
          option("origin_requests", &FillOptions::origin_requests)
              .integer(1, 1'000'000, 1000)
              .help("Most requests that run at one origin at a time; more go to the others, or wait."),
          option("requests", &FillOptions::requests)
              .integer(1, 1'000'000, 4000)
              .help("Most requests that run at all origins of the site together; more wait."),
          option("queue", &FillOptions::queue).integer(0, 1'000'000, 1000).help("Most requests that wait."),
          option("queue_timeout", &FillOptions::queue_timeout)
              .duration("0", "5m", "5s")
              .help("How long one waits at most."),
      });
  return table;
}

const Table<HttpNode>& http_node_table() {
  static const Table<HttpNode> table(
      "http_server",
      {"How long this node's edge waits for clients, and how many connections they may have.", R"(http_server:
  head_timeout: 5s
  connections_per_network: 500
  ipv4_prefix: 24
)"},
      {
          option("head_timeout", &HttpNode::head_timeout)
              .duration("100ms", "5m", "10s")
              .restart()
              .help(
                  "From the first byte of a request to the end of its head; then the connection is closed."),
          option("idle_timeout", &HttpNode::idle_timeout)
              .duration("100ms", "1h", "1m")
              .restart()
              .help("How long a connection waits for its next request."),
          option("progress_timeout", &HttpNode::progress_timeout)
              .duration("100ms", "5m", "10s")
              .restart()
              .help("In each stretch of this length an upload, or an answer on its way to the client, must "
                    "move "
                    "by `rate_min`; else the connection is closed."),
          option("rate_min", &HttpNode::rate_min)
              .size("1B", "1GiB", "100B")
              .restart()
              .help("Bytes each second."),
          option("busy_poll", &HttpNode::busy_poll)
              .duration("0", "1ms", "200us")
              .restart()
              .help("Where a web server usually answers within this time, a thread that has nothing else to "
                    "do looks for "
                    "its answer again and again for so long, instead of sleeping: to be woken takes longer. "
                    "0: never."),
          option("connections_per_network", &HttpNode::connections_per_network)
              .integer(0, 1'000'000, 2000)
              .restart()
              .help("Connections that one client network may have at a time; further ones are closed at "
                    "once. 0 "
                    "means no limit."),
          option("ipv4_prefix", &HttpNode::ipv4_prefix)
              .integer(1, 32, 32)
              .restart()
              .help("Length of an IPv4 client network."),
          option("ipv6_prefix", &HttpNode::ipv6_prefix)
              .integer(1, 128, 64)
              .restart()
              .help("Length of an IPv6 client network."),
          option("exempt", &HttpNode::exempt)
              .prefix()
              .at_most(256)
              .preset({"127.0.0.0/8", "::1/128"})
              .restart()
              .help("Client networks without that limit: balancers, other caches."),
      });
  return table;
}

}  // namespace popnet::config
