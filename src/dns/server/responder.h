// One thread's way from a message to its reply: who asks (cookies, RFC 7873), what the reply says about the
// server beside the answer (NSID, keepalive, padding), the answer itself, and whether it may go out (rate
// limit). UDP, TCP and TLS share it. Belongs to one thread; allocates nothing after its construction; time is
// an argument.
#pragma once

#include <cstdint>
#include <span>

#include "common/ip.h"
#include "common/time.h"
#include "dns/guard/cookies.h"
#include "dns/server/answer.h"
#include "dns/server/view.h"

namespace popnet::dns {

/// The time of one batch or turn, by both clocks.
struct Moment {
  TimePoint monotonic{};
  WallTime wall{};
};

/// Where a message came from. The address is that of the resolver, not of a proxy between.
struct Source {
  IpAddress address;
  Transport transport = Transport::udp;
};

class Responder {
 public:
  /// As answer(), with all that a server adds. A view without a policy gets bare answers.
  Outcome respond(const View& view, std::span<const uint8_t> message, const Query& query,
                  const Source& source, const Moment& now, std::span<uint8_t> room);

 private:
  [[nodiscard]] CookieState judge_cookie(const Policy& policy, std::span<const uint8_t> message,
                                         const Query& query, const Source& source, const Moment& now,
                                         ReplyOptions& options);

  Outcome limit(const Policy& policy, std::span<const uint8_t> message, const Query& query,
                const Source& source, const Moment& now, CookieState cookie, std::span<uint8_t> room,
                const ReplyOptions& options, const Outcome& full);

  CookieMaker cookies_;
  RateLimiter limiter_;
};

}  // namespace popnet::dns
