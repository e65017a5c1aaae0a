// Between a fetch and the request that caused it, both on one loop: what only that request's client gets. The
// request may go first; then nobody is there to get it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/time.h"
#include "http/edge/spares.h"

namespace popnet::http {

class Fetch;

struct Asker {
  /// While it is under way: who asked tells it that he has left (Fetch::asker_left()).
  Fetch* fetch = nullptr;
  /// An interim answer (1xx) of the origin; null when the client has gone.
  std::function<void(uint16_t status, std::string_view lines)> on_interim;
  /// Field lines of the answer that are not kept with the object (Set-Cookie, private="…"), each with CRLF.
  std::string own_lines;
  bool has_age = false;  // among them, as it came
  /// From the request to the head of the answer that counted.
  Duration origin_time{};

  void clear() {
    fetch = nullptr;
    on_interim = nullptr;
    clear_text(own_lines);
    has_age = false;
    origin_time = {};
  }
};

}  // namespace popnet::http
