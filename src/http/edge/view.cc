#include "http/edge/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/hash.h"
#include "common/log.h"
#include "http/policy/key.h"
#include "http/policy/path_reading.h"

namespace popnet::http {

namespace {

constexpr Duration log_interval = std::chrono::seconds(1);  // of failures, for each origin

/// For all origins that trust the same: the files are read once for each config, which is when a renewed one
/// counts.
class TrustStore {
 public:
  std::shared_ptr<const tls::ClientContext> find(const model::Site& site, const model::Origin& origin) {
    if (!origin.tls) return nullptr;
    const auto [known, fresh] = contexts_.try_emplace({origin.tls_ca_file, origin.tls_verify});
    if (fresh) {
      auto made = tls::ClientContext::make({origin.tls_verify, origin.tls_ca_file, "http/1.1"});
      if (made)
        known->second = std::move(*made);
      else
        log::error("origin {}/{} cannot be asked over HTTPS: {}", site.name, origin.name,
                   made.error().message);
    }
    return known->second;
  }

 private:
  std::map<std::pair<std::string, bool>, std::shared_ptr<const tls::ClientContext>> contexts_;
};

}  // namespace

void OriginState::failed(TimePoint now, std::string_view site, std::string_view origin, std::string_view why,
                         bool its_own) {
  failures.fetch_add(1, std::memory_order_relaxed);
  if (its_own && health.failed(now))
    log::warning("origin {}/{} is asked last for a while: {} requests in a row failed, this one: {}", site,
                 origin, OriginHealth::failures_max, why);
  TimePoint before = logged_.load(std::memory_order_relaxed);
  if (before != TimePoint::min() && now - before < log_interval) return;
  if (logged_.compare_exchange_strong(before, now, std::memory_order_relaxed))
    log::warning("origin {}/{} failed a request: {} (failures so far: {})", site, origin, why,
                 failures.load());
}

SiteState::SiteState(std::string_view site, Store& store, int threads)
    : name(site),
      space(store.space(site)),
      counters(new SiteCounters[static_cast<size_t>(threads)]),
      retries(new RetryBudget[static_cast<size_t>(threads)]) {}

std::shared_ptr<SiteState> Registry::site(const model::Site& site, bool& known) {
  const std::lock_guard lock(mutex_);
  auto& state = sites_[site.name];
  known = state != nullptr;
  if (!known) state = std::make_shared<SiteState>(site.name, store_, threads_);
  return state;
}

std::vector<std::shared_ptr<OriginState>> Registry::origins(SiteState& state, const model::Site& site) {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<OriginState>> origins;
  for (const model::Origin& origin : site.origins) {
    auto& found = state.origins[origin.name];
    if (!found) found = std::make_shared<OriginState>();
    // An operator who gives it another address has mended it: what the old one did is not held against the new one.
    if (std::exchange(found->endpoint, origin.endpoint) != origin.endpoint) {
      found->health.forget();
      found->first_bytes.forget();
    }
    origins.push_back(found);
  }
  return origins;
}

void Registry::for_each(const std::function<void(const SiteState&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, state] : sites_) visit(*state);
}

PathPattern::PathPattern(std::string_view pattern) : kind_(Kind::exact), text_(pattern) {
  if (pattern == "*" || pattern == "/*") {
    kind_ = Kind::all;
  } else if (pattern.ends_with('*')) {
    kind_ = Kind::prefix;
    text_.pop_back();
  } else if (pattern.starts_with('*')) {
    kind_ = Kind::suffix;
    text_.erase(0, 1);
  }
  text_ = usual_reading(text_);
}

bool PathPattern::matches(std::string_view path) const {
  switch (kind_) {
    case Kind::all:
      return true;
    case Kind::exact:
      return path == text_;
    case Kind::prefix:
      return path.starts_with(text_);
    case Kind::suffix:
      return path.ends_with(text_);
  }
  return false;
}

size_t Sites::CaseHash::operator()(std::string_view text) const {
  uint64_t h = text.size();
  for (const char c : text) h = (h ^ static_cast<unsigned char>(to_lower(c))) * 0x100000001b3ULL;
  return mix64(h);
}

Sites::Sites(std::shared_ptr<const model::Config> config, Registry& registry) : config_(std::move(config)) {
  const model::Config& c = *config_;
  sites_.reserve(c.sites.size());
  TrustStore trust;
  for (uint32_t i = 0; i < c.sites.size(); ++i) {
    const model::Site& site = c.sites[i];
    bool known = false;
    auto state = registry.site(site, known);
    auto origins = registry.origins(*state, site);
    SiteView& view =
        sites_.emplace_back(SiteView{i, &site, std::move(state), std::move(origins), {}, {}, known});
    for (const model::Origin& origin : site.origins) view.tls.push_back(trust.find(site, origin));
    for (const model::Rule& rule : site.rules) view.patterns.emplace_back(rule.path);
    names_[site.name] = i;
    for (const model::Hostname& name : site.hostnames) hosts_[name.name] = {Host::Kind::site, i, &name};
    if (!site.content_prefix.empty()) prefixes_[site.content_prefix] = i;
    if (site.any_host) any_host_ = &view;
  }
  if (!c.network.content_hostname.empty())
    hosts_[c.network.content_hostname] = {Host::Kind::shared, 0, nullptr};
  if (c.node.pop_index < c.pops.size()) {
    const std::string& pop = c.pops[c.node.pop_index].name;
    hosts_.try_emplace(pop, Host{Host::Kind::pop, 0, nullptr});
    if (!c.network.zone.empty())
      hosts_.try_emplace(pop + "." + c.network.zone, Host{Host::Kind::pop, 0, nullptr});
  }
}

