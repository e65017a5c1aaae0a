// The log of requests that a node's edge writes: what the config says of it.
#pragma once

#include <string>
#include <vector>

namespace popnet::model {

/// What of a request can be logged.
enum class LogField {
  time,        ///< when its answer had been sent
  request_id,  ///< X-Request-Id: the user's, else one of ours
  client,      ///< address
  site,
  method,
  host,
  path,      ///< with the query, as sent
  protocol,  ///< HTTP/1.1
  status,
  bytes,       ///< sent, the head included
  cache,       ///< how it was answered: hit, miss, …
  first_byte,  ///< seconds until the answer began
  total,       ///< seconds until it was sent
  user_agent,
  referer,
};

struct AccessLog {
  enum class Format { json, combined };
  std::string file;  // "-": standard output; empty: no log
  Format format = Format::json;
  std::vector<LogField> fields;  // of a JSON line, in this order; empty = all
  double sample = 1;             // part of the requests that is logged
};

}  // namespace popnet::model
