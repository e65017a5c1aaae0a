#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "config/load/draft.h"
#include "config/load/fill.h"
#include "config/load/yaml.h"

namespace popnet::config {

namespace {

using model::Config;
using model::Node;
using model::Pop;
using model::ProbeSpec;
using model::Site;

constexpr Duration default_timeout = std::chrono::seconds(2);

// --- POPs and this node ---

/// The address users would know an endpoint by: its own, or the loopback address if it listens on all.
IpAddress reachable(const IpAddress& address) {
  if (!address.is_unspecified()) return address;
  std::array<uint8_t, 16> loopback{};
  loopback[15] = 1;
  return address.is_v4() ? IpAddress::v4(127, 0, 0, 1) : IpAddress::from_bytes(loopback);
}

/// A config without POPs is that of a single node: one POP, known by the addresses the node listens on.
Pop local_pop(const Node& node) {
  Pop pop;
  pop.name = node.pop.empty() ? "local" : node.pop;
  std::vector<Endpoint> listens = node.http_listen;
  listens.insert(listens.end(), node.dns_listen.begin(), node.dns_listen.end());
  for (const Endpoint& listen : listens) {
    const IpAddress address = reachable(listen.address);
    const bool known = std::any_of(pop.addresses.begin(), pop.addresses.end(),
                                   [&](const IpAddress& a) { return a.is_v4() == address.is_v4(); });
    if (!known) pop.addresses.push_back(address);
  }
  if (pop.addresses.empty()) pop.addresses.push_back(IpAddress::v4(127, 0, 0, 1));
  if (!node.http_listen.empty()) pop.http_port = node.http_listen.front().port;
  if (!node.dns_listen.empty()) pop.dns_port = node.dns_listen.front().port;
  return pop;
}

void complete_pops(Draft& draft) {
  Config& config = draft.config;
  if (!config.pops.empty() || draft.problems.touches("pops")) return;
  config.pops.push_back(local_pop(config.node));
  draft.pops_written = false;
}

/// For messages: the first few are enough to see what names look like.
std::string pop_names(const Config& config) {
  constexpr size_t names_max = 20;
  std::vector<std::string> names;
  for (const Pop& pop : std::span(config.pops).first(std::min(config.pops.size(), names_max)))
    names.push_back(pop.name);
  if (config.pops.size() > names_max) names.emplace_back("...");
  return fmt::format("{}", fmt::join(names, ", "));
}

void name_node(const Draft& draft) {
  Node& node = draft.config.node;
  if (node.name.empty()) node.name = node.pop;
  if (node.name == node.pop) return;
  for (const Pop& pop : draft.config.pops)
    if (pop.name == node.name)
      draft.error("node.name",
                  fmt::format("'{}' is the name of another POP, write one like {}-2", node.name, node.pop));
}

void find_own_pop(const Draft& draft) {
  Config& config = draft.config;
  if (draft.problems.touches("pops")) return;
  if (config.node.pop.empty() && config.pops.size() == 1) config.node.pop = config.pops.front().name;
  if (config.node.pop.empty())
    return draft.error("node.pop",
                       fmt::format("missing, write the POP of this node, one of {}", pop_names(config)));
  const auto own = std::find_if(config.pops.begin(), config.pops.end(),
                                [&](const Pop& pop) { return pop.name == config.node.pop; });
  if (own == config.pops.end())
    return draft.error("node.pop", fmt::format("'{}' is no POP of this config, write one of {}",
                                               config.node.pop, pop_names(config)));
  config.node.pop_index = static_cast<uint32_t>(own - config.pops.begin());
  name_node(draft);
}

/// Where a role listens: as written, else at the addresses of the node's POP. Without any, the role is off.
void complete_listen(const Draft& draft, const std::string& option, bool& role, std::vector<Endpoint>& listen,
                     uint16_t Pop::*port) {
  const Config& config = draft.config;
  if (!role) listen.clear();
  if (role && !draft.written("node." + option) && draft.pops_written &&
      config.node.pop_index < config.pops.size()) {
    const Pop& pop = config.pops[config.node.pop_index];
    for (const IpAddress& address : pop.addresses) listen.push_back({address, pop.*port});
  }
  role = role && !listen.empty();
}

// --- probes ---

void complete_probe(ProbeSpec& probe) {
  if (probe.timeout == Duration{}) probe.timeout = std::min(default_timeout, probe.interval);
  if (probe.max_age == Duration{}) probe.max_age = 3 * probe.interval + probe.timeout;
}

/// Appends a probe written in YAML, if its kind is among those of this program.
void add_probe(const Draft& draft, const std::string& yaml, std::vector<ProbeSpec>& probes) {
  const NodePtr node = read_yaml(yaml, "built-in probe", draft.problems);
  const std::string& kind = node->find("kind")->value->scalar;
  if (std::none_of(draft.kinds.begin(), draft.kinds.end(),
                   [&](const KindTable& k) { return k.name == kind; }))
    return;
  Filler(draft.kinds, draft.problems).fill_probe(*node, probes.emplace_back());
}

void complete_pop_probes(const Draft& draft) {
  auto& probes = draft.config.network.pop_probes;
  if (!draft.written("network.pop_probes")) {
    add_probe(draft,
              fmt::format("{{kind: http, path: {}, interval: 2s, timeout: 1s}}", model::edge_health_path),
              probes);
    add_probe(draft, "{kind: host, interval: 2s}", probes);
  }
  for (ProbeSpec& probe : probes) complete_probe(probe);
}

/// The site's probes and the origin's own; of one kind, the origin's.
void merge_probes(const std::vector<ProbeSpec>& of_site, std::vector<ProbeSpec>& own) {
  std::vector<ProbeSpec> merged;
  for (const ProbeSpec& probe : of_site) {
    const auto same_kind = [&](const ProbeSpec& o) { return o.kind == probe.kind; };
    if (std::none_of(own.begin(), own.end(), same_kind)) merged.push_back(probe);
  }
  merged.insert(merged.end(), own.begin(), own.end());
  own = std::move(merged);
  for (ProbeSpec& probe : own) complete_probe(probe);
}

// --- sites, clients, files ---

/// `usual`: what a site without probes of its own gets.
void complete_site(const Draft& draft, const std::string& path, const std::vector<ProbeSpec>& usual,
                   Site& site) {
  if (!draft.written(join(path, "probes"))) site.probes = usual;
  for (ProbeSpec& probe : site.probes) complete_probe(probe);
  for (model::Origin& origin : site.origins) {
    if (origin.name.empty()) origin.name = origin.endpoint.to_string();
    merge_probes(site.probes, origin.probes);
  }
}

void complete_sites(const Draft& draft) {
  auto& sites = draft.config.sites;
  std::vector<ProbeSpec> usual;
  if (!sites.empty()) add_probe(draft, "{kind: http}", usual);
  for (size_t i = 0; i < sites.size(); ++i) complete_site(draft, join("sites", i), usual, sites[i]);
}

void complete_clients(const Draft& draft) {
  Config& config = draft.config;
  if (draft.problems.touches("pops")) return;
  std::map<std::string_view, uint32_t> indexes;
  for (const Pop& pop : config.pops) indexes.emplace(pop.name, static_cast<uint32_t>(indexes.size()));
  for (size_t i = 0; i < config.clients.size(); ++i) {
    for (model::ClientPrior::PopLatency& latency : config.clients[i].latency) {
      const auto found = indexes.find(latency.pop_name);
      if (found != indexes.end())
        latency.pop = found->second;
      else
        draft.error(fmt::format("clients.{}.latency.{}", i, latency.pop_name),
                    fmt::format("'{}' is no POP of this config, write one of {}", latency.pop_name,
                                pop_names(config)));
    }
  }
}

/// Paths count from the file they are written in; those of the command line from the working directory.
void complete_path(const Draft& draft, const std::string& folder, const std::string& option,
                   std::string& path) {
  if (path.empty() || path.front() == '/' || draft.place(option).line == 0) return;
  path = folder + path;
}

}  // namespace

void complete(Draft& draft, const std::string& folder) {
  Config& config = draft.config;
  complete_pops(draft);
  find_own_pop(draft);
  complete_listen(draft, "dns_listen", config.node.dns, config.node.dns_listen, &Pop::dns_port);
  complete_listen(draft, "http_listen", config.node.edge, config.node.http_listen, &Pop::http_port);
  if (config.network.contact.empty() && !config.network.zone.empty())
    config.network.contact = "hostmaster@" + config.network.zone;
  complete_pop_probes(draft);
  complete_sites(draft);
  complete_clients(draft);
  complete_chains(draft);
  complete_path(draft, folder, "node.state_dir", config.node.state_dir);
  complete_path(draft, folder, "node.key_dir", config.node.key_dir);
  if (config.node.key_dir.empty() && !config.node.state_dir.empty())
    config.node.key_dir = config.node.state_dir + "/keys";
  if (config.node.access_log.file != "-")
    complete_path(draft, folder, "node.access_log.file", config.node.access_log.file);
  model::DnsNode& dns = config.node.dns_server;
  if (dns.query_log.file != "-")
    complete_path(draft, folder, "node.dns_server.query_log.file", dns.query_log.file);
  complete_path(draft, folder, "node.dns_server.dnstap.file", dns.dnstap.file);
  complete_path(draft, folder, "node.dns_server.dnstap.socket", dns.dnstap.socket);
}

}  // namespace popnet::config