Route Sites::route(std::string_view host, std::string_view path) const {
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto found = hosts_.find(host);
  Route route;
  route.path = path;
  if (found == hosts_.end()) {
    if (any_host_ == nullptr) return route;
    route.site = any_host_;
    apply_rules(route, nullptr);
    return route;
  }
  switch (found->second.kind) {
    case Host::Kind::shared:
      return route_prefix(path);
    case Host::Kind::pop:
      route.to = Route::To::pop;
      return route;
    case Host::Kind::site:
      route.site = &sites_[found->second.site];
      apply_rules(route, found->second.hostname);
      return route;
  }
  return route;
}

Route Sites::route_prefix(std::string_view path) const {
  Route route;
  route.to = Route::To::unknown_prefix;
  if (!path.starts_with('/')) return route;
  const size_t end = std::min(path.find('/', 1), path.size());
  const auto found = prefixes_.find(path.substr(1, end - 1));
  if (found == prefixes_.end()) return route;
  route.site = &sites_[found->second];
  route.prefixed = true;
  route.path = end == path.size() ? std::string_view("/") : path.substr(end);
  apply_rules(route, nullptr);
  return route;
}

const model::Rule* Sites::first_match(const SiteView& site, std::string_view path) {
  for (size_t i = 0; i < site.patterns.size(); ++i)
    if (site.patterns[i].matches(path)) return &site.site->rules[i];
  return nullptr;
}

void Sites::apply_rules(Route& route, const model::Hostname* hostname) const {
  const PathReadings readings(route.path);
  if (readings.refused()) {
    route.to = Route::To::bad_path;
    return;
  }
  route.to = Route::To::site;
  route.rule = first_match(*route.site, readings.usual());
  if (!readings.plain())
    for (const std::string_view path : {readings.asked(), readings.bare()})
      if (const model::Rule* rule = first_match(*route.site, path);
          rule && rule->action == model::Action::deny)
        route.rule = rule;
  const bool page = hostname != nullptr && hostname->resolve == model::Resolve::origin;
  if (route.rule != nullptr)
    route.action = route.rule->action;
  else
    route.action = page ? model::Action::proxy : model::Action::cache;
}

const SiteView* Sites::find(std::string_view site_name) const {
  const auto found = names_.find(site_name);
  return found == names_.end() ? nullptr : &sites_[found->second];
}

bool Sites::has_hostname(std::string_view site, std::string_view hostname) const {
  const auto found = hosts_.find(hostname);
  return found != hosts_.end() && found->second.kind == Host::Kind::site &&
         sites_[found->second.site].site->name == site;
}

void Sites::expire_returned(const Sites& before, Store& store) const {
  KeyBuilder keys;
  const std::string& shared = config_->network.content_hostname;
  const bool same_shared = iequals(shared, before.config_->network.content_hostname);
  for (const SiteView& view : sites_) {
    if (!view.known) continue;
    const model::Site& site = *view.site;
    Space& space = view.state->space;
    const SiteView* old = before.find(site.name);
    if (site.any_host && (old == nullptr || !old->site->any_host)) {
      store.purge(space, Purge::soft);
      continue;
    }
    const auto expire = [&](std::string_view host) {
      store.purge_prefix(space, keys.make({.site = site.name, .host = host, .path = "/"}), Purge::soft);
    };
    for (const model::Hostname& name : site.hostnames)
      if (!before.has_hostname(site.name, name.name)) expire(name.name);
    if (site.any_host)
      for (const auto& [name, host] : before.hosts_)  // those that were another's are its own again
        if (host.kind == Host::Kind::site && !hosts_.contains(name)) expire(name);
    const bool had_prefix = old != nullptr && !old->site->content_prefix.empty() && same_shared;
    if (!site.content_prefix.empty() && !shared.empty() && !had_prefix) expire(shared);
  }
}

std::shared_ptr<const View> make_view(std::shared_ptr<const routing::Snapshot> snapshot, const View* before,
                                      Registry& registry, uint32_t process) {
  auto view = std::make_shared<View>();
  const model::Config& config = *snapshot->config;
  if (before != nullptr && before->snapshot->config == snapshot->config) {
    view->sites = before->sites;
  } else {
    view->sites = std::make_shared<const Sites>(snapshot->config, registry);
    if (before != nullptr) view->sites->expire_returned(*before->sites, registry.store());
  }
  view->pseudonym = "popnet-" + config.node.pop;
  view->received_by = fmt::format("{}-{:08x}", view->pseudonym, process);
  view->snapshot = std::move(snapshot);
  return view;
}

}  // namespace popnet::http
