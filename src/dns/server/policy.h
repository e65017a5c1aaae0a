// How this server treats those who ask, made from the config once and read by every query: what of the `dns`
// section the hot path needs, in the form it needs it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/guard/cookies.h"
#include "dns/guard/tsig.h"
#include "model/config.h"
#include "tls/context.h"

namespace popnet::dns {

/// Whose NOTIFY for a zone is believed (RFC 1996).
struct NotifyRule {
  std::vector<Prefix> from;
  std::optional<Name> key;  // that it must be signed with
  bool catalog = false;     // counts for zones that have no rule of their own, too: they may be named there
};

struct Policy {
  model::Cookies cookies = model::Cookies::off;
  std::vector<CookieSecret> cookie_secrets;  // not empty unless cookies are off
  std::string nsid;                          // empty: not told
  uint16_t keepalive_100ms = 0;              // RFC 7828
  model::RateLimit rate_limit;               // for each thread with a socket
  model::RateLimit xdp_rate_limit;           // for each queue of an interface with AF_XDP
  std::vector<Prefix> proxies;               // who leads with a PROXY header
  std::vector<TsigKey> tsig_keys;
  std::map<std::string, NotifyRule, std::less<>>
      notify_rules;  // by the zone's wire form; empty: no secondary
  std::function<void(const Name& zone, const IpAddress& from)> on_notify;  // any thread; may be empty
  std::shared_ptr<const tls::ServerContext> tls;                           // null: none configured

  /// `key`: that it was signed with; null: none.
  enum class Notify : uint8_t { believed, refused, unknown };
  [[nodiscard]] Notify judge_notify(const Name& zone, const IpAddress& from, const Name* key) const;
  [[nodiscard]] bool is_proxy(const IpAddress& peer) const {
    for (const Prefix& prefix : proxies)
      if (prefix.contains(peer)) return true;
    return false;
  }
};

/// Those that can be read; the config's checks have refused the others.
std::vector<TsigKey> tsig_keys(const model::Config& config);

/// `chance`: of this node; makes the cookie secret when the config has none.
/// Without the TLS context, whose files may fail to load: the caller adds it.
/// `threads`: over how many UDP threads the queries of one network spread; `queues`: over how many AF_XDP queues.
std::shared_ptr<Policy> make_policy(const model::Config& config, uint64_t chance, int threads,
                                    int queues = 1);

}  // namespace popnet::dns
