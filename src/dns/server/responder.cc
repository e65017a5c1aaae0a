#include "dns/server/responder.h"

#include <algorithm>
#include <chrono>

#include "dns/guard/tsig.h"
#include "dns/server/expire.h"
#include "dns/server/policy.h"

namespace popnet::dns {

namespace {

CookieTime cookie_time(const Moment& now) {
  return static_cast<CookieTime>(
      std::chrono::duration_cast<std::chrono::seconds>(now.wall.time_since_epoch()).count());
}

/// RFC 7830 section 4, RFC 8467: encrypted replies are padded always, others when the query was. Over UDP
/// only for who has shown a cookie: else padding would make us a better amplifier.
bool pads(const Query& query, Transport transport, CookieState cookie) {
  if (transport == Transport::tls) return true;
  return query.padded && (transport == Transport::tcp || cookie == CookieState::valid);
}

/// A keepalive of 0 may be said unasked (RFC 7828 section 3.3.2), and tells the client to close the connection when it
/// has all its answers (section 3.2.2).
void add_options(const Policy& policy, const Query& query, const Source& source, CookieState cookie,
                 ReplyOptions& options) {
  if (query.asks_nsid)
    options.nsid = {reinterpret_cast<const uint8_t*>(policy.nsid.data()), policy.nsid.size()};
  options.keepalive = source.leaving || (query.asks_keepalive && source.transport != Transport::udp);
  options.keepalive_100ms = source.leaving ? 0 : policy.keepalive_100ms;
  options.pad = pads(query, source.transport, cookie);
}

/// Knows cookies, but has not shown ours.
bool unproven(CookieState cookie) {
  return cookie == CookieState::client_only || cookie == CookieState::wrong;
}

Outcome bad_cookie(std::span<const uint8_t> message, const Query& query, std::span<uint8_t> room,
                   const ReplyOptions& options) {
  Outcome outcome;
  outcome.rcode = Rcode::badcookie;
  outcome.size = Reply(message, query, room, options).finish(Rcode::badcookie, 0);
  return outcome;
}

}  // namespace

Outcome Responder::respond_plainly(const View& view, std::span<const uint8_t> message, const Query& query,
                                   const Source& source, const Moment& now, std::span<uint8_t> room,
                                   bool known) {
  if (view.policy == nullptr)
    return answer(view, message, query, source.address, source.transport, room, no_reply_options,
                  chance(now));
  const Policy& policy = *view.policy;
  ReplyOptions options;
  CookieState cookie = CookieState::none;
  if (query.edns) {
    cookie = judge_cookie(policy, message, query, source, now, options);
    add_options(policy, query, source, cookie, options);
    if (query.asks_expire && (query.type == type::soa || query.type == type::ixfr)) [[unlikely]]
      options.expire = seconds_left(*view.names, query.name, cookie_time(now));
    if (policy.cookies == model::Cookies::require && unproven(cookie) && source.transport == Transport::udp &&
        query.verdict == Verdict::fine)
      return limit(policy, message, query, source, now, cookie, room, options,
                   bad_cookie(message, query, room, options));
  }
  const Outcome outcome =
      answer(view, message, query, source.address, source.transport, room, options, chance(now));
  if (cookie == CookieState::valid || known) return outcome;
  return limit(policy, message, query, source, now, cookie, room, options, outcome);
}

/// RFC 8945 section 5.3: the signature must fit too, else the reply is cut to what may be asked again over TCP. Who
/// has signed with no key of ours is anybody, and limited as such.
Outcome Responder::respond_signed(const View& view, std::span<const uint8_t> message, const Query& query,
                                  const Source& source, const Moment& now, std::span<uint8_t> room) {
  if (query.verdict == Verdict::drop) return {};
  Tsig tsig(view.policy->tsig_keys, message, query.tsig_offset, cookie_time(now));
  const bool udp = source.transport == Transport::udp;
  const size_t most = udp ? std::min<size_t>({room.size(), query.udp_size, udp_reply_max}) : message_size_max;
  const size_t signature = tsig.size_max();
  const auto part = room.first(std::max(udp_plain_max, most - std::min(most, signature)));
  Outcome outcome;
  if (tsig.error() == TsigError::none) {
    outcome = query.verdict == Verdict::notify
                  ? respond_to_notify(*view.policy, message, query, source, &tsig.key_name(), part)
                  : respond_plainly(view, message, query, source, now, part, true);
  } else {
    outcome.rcode = Rcode::notauth;
    outcome.size = Reply(message, query, part).finish(outcome.rcode, 0);
    outcome =
        limit(*view.policy, message, query, source, now, CookieState::none, part, no_reply_options, outcome);
  }
  if (outcome.size != 0 && outcome.size + signature > most) {
    Reply reply(message, query, room.first(udp_plain_max));
    reply.truncate();
    outcome.size = reply.finish(outcome.rcode, 0);
    outcome.truncated = true;
  }
  if (outcome.size != 0) outcome.size = tsig.append(room.first(most), outcome.size, cookie_time(now));
  return outcome;
}

/// RFC 1996 section 3.10 and 3.11. The sender's words on the version are not believed: the primaries are asked.
Outcome Responder::respond_to_notify(const Policy& policy, std::span<const uint8_t> message,
                                     const Query& query, const Source& source, const Name* key,
                                     std::span<uint8_t> room) {
  Reply reply(message, query, room.first(udp_plain_max));
  Outcome outcome;
  const Policy::Notify judged = policy.judge_notify(query.name, source.address, key);
  if (policy.notify_rules.empty()) {
    outcome.rcode = Rcode::notimp;
  } else if (judged == Policy::Notify::unknown || query.type != type::soa || query.qclass != class_in) {
    outcome.rcode = Rcode::notauth;
  } else if (judged == Policy::Notify::refused) {
    outcome.rcode = Rcode::refused;
  } else {
    reply.set_authoritative();
    if (policy.on_notify) policy.on_notify(query.name, source.address);
  }
  outcome.size = reply.finish(outcome.rcode, 0);
  return outcome;
}

/// By name, as nobody tells us of many zones of ours at once; what is refused counts as an error.
Outcome Responder::respond_to_stranger(const Policy& policy, std::span<const uint8_t> message,
                                       const Query& query, const Source& source, const Moment& now,
                                       std::span<uint8_t> room) {
  Outcome outcome = respond_to_notify(policy, message, query, source, nullptr, room);
  if (outcome.rcode == Rcode::noerror) outcome.kind = AnswerKind::answer;
  return limit(policy, message, query, source, now, CookieState::none, room, no_reply_options, outcome);
}

/// What may be spent on this answer. A slip is a BADCOOKIE for who knows cookies (RFC 7873 section 5.2.3),
/// else a reply without records and with TC: both are small, and a true resolver gets its answer with the
/// next message.
Outcome Responder::limit(const Policy& policy, std::span<const uint8_t> message, const Query& query,
                         const Source& source, const Moment& now, CookieState cookie, std::span<uint8_t> room,
                         const ReplyOptions& options, const Outcome& full) {
  if (policy.rate_limit.per_second == 0 || source.transport != Transport::udp || full.size == 0) return full;
  const bool by_name = full.kind == AnswerKind::answer;
  const bool by_zone = !by_name && full.kind != AnswerKind::error;
  const uint64_t about = by_name ? query.name.hash() + query.type : by_zone ? full.zone : 0;
  const model::RateLimit& most = source.path == Source::Path::xdp ? policy.xdp_rate_limit : policy.rate_limit;
  const auto ruling = limiter_.rule(most, source.address, full.kind, about, now.monotonic);
  if (ruling == RateLimiter::Ruling::send) return full;
  Outcome outcome;
  outcome.zone = full.zone;
  outcome.kind = full.kind;
  outcome.limited = Outcome::Limited::dropped;
  if (ruling == RateLimiter::Ruling::drop) return outcome;
  if (unproven(cookie)) {
    outcome = bad_cookie(message, query, room, options);
  } else {
    Reply reply(message, query, room.first(udp_plain_max), options);
    reply.truncate();
    outcome.size = reply.finish(Rcode::noerror, 0);
    outcome.truncated = true;
  }
  outcome.zone = full.zone;
  outcome.kind = full.kind;
  outcome.limited = Outcome::Limited::slipped;
  return outcome;
}

CookieState Responder::judge_cookie(const Policy& policy, std::span<const uint8_t> message,
                                    const Query& query, const Source& source, const Moment& now,
                                    ReplyOptions& options) {
  if (query.cookie.size == 0 || policy.cookies == model::Cookies::off) return CookieState::none;
  const auto judged =
      cookies_.judge(policy.cookie_secrets, message.subspan(query.cookie.offset, query.cookie.size),
                     source.address, cookie_time(now));
  options.cookie = true;
  options.server_cookie = judged.reply;
  return judged.state;
}

}  // namespace popnet::dns
