#include "probe/runner/plan.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace popnet::probe {

namespace {

using model::Config;
using model::ProbeSpec;
using model::Site;
using Plan = std::vector<std::shared_ptr<const PlannedProbe>>;

/// The name that users' requests to this site would carry; empty where there is none.
std::string host_of(const Config& config, const Site& site) {
  if (!site.origin_host.empty()) return site.origin_host;
  for (const model::Hostname& hostname : site.hostnames)
    if (hostname.name.find('*') == std::string::npos) return hostname.name;
  return site.content_prefix.empty() ? std::string() : config.network.content_hostname;
}

void add(const Target& target, const std::vector<ProbeSpec>& specs, Plan& plan) {
  std::map<std::string_view, int> of_kind;
  for (const ProbeSpec& spec : specs) {
    const int number = ++of_kind[spec.kind];
    const std::string label = number == 1 ? spec.kind : spec.kind + "#" + std::to_string(number);
    plan.push_back(std::make_shared<PlannedProbe>(PlannedProbe{target, spec, label}));
  }
}

Target pop_target(const model::Pop& pop) {
  Target target{.id = model::TargetId::pop(pop.name), .path = model::edge_health_path};
  if (!pop.addresses.empty()) target.endpoint = {pop.addresses.front(), pop.http_port};
  target.capacity_bits = pop.capacity_bits;
  return target;
}

ProbeSpec default_host_probe() {
  ProbeSpec spec;
  spec.kind = host_kind;
  spec.interval = std::chrono::seconds(2);
  spec.timeout = std::chrono::seconds(1);
  spec.max_age = 3 * spec.interval + spec.timeout;
  spec.affects_health = false;
  spec.options = std::make_shared<model::KindOptions>();
  return spec;
}

}  // namespace

std::string PlannedProbe::key() const {
  return std::to_string(static_cast<int>(target.id.kind)) + " " + target.id.name + " " + label;
}

Plan make_plan(const Config& config) {
  Plan plan;
  for (const Site& site : config.sites)
    for (const model::Origin& origin : site.origins)
      add({.id = model::TargetId::origin(site.name, origin.name),
           .endpoint = origin.endpoint,
           .tls = origin.tls,
           .tls_name = origin.tls_name,
           .tls_verify = origin.tls_verify,
           .tls_ca_file = origin.tls_ca_file,
           .host = host_of(config, site)},
          origin.probes, plan);

  std::vector<ProbeSpec> of_others;
  std::vector<ProbeSpec> of_self;
  for (const ProbeSpec& spec : config.network.pop_probes)
    (spec.kind == host_kind ? of_self : of_others).push_back(spec);
  if (of_self.empty()) of_self.push_back(default_host_probe());
  for (const model::Pop& pop : config.pops)
    add(pop_target(pop), pop.name == config.node.pop ? of_self : of_others, plan);
  return plan;
}

}  // namespace popnet::probe
