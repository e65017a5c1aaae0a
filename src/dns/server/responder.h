// One thread's way from a message to its reply: who asks (cookies, RFC 7873), what the reply says about the
// server beside the answer (NSID, keepalive, padding), the answer itself, and whether it may go out (rate
// limit). UDP, TCP and TLS share it. Belongs to one thread; allocates nothing after its construction, except for
// queries that are signed (TSIG, RFC 8945), whose replies it signs; time is an argument.
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
  enum class Path : uint8_t { socket, xdp };
  IpAddress address;
  Transport transport = Transport::udp;
  Path path = Path::socket;
  bool leaving = false;  // the client is to ask no more on this connection
};

class Responder {
 public:
  /// As answer(), with all that a server adds. A view without a policy gets bare answers.
  Outcome respond(const View& view, std::span<const uint8_t> message, const Query& query,
                  const Source& source, const Moment& now, std::span<uint8_t> room) {
    if (query.tsig_offset != 0 && view.policy != nullptr) [[unlikely]]
      return respond_signed(view, message, query, source, now, room);
    if (query.verdict == Verdict::notify && view.policy != nullptr) [[unlikely]]
      return respond_to_stranger(*view.policy, message, query, source, now, room);
    return respond_plainly(view, message, query, source, now, room, false);
  }

 private:
  /// `known`: has signed the query with a key of ours, and so is exempt from the rate limit.
  Outcome respond_plainly(const View& view, std::span<const uint8_t> message, const Query& query,
                          const Source& source, const Moment& now, std::span<uint8_t> room, bool known);
  Outcome respond_signed(const View& view, std::span<const uint8_t> message, const Query& query,
                         const Source& source, const Moment& now, std::span<uint8_t> room);
  /// `key`: that has signed it; null: none.
  static Outcome respond_to_notify(const Policy& policy, std::span<const uint8_t> message, const Query& query,
                                   const Source& source, const Name* key, std::span<uint8_t> room);
  /// A NOTIFY that nobody has signed.
  Outcome respond_to_stranger(const Policy& policy, std::span<const uint8_t> message, const Query& query,
                              const Source& source, const Moment& now, std::span<uint8_t> room);
  [[nodiscard]] CookieState judge_cookie(const Policy& policy, std::span<const uint8_t> message,
                                         const Query& query, const Source& source, const Moment& now,
                                         ReplyOptions& options);

  /// `full` as it may go out. Over UDP alone: a connection proves where it comes from.
  Outcome limit(const Policy& policy, std::span<const uint8_t> message, const Query& query,
                const Source& source, const Moment& now, CookieState cookie, std::span<uint8_t> room,
                const ReplyOptions& options, const Outcome& full);

  /// Another for each query, and, by the clock, for each thread and node.
  uint64_t chance(const Moment& now) {
    queries_ += 0x9e3779b97f4a7c15ULL;  // the step of SplitMix64 (common/random.h): whoever uses it mixes
    return queries_ + static_cast<uint64_t>(now.monotonic.time_since_epoch().count());
  }

  uint64_t queries_ = 0;
  CookieMaker cookies_;
  RateLimiter limiter_;
};

}  // namespace popnet::dns
