#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "common/units.h"
#include "config/load/draft.h"
#include "config/load/private_address.h"

namespace popnet::config {

namespace {

using model::Action;
using model::Config;
using model::Hostname;
using model::Origin;
using model::Pop;
using model::ProbeSpec;
using model::Resolve;
using model::Rule;
using model::Site;

bool is_multicast(const IpAddress& address) {
  const uint8_t first = address.bytes()[0];
  return address.is_v4() ? first >= 224 : first == 0xff;  // with 240.0.0.0/4, which nobody may use
}

bool is_host_address(const IpAddress& address) {
  return !address.is_unspecified() && !is_multicast(address);
}

/// How to tell a reader at `here` where `place` is.
std::string where(const Place& place, const Place& here) {
  if (place.line == 0) return *place.file;
  if (*place.file == *here.file) return fmt::format("line {}", place.line);
  return fmt::format("{}:{}", *place.file, place.line);
}

/// Values that may stand only once, and where they stand first.
class Unique {
 public:
  explicit Unique(const Draft& draft) : draft_(draft) {}

  /// "'x' <is already ...> (line 12), write another".
  void add(const std::string& path, const std::string& value, std::string_view already) {
    const auto [first, fresh] = first_.try_emplace(value, path);
    if (!fresh)
      draft_.error(path, fmt::format("'{}' {} ({}), write another", value, already,
                                     where(draft_.place(first->second), draft_.place(path))));
  }

