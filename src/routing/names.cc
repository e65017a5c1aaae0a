#include "routing/names.h"

#include <algorithm>
#include <utility>

#include "common/text.h"

namespace popnet::routing {

NameIndex::NameIndex(const model::Config& config) {
  const auto& network = config.network;
  for (uint32_t i = 0; i < config.pops.size() && !network.zone.empty(); ++i) {
    model::Hostname host{
        .name = config.pops[i].name + "." + network.zone, .resolve = model::Resolve::pop, .ttl = network.ttl};
    std::string name = host.name;
    hosts_.insert_or_assign(std::move(name), NamedHost{NamedHost::Kind::pop, 0, i, std::move(host)});
  }
  if (!network.content_hostname.empty()) {
    model::Hostname host{
        .name = network.content_hostname, .resolve = model::Resolve::pop, .ttl = network.content_ttl};
    hosts_.insert_or_assign(network.content_hostname,
                            NamedHost{NamedHost::Kind::content, 0, 0, std::move(host)});
  }
  for (uint32_t i = 0; i < config.sites.size(); ++i)
    for (const auto& host : config.sites[i].hostnames)
      hosts_.insert_or_assign(host.name, NamedHost{NamedHost::Kind::site, i, 0, host});
}

const NamedHost* NameIndex::find(std::string_view name) const {
  if (name.ends_with('.')) name.remove_suffix(1);
  const auto found = hosts_.find(to_lower(name));
  return found == hosts_.end() ? nullptr : &found->second;
}

const model::Site* find_site(const model::Config& config, std::string_view name) {
  const auto found = std::find_if(config.sites.begin(), config.sites.end(),
                                  [&](const auto& site) { return site.name == name; });
  return found == config.sites.end() ? nullptr : &*found;
}

}  // namespace popnet::routing
