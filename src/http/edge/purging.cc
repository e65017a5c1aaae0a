#include "http/edge/purging.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "common/utf8.h"
#include "http/edge/slices.h"
#include "http/policy/key.h"
#include "http/policy/tags.h"

namespace popnet::http {

namespace {

struct Place {
  Space* space = nullptr;
  KeyParts parts;       // without port; borrows from the order
  bool slices = false;  // the site has objects in slices
};

bool has_slices(const model::Site& site) {
  return site.cache.slice > 0 ||
         std::any_of(site.rules.begin(), site.rules.end(),
                     [](const model::Rule& rule) { return rule.slice.value_or(0) > 0; });
}

Result<Place> find_place(const model::PurgeOrder& order, const Sites& sites) {
  const std::string_view url = order.url;
  HttpUrl parsed;
  if (!parse_http_url(url.substr(0, url.find('#')), parsed))
    return Error{ErrorCode::invalid, fmt::format("\"{}\" is no absolute http:// or https:// URL", url)};
  const Route route = sites.route(parsed.host, parsed.path);
  const bool wrong_site =
      route.to == Route::To::site && !order.site.empty() && route.site->site->name != order.site;
  if (route.to != Route::To::site || wrong_site)
    return Error{ErrorCode::not_found,
                 fmt::format("no site{}{} answers for {}", order.site.empty() ? "" : " ", order.site, url)};
  parsed.path = route.path;
  parsed.https = false;  // all that is stored was asked for in the clear
  const model::Site& site = *route.site->site;
  return Place{&route.site->state->space, key_parts(site.name, parsed, site.cache.ignore_query),
               has_slices(site)};
}

/// What has that URL, under any port.
void purge_url(Place& place, Store& store, std::span<const uint16_t> ports, Purge how) {
  KeyBuilder keys;
  const auto purge = [&] { store.purge(store.key(*place.space, keys.make(place.parts)), how); };
  purge();
  for (const uint16_t port : ports) {
    place.parts.port = port;
    purge();
  }
}

bool asks_softly(const Fields& fields) {
  for (const Field& field : fields)
    if (iequals(field.name, "Soft-Purge")) return field.value == "1";
  return false;
}

}  // namespace

Status carry_out(const model::PurgeOrder& order, const Sites& sites, Store& store,
                 std::span<const uint16_t> ports) {
  using Scope = model::PurgeOrder::Scope;
  const Purge how = order.soft ? Purge::soft : Purge::hard;
  if (order.scope == Scope::url || order.scope == Scope::prefix) {
    auto place = find_place(order, sites);
    if (!place) return place.error();
    KeyBuilder keys;
    const std::string_view key = keys.make(place->parts);
    if (key.empty()) return Error{ErrorCode::invalid, "the URL is too long"};
    if (order.scope == Scope::prefix)
      store.purge_prefix(*place->space, key, how);
    else
      purge_url(*place, store, ports, how);
    // Without their head they are not found any more; this frees their memory.
    if (order.scope == Scope::url && !order.soft && place->slices)
      store.purge_prefix(*place->space, slice_key_prefix(key), how);
    return {};
  }
  const SiteView* site = sites.find(order.site);
  if (site == nullptr) return Error{ErrorCode::not_found, fmt::format("there is no site {}", order.site)};
  Space& space = site->state->space;
  if (order.scope == Scope::site) {
    store.purge(space, how);
    return {};
  }
  if (order.tags.empty()) return Error{ErrorCode::invalid, "the order names no tags"};
  std::vector<uint64_t> tags;
  for (const std::string& tag : order.tags) tags.push_back(space.tag(tag));
  store.purge_tags(space, tags, how);
  return {};
}

Result<model::PurgeOrder> read_purge(const RequestHead& request, const model::Site& site) {
  model::PurgeOrder order;
  order.site = site.name;
  order.soft = asks_softly(request.fields);
  if (has_tags(request.fields)) {
    order.scope = model::PurgeOrder::Scope::tags;
    std::vector<std::string_view> tags;
    const bool fits = read_tags(request.fields, tags) && tags.size() <= model::PurgeOrder::tags_max;
    // Orders travel to the other nodes as JSON.
    const bool all_told = std::ranges::all_of(tags, [](std::string_view tag) {
      return tag.size() <= model::PurgeOrder::tag_bytes_max && is_utf8(tag);
    });
    for (const std::string_view tag : tags) order.tags.emplace_back(tag);
    if (!fits || tags.empty() || !all_told)
      return Error{ErrorCode::invalid,
                   fmt::format("a purge should name from 1 to {} tags, in UTF-8, of at most {} bytes",
                               model::PurgeOrder::tags_max, model::PurgeOrder::tag_bytes_max)};
    return order;
  }
  const Target& target = request.target;
  std::string_view rest = target.has_query ? target.query : target.path;
  if (rest.ends_with('*')) {
    order.scope = model::PurgeOrder::Scope::prefix;
    rest.remove_suffix(1);
  }
  const std::string_view path = target.has_query ? target.path : rest;
  order.url = fmt::format("http://{}{}", request.host, path);
  if (target.has_query) order.url.append("?").append(rest);
  return order;
}

}  // namespace popnet::http