 private:
  const Draft& draft_;
  std::map<std::string, std::string, std::less<>> first_;
};

// --- POPs ---

void check_pop_addresses(const Draft& draft, const std::string& path, const Pop& pop) {
  int v4 = 0, v6 = 0;
  for (size_t i = 0; i < pop.addresses.size(); ++i) {
    const IpAddress& address = pop.addresses[i];
    const std::string at = join(path, i);
    if (!is_host_address(address))
      draft.error(
          at, fmt::format("'{}' is no address of a machine, write the one users reach", address.to_string()));
    if (++(address.is_v4() ? v4 : v6) > 1)
      draft.error(at, fmt::format("the second {} address, write at most one of each family",
                                  address.is_v4() ? "IPv4" : "IPv6"));
  }
  if (pop.addresses.empty()) draft.error(path, "empty, write at least one address");
}

void check_pops(const Draft& draft) {
  if (!draft.pops_written) return;
  Unique names(draft), endpoints(draft);
  for (size_t i = 0; i < draft.config.pops.size(); ++i) {
    const Pop& pop = draft.config.pops[i];
    const std::string path = join("pops", i);
    names.add(join(path, "name"), pop.name, "is already the name of a POP");
    check_pop_addresses(draft, join(path, "addresses"), pop);
    for (size_t a = 0; a < pop.addresses.size(); ++a)
      endpoints.add(join(join(path, "addresses"), a), Endpoint{pop.addresses[a], pop.http_port}.to_string(),
                    "is already where a POP answers");
  }
}

// --- this node ---

/// Do two sockets ask the kernel for the same port?
bool collide(const Endpoint& a, const Endpoint& b) {
  if (a.port != b.port || a.port == 0) return false;
  const bool same_family = a.address.is_v4() == b.address.is_v4();
  return a.address == b.address ||
         (same_family && (a.address.is_unspecified() || b.address.is_unspecified()));
}

void check_listens(const Draft& draft) {
  if (draft.problems.touches("pops")) return;  // where to listen may come from there
  const model::Node& node = draft.config.node;
  std::vector<std::pair<std::string, Endpoint>> all;
  for (size_t i = 0; i < node.dns_listen.size(); ++i)
    all.emplace_back(join("node.dns_listen", i), node.dns_listen[i]);
  for (size_t i = 0; i < node.dns_server.tls_listen.size(); ++i)
    all.emplace_back(join("node.dns_server.tls_listen", i), node.dns_server.tls_listen[i]);
  for (size_t i = 0; i < node.http_listen.size(); ++i)
    all.emplace_back(join("node.http_listen", i), node.http_listen[i]);
  if (node.control) all.emplace_back("node.admin_listen", node.admin_listen);
  for (auto listen = all.begin(); listen != all.end(); ++listen) {
    const std::string endpoint = listen->second.to_string();
    if (is_multicast(listen->second.address))
      draft.error(listen->first,
                  fmt::format("'{}' is no address of this machine, write one that is", endpoint));
    const auto first = std::find_if(all.begin(), listen,
                                    [&](const auto& other) { return collide(other.second, listen->second); });
    if (first != listen)
      draft.error(listen->first,
                  fmt::format("'{}' is taken by {}, write another address or port", endpoint, first->first));
  }
}

void check_bus(const Draft& draft) {
  if (!draft.config.bus.follow_config) return;
  if (draft.config.bus.kind == model::BusKind::memory)
    draft.warning("bus.follow_config",
                  "a bus of kind memory holds no config to follow: this node goes by its file alone");
  else if (draft.config.node.state_dir.empty())
    draft.warning(
        "bus.follow_config",
        "started while the bus is away, this node would go by its file: write node.state_dir, where it "
        "keeps the config of the bus");
}

void check_dns_server(const Draft& draft) {
  const model::DnsNode& dns = draft.config.node.dns_server;
  if (!dns.dnstap.file.empty() && !dns.dnstap.socket.empty())
    draft.error("node.dns_server.dnstap.file", "there is a `socket` too, write one of them");
  if (dns.tls_listen.empty()) return;
  const auto need = [&](const char* option, const std::string& file) {
    if (file.empty())
      draft.error(join("node.dns_server", option),
                  "missing, `tls_listen` needs it: write the name of a PEM file");
  };
  need("tls_certificate", dns.tls_certificate);
  need("tls_key", dns.tls_key);
}

/// A POP made up from listening addresses is fine for an edge, but DNS would tell users a made-up address.
void check_made_up_pop(const Draft& draft) {
  const Config& config = draft.config;
  if (draft.pops_written || !config.node.dns) return;
  const auto is_any = [](const Endpoint& e) { return e.address.is_unspecified(); };
  const auto names_pop = [](const Site& site) {
    return std::any_of(site.hostnames.begin(), site.hostnames.end(),
                       [](const Hostname& h) { return h.resolve == Resolve::pop; });
  };
  const bool asked = !config.network.zone.empty() || !config.network.content_hostname.empty() ||
                     std::any_of(config.sites.begin(), config.sites.end(), names_pop);
  const bool unknown = std::any_of(config.node.http_listen.begin(), config.node.http_listen.end(), is_any) ||
                       std::any_of(config.node.dns_listen.begin(), config.node.dns_listen.end(), is_any);
  if (asked && unknown)
    draft.error("pops",
                "missing, write one POP with the address that DNS is to tell users: the node listens on all");
}

/// What somebody forgets who writes a first config from a zone on.
void check_zones_are_answered(const Draft& draft) {
  const Config& config = draft.config;
  if (draft.pops_written || config.zones.empty() || config.node.dns || config.bus.follow_config) return;
  if (!draft.written("node.dns") && !draft.written("node.dns_listen"))
    draft.warning("zones",
                  "nobody answers for them, as this node does not say where DNS queries arrive: write "
                  "node.dns_listen like 192.0.2.1:53, or node.dns: false");
}

// --- names ---

void check_names(const Draft& draft) {
  const auto& network = draft.config.network;
  const auto& pops = draft.config.pops;
  const auto& sites = draft.config.sites;
  const auto& zones = draft.config.zones;
  Unique zone_names(draft), names(draft);
  if (!network.zone.empty()) names.add("network.zone", network.zone, "is already the network's zone");
  for (size_t i = 0; i < zones.size(); ++i)
    zone_names.add(join(join("zones", i), "name"), zones[i].name, "is already a zone");
  if (!network.zone.empty() && draft.pops_written)
    for (size_t i = 0; i < pops.size(); ++i)
      names.add(join(join("pops", i), "name"), pops[i].name + "." + network.zone, "is already a POP");
  if (!network.content_hostname.empty())
    names.add("network.content_hostname", network.content_hostname, "is already a name of the network");
  for (size_t s = 0; s < sites.size(); ++s)
    for (size_t h = 0; h < sites[s].hostnames.size(); ++h)
      names.add(fmt::format("sites.{}.hostnames.{}.name", s, h), sites[s].hostnames[h].name,
                "is already a hostname");
}

// --- signing ---

void check_keys(const Draft& draft) {
  const Config& config = draft.config;
  if (!config.node.key_dir.empty() || !config.node.dns) return;
  const auto check = [&](const std::string& path, const model::Dnssec& dnssec) {
    if (dnssec.enabled)
      draft.error(join(path, "dnssec.enabled"),
                  "the keys need a folder, write node.key_dir, or node.state_dir");
  };
  check("network", config.network.dnssec);
  for (size_t i = 0; i < config.zones.size(); ++i) check(join("zones", i), config.zones[i].dnssec);
}

/// RFC 6781 section 4.4.2.2: who asks a cache, and validates himself, gets what it has until the TTL is over.
void check_validity(const Draft& draft) {
  const auto check = [&](const std::string& path, const model::Dnssec& dnssec) {
    if (dnssec.enabled && dnssec.validity / 4 < dnssec.zone_ttl_max)
      draft.warning(
          join(path, "dnssec.validity"),
          fmt::format(
              "caches may keep records of `zone_ttl_max` when their signatures have ended, write {} or "
              "more, or a lower zone_ttl_max",
              format_duration(4 * dnssec.zone_ttl_max)));
  };
  check("network", draft.config.network.dnssec);
  for (size_t i = 0; i < draft.config.zones.size(); ++i)
    check(join("zones", i), draft.config.zones[i].dnssec);
}

// --- transfers ---

void check_transfers(const Draft& draft) {
  const Config& config = draft.config;
  Unique keys(draft);
  for (size_t i = 0; i < config.dns.tsig_keys.size(); ++i)
    keys.add(join(join("dns.tsig_keys", i), "name"), config.dns.tsig_keys[i].name, "is already a key");
  for (size_t i = 0; i < config.zones.size(); ++i) {
    const model::Transfer& transfer = config.zones[i].transfer;
    const std::string path = join(join("zones", i), "transfer");
    const auto is_meant = [&](const model::TsigKey& key) { return key.name == transfer.key; };
    if (!transfer.key.empty() && std::ranges::none_of(config.dns.tsig_keys, is_meant))
      draft.error(join(path, "key"),
                  fmt::format("'{}' is no key of dns.tsig_keys, write the name of one", transfer.key));
    const bool open = !transfer.to.empty() || !transfer.key.empty();
    if (!open && !transfer.notify.empty())
      draft.error(join(path, "notify"), "nobody may fetch the zone, write `to` or `key` too");
  }
}

/// Where each zone comes from.
void check_zone_sources(const Draft& draft) {
  const Config& config = draft.config;
  for (size_t i = 0; i < config.zones.size(); ++i) {
    const model::Zone& zone = config.zones[i];
    const model::Secondary& secondary = zone.secondary;
    const std::string path = join("zones", i), at = join(path, "secondary");
    const bool fetched = find_node(draft.root, at) != nullptr;
    if (zone.file.empty() && !fetched)
      draft.error(path, "comes from nowhere, write `file`, or `secondary` with the zone's primaries");
    if (!zone.file.empty() && fetched)
      draft.error(join(path, "file"), "means nothing for a zone that is fetched, remove it or `secondary`");
    if (fetched && secondary.primaries.empty())
      draft.error(at, "the zone is fetched from nobody, write `primaries`");
    for (size_t p = 0; p < secondary.primaries.size(); ++p)
      if (!is_host_address(secondary.primaries[p].address) || secondary.primaries[p].port == 0)
        draft.error(join(join(at, "primaries"), p),
                    fmt::format("'{}' is no address of a name server, write one like 192.0.2.10:53",
                                secondary.primaries[p].to_string()));
    const auto is_meant = [&](const model::TsigKey& key) { return key.name == secondary.key; };
    if (!secondary.key.empty() && std::ranges::none_of(config.dns.tsig_keys, is_meant))
      draft.error(join(at, "key"),
                  fmt::format("'{}' is no key of dns.tsig_keys, write the name of one", secondary.key));
    if (fetched && config.node.dns && config.node.state_dir.empty())
      draft.warning(at,
                    "without node.state_dir no copy is kept: after a restart the zone is not served until a "
                    "primary answers");
  }
}

// --- sites ---

void check_probes(const Draft& draft, const std::string& path, std::span<const ProbeSpec> probes) {
  for (size_t i = 0; i < probes.size(); ++i) {
    const ProbeSpec& probe = probes[i];
    if (probe.timeout > probe.interval)
      draft.warning(
          join(join(path, i), "timeout"),
          "longer than the interval, so attempts overlap; write a shorter timeout or a longer interval");
    if (probe.max_age < probe.interval)
      draft.warning(
          join(join(path, i), "max_age"),
          "shorter than the interval, so measurements are forgotten before the next; write a longer one");
  }
}

/// What every origin is held against, gathered once.
struct PopFacts {
  explicit PopFacts(const Config& config) {
    for (const Pop& pop : config.pops)
      for (const IpAddress& address : pop.addresses) {
        edges.emplace(Endpoint{address, pop.http_port}, &pop);
        all_loopback = all_loopback && address.is_loopback();
      }
  }
  std::map<Endpoint, const Pop*> edges;
  bool all_loopback = true;
};

/// Who writes the network's document may not be the one who runs this node. What only this node can reach (its
/// admin API, its neighbours, the metadata of its cloud) is asked for only where the node's own file says so.
void check_reach(const Draft& draft, const std::string& path, const IpAddress& address) {
  const std::string_view why = why_private(address);
  if (why.empty() || !draft.network_file || draft.place(path).file != draft.network_file) return;
  const std::vector<Prefix>& allowed = draft.config.node.private_origins;
  if (std::ranges::any_of(allowed, [&](const Prefix& prefix) { return prefix.contains(address); })) return;
  draft.error(
      path, fmt::format("{} is {}, which the network's document may not name; write a public one, or let the "
                        "node's own file allow it in node.private_origins",
                        address.to_string(), why));
}

void check_origin(const Draft& draft, const std::string& path, const PopFacts& pops, const Origin& origin) {
  const std::string address = join(path, "address");
  const Endpoint& endpoint = origin.endpoint;
  if (!is_host_address(endpoint.address) || endpoint.port == 0)
    draft.error(address, fmt::format("'{}' is no address of a web server, write one like 192.0.2.1:80",
                                     endpoint.to_string()));
  check_reach(draft, address, endpoint.address);
  if (const auto edge = pops.edges.find(endpoint); edge != pops.edges.end())
    draft.error(
        address,
        fmt::format(
            "'{}' is the edge of POP '{}', and requests would go round in circles; write the customer's "
            "web server",
            endpoint.to_string(), edge->second->name));
  if (!origin.tls)
    for (const char* option : {"tls_name", "tls_verify", "tls_ca_file"})
      if (find_node(draft.root, join(path, option)))
        draft.error(join(path, option), "means nothing without `tls: true`, write that too");
  // Its own probes come behind those of the site that were merged in.
  const Node* written = find_node(draft.root, join(path, "probes"));
  if (!written) return;
  const size_t own = std::min(written->items.size(), origin.probes.size());
  check_probes(draft, join(path, "probes"), std::span(origin.probes).last(own));
}

/// DNS tells addresses without ports, and tells them to users who may be elsewhere.
void check_told_addresses(const Draft& draft, const std::string& path, const PopFacts& pops,
                          const Site& site) {
  std::map<IpAddress, std::string> first;
  for (size_t i = 0; i < site.origins.size(); ++i) {
    const Origin& origin = site.origins[i];
    const std::string at = join(join(path, i), "address");
    if (const auto [known, fresh] = first.try_emplace(origin.endpoint.address, origin.name); !fresh)
      draft.warning(at,
                    fmt::format("same address as origin '{}', which DNS cannot tell apart: it names no ports",
                                known->second));
    if (origin.endpoint.address.is_loopback() && !pops.all_loopback)
      draft.warning(at, "a loopback address, which DNS would tell users; write one that they reach");
  }
}

void check_origins(const Draft& draft, const std::string& path, const PopFacts& pops, const Site& site) {
  Unique names(draft), addresses(draft);
  for (size_t i = 0; i < site.origins.size(); ++i) {
    const Origin& origin = site.origins[i];
    const std::string at = join(path, i);
    check_origin(draft, at, pops, origin);
    addresses.add(join(at, "address"), origin.endpoint.to_string(), "is already an origin of this site");
    names.add(join(at, "name"), origin.name, "is already an origin of this site");
  }
  if (site.origins.empty()) draft.error(path, "empty, write at least one web server");
  const bool told = std::any_of(site.hostnames.begin(), site.hostnames.end(),
                                [](const Hostname& h) { return h.resolve == Resolve::origin; });
  if (told) check_told_addresses(draft, path, pops, site);
}

void check_rules(const Draft& draft, const std::string& path, const std::vector<Rule>& rules) {
  Unique paths(draft);
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    const std::string at = join(path, i);
    if (i > 0 && rules[i - 1].path == "*")
      draft.error(join(at, "path"), "never reached, the rule '*' before it takes all; write it above that");
    else
      paths.add(join(at, "path"), rule.path, "has a rule already");
    if (rule.ttl && rule.action != Action::cache)
      draft.warning(join(at, "ttl"), "has no effect here, it goes with 'action: cache'");
    if (!rule.redirect_host.empty() && rule.action != Action::redirect)
      draft.warning(join(at, "redirect_host"), "has no effect here, it goes with 'action: redirect'");
  }
}

void check_hostnames(const Draft& draft, const std::string& path, const std::vector<Hostname>& hostnames) {
  for (size_t i = 0; i < hostnames.size(); ++i)
    if (hostnames[i].resolve == Resolve::origin && hostnames[i].select == model::Select::latency)
      draft.error(join(join(path, i), "select"),
                  "'latency' is known for POPs only, write least_load, weighted or failover");
}

/// What one site fetches at a time takes at most half of the memory. In slices nothing is so large.
void check_cache(const Draft& draft, const std::string& path, const model::CacheOptions& cache) {
  const std::string at = join(path, "object_size_max");
  const uint64_t half = draft.config.node.cache_memory / 2;
  if (cache.slice == 0 && cache.object_size_max > half && draft.written(at))
    draft.warning(at,
                  fmt::format("more than half of node.cache_memory, beyond which nothing is stored; write {} "
                              "or less, or more memory, or 'slice'",
                              format_size(half)));
}

void check_site(const Draft& draft, const std::string& path, const PopFacts& pops, const Site& site) {
  check_cache(draft, join(path, "cache"), site.cache);
  check_hostnames(draft, join(path, "hostnames"), site.hostnames);
  check_origins(draft, join(path, "origins"), pops, site);
  check_rules(draft, join(path, "rules"), site.rules);
  check_probes(draft, join(path, "probes"), site.probes);
  if (site.hostnames.empty() && site.content_prefix.empty() && !site.any_host)
    draft.error(join(path, "hostnames"), "missing, write a hostname, or content_prefix, or 'any_host: true'");
  if (!site.content_prefix.empty() && draft.config.network.content_hostname.empty())
    draft.error(join(path, "content_prefix"),
                "is of no use without network.content_hostname, write that too");
}

void check_sites(const Draft& draft) {
  const PopFacts pops(draft.config);
  Unique names(draft), prefixes(draft), any_host(draft);
  for (size_t i = 0; i < draft.config.sites.size(); ++i) {
    const Site& site = draft.config.sites[i];
    const std::string path = join("sites", i);
    names.add(join(path, "name"), site.name, "is already the name of a site");
    if (!site.content_prefix.empty())
      prefixes.add(join(path, "content_prefix"), site.content_prefix, "is already the prefix of a site");
    if (site.any_host) any_host.add(join(path, "any_host"), "true", "is said already of a site");
    check_site(draft, path, pops, site);
  }
}

void check_clients(const Draft& draft) {
  Unique networks(draft);
  for (size_t i = 0; i < draft.config.clients.size(); ++i)
    networks.add(join(join("clients", i), "network"), draft.config.clients[i].network.to_string(),
                 "is described already");
}

}  // namespace

void check(const Draft& draft) {
  check_pops(draft);
  check_listens(draft);
  check_bus(draft);
  check_dns_server(draft);
  check_made_up_pop(draft);
  check_names(draft);
  check_keys(draft);
  check_validity(draft);
  check_transfers(draft);
  check_zone_sources(draft);
  check_zones_are_answered(draft);
  check_probes(draft, "network.pop_probes", draft.config.network.pop_probes);
  check_sites(draft);
  check_clients(draft);
}

}  // namespace popnet::config
