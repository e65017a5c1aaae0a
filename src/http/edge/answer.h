// An answer, complete in meaning but in no wire version yet: what the request's steps hand to the client's
// side.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/time.h"
#include "http/store/object.h"

namespace popnet::http {

/// Views are valid during Peer::answer() only.
struct Answer {
  uint16_t status = 0;
  const Object* object = nullptr;  // the body's source; may still be growing. Null: `text` is the body
  const Object* piece = nullptr;   // the body begins in this one, and goes on in others: Peer::proceed()
  std::string_view lines;          // field lines, each with CRLF: of the object, or some of them
  std::string_view own_lines;      // more of them, for this client alone
  std::string_view text;           // plain text of the edge's own
  bool body = true;                // false: HEAD, and statuses without content
  uint64_t first = 0;              // of the object's body, or the piece's
  std::optional<uint64_t> length;  // of the content; none: until the object ends
  std::optional<Duration> age;
  std::string_view cache_status;
  std::string_view content_range;
  std::string_view location;
  std::string_view allow;
  std::string_view request_id;
  std::string_view server_timing;
};

}  // namespace popnet::http
