#include "dns/server/policy.h"

#include <algorithm>

namespace popnet::dns {

std::vector<TsigKey> tsig_keys(const model::Config& config) {
  std::vector<TsigKey> keys;
  for (const model::TsigKey& key : config.dns.tsig_keys) {
    const auto name = parse_name(key.name);
    auto secret = read_base64(key.secret);
    if (!name || !secret) continue;
    const bool sha512 = key.algorithm == model::TsigAlgorithm::hmac_sha512;
    keys.push_back(
        {*name, sha512 ? TsigAlgorithm::hmac_sha512 : TsigAlgorithm::hmac_sha256, std::move(*secret)});
  }
  return keys;
}

namespace {

std::map<std::string, NotifyRule, std::less<>> notify_rules(const model::Config& config) {
  std::map<std::string, NotifyRule, std::less<>> rules;
  for (const model::Zone& zone : config.zones) {
    const model::Secondary& secondary = zone.secondary;
    const auto name = parse_name(zone.name);
    if (secondary.primaries.empty() || !name) continue;
    NotifyRule rule;
    rule.from = secondary.notify_from;
    rule.catalog = secondary.catalog;
    if (rule.from.empty())
      for (const Endpoint& primary : secondary.primaries)
        rule.from.emplace_back(primary.address, primary.address.width());
    if (const auto key = parse_name(secondary.key); !secondary.key.empty() && key) rule.key = *key;
    const auto bytes = name->bytes();
    rules.emplace(std::string(bytes.begin(), bytes.end()), std::move(rule));
  }
  return rules;
}

model::RateLimit part_of(model::RateLimit limit, int parts) {
  limit.per_second = (limit.per_second + parts - 1) / parts;
  return limit;
}

}  // namespace

Policy::Notify Policy::judge_notify(const Name& zone, const IpAddress& from, const Name* key) const {
  const auto allows = [&](const NotifyRule& rule) {
    const auto knows = [&](const Prefix& prefix) { return prefix.contains(from); };
    return std::ranges::any_of(rule.from, knows) && (!rule.key || (key != nullptr && *key == *rule.key));
  };
  const auto bytes = zone.bytes();
  const auto own =
      notify_rules.find(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  if (own != notify_rules.end()) return allows(own->second) ? Notify::believed : Notify::refused;
  Notify judged = Notify::unknown;
  for (const auto& [name, rule] : notify_rules)
    if (rule.catalog && judged != Notify::believed)
      judged = allows(rule) ? Notify::believed : Notify::refused;
  return judged;
}

std::shared_ptr<Policy> make_policy(const model::Config& config, uint64_t chance, int threads, int queues) {
  auto policy = std::make_shared<Policy>();
  policy->cookies = config.dns.cookies;
  policy->cookie_secrets = parse_cookie_secrets(config.dns.cookie_secrets);
  if (policy->cookie_secrets.empty()) policy->cookie_secrets.push_back(cookie_secret_from(chance));
  policy->nsid = config.node.dns_server.nsid.value_or(config.node.pop);
  const auto idle = std::chrono::duration_cast<std::chrono::milliseconds>(config.dns.tcp_idle).count() / 100;
  policy->keepalive_100ms = static_cast<uint16_t>(std::clamp<int64_t>(idle, 0, UINT16_MAX));
  policy->rate_limit = part_of(config.dns.rate_limit, threads);
  policy->xdp_rate_limit = part_of(config.dns.rate_limit, queues);
  policy->tsig_keys = tsig_keys(config);
  policy->notify_rules = notify_rules(config);
  policy->proxies = config.node.dns_server.proxies;
  return policy;
}

}  // namespace popnet::dns
