#include "model/config.h"

#include <algorithm>

namespace popnet::model {

namespace {

/// Comparing with every other chain of a site would take long where a site has thousands; they are seldom more
/// than a few, since hostnames share them.
constexpr size_t compared_max = 64;

bool decided_alike(const Hostname& a, const Hostname& b) {
  return a.resolve == b.resolve && a.select == b.select && a.ttl == b.ttl && a.answers_max == b.answers_max &&
         a.failing_ttl == b.failing_ttl && a.persistence == b.persistence && a.ipv4_prefix == b.ipv4_prefix &&
         a.ipv6_prefix == b.ipv6_prefix && a.chain == b.chain;
}

}  // namespace

void link_chains(Config& config) {
  uint32_t next = 0;
  for (Site& site : config.sites) {
    std::vector<const Hostname*> known;
    for (Hostname& host : site.hostnames) {
      host.chain_index = Hostname::no_chain;
      if (host.chain.empty()) continue;
      const auto twin = std::find_if(known.begin(), known.end(),
                                     [&](const Hostname* other) { return decided_alike(*other, host); });
      host.chain_index = twin != known.end() ? (*twin)->chain_index : next++;
      if (twin == known.end() && known.size() < compared_max) known.push_back(&host);
    }
  }
}

Duration longest_ttl(const Hostname& host) {
  Duration longest = host.ttl;
  const auto consider = [&](const std::optional<Duration>& ttl) {
    if (ttl) longest = std::max(longest, *ttl);
  };
  consider(host.failing_ttl);
  for (const ChainRule& rule : host.chain) {
    consider(rule.ttl);
    consider(rule.failing_ttl);
  }
  return longest;
}

}  // namespace popnet::model
