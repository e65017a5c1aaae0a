#include "control/api/api.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/text.h"
#include "control/api/explanation.h"
#include "control/api/metrics_page.h"
#include "control/api/status.h"
#include "http/wire/head.h"
#include "routing/names.h"

namespace popnet::control {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t url_bytes_max = 8192;

HttpResponse text(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

HttpResponse json(int status, std::string body) {
  return {.status = status, .body = std::move(body), .content_type = "application/json"};
}

HttpResponse json(int status, const Json& body) {
  return json(status, body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

HttpResponse refuse(int status, const std::string& why) {
  return json(status, Json{{"error", why}});
}

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
    case ErrorCode::usage:
      return 400;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 412;  // RFC 9110 section 15.5.13
    case ErrorCode::unavailable:
      return 503;
    case ErrorCode::timeout:
      return 504;
    case ErrorCode::peer:
      return 502;
    case ErrorCode::machine:
      return 500;
  }
  return 500;
}

HttpResponse refuse(const Error& error) {
  return refuse(http_status(error.code), error.message);
}

HttpResponse answer(const ConfigOutcome& outcome) {
  if (outcome.status.ok()) {
    Json body{{"on_bus", outcome.on_bus}, {"problems", outcome.problems}};
    if (outcome.revision > 0) body["revision"] = outcome.revision;
    return json(200, body);
  }
  const Error& error = outcome.status.error();
  return json(http_status(error.code), Json{{"error", error.message}, {"problems", outcome.problems}});
}

bool is_address_or_localhost(std::string_view host) {
  if (iequals(host, "localhost")) return true;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return IpAddress::parse(host).ok();
}

/// No page at all, or one that this server has given.
bool comes_from_here(const HttpRequest& request) {
  if (request.origin.empty()) return true;
  return request.origin == "http://" + request.host + (request.port.empty() ? "" : ":" + request.port);
}

/// Which config a PUT is to replace, as its conditions say (RFC 9110 sections 13.1.1 and 13.1.2): that of
/// If-Match, none yet (0) with If-None-Match: *, any without a condition.
Result<std::optional<uint64_t>> replaced_revision(const HttpRequest& request) {
  using Replaced = std::optional<uint64_t>;
  if (request.if_none_match == "*" && request.if_match.empty()) return Replaced(0);
  if (request.if_none_match.empty() && (request.if_match.empty() || request.if_match == "*"))
    return Replaced();
  const std::string_view tag = request.if_match;
  uint64_t revision = 0;
  if (request.if_none_match.empty() && tag.size() > 2 && tag.front() == '"' && tag.back() == '"') {
    const auto [end, error] = std::from_chars(tag.data() + 1, tag.data() + tag.size() - 1, revision);
    if (error == std::errc() && end == tag.data() + tag.size() - 1) return Replaced(revision);
  }
  return Error{
      ErrorCode::invalid,
      "If-Match should be the ETag that GET /v1/config has given, such as \"7\"; or If-None-Match: * for "
      "a first config"};
}

bool read_tags(const nlohmann::json& list, std::vector<std::string>& tags) {
  if (!list.is_array() || list.empty() || list.size() > cluster::PurgeOrder::tags_max) return false;
  for (const auto& tag : list) {
    if (!tag.is_string()) return false;
    tags.push_back(tag.get<std::string>());
    if (tags.back().empty() || tags.back().size() > cluster::PurgeOrder::tag_bytes_max) return false;
  }
  return true;
}

/// What POST /v1/purge says.
Result<cluster::PurgeOrder> read_order(const std::string& body) {
  const auto parsed = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  const Error wrong{
      ErrorCode::invalid,
      fmt::format(
          R"(the body should be {{"url":"http://host/path"}}, {{"prefix":"http://host/folder/"}}, )"
          R"({{"site":"name"}}, or {{"site":"name","tags":["a","b"]}} with up to {} tags of at most {} )"
          R"(bytes; with "soft":true or not)",
          cluster::PurgeOrder::tags_max, cluster::PurgeOrder::tag_bytes_max)};
  if (!parsed.is_object()) return wrong;
  cluster::PurgeOrder order;
  for (const auto& [key, value] : parsed.items()) {
    if (key == "tags" && read_tags(value, order.tags)) continue;
    if (key == "soft" && value.is_boolean())
      order.soft = value.get<bool>();
    else if ((key == "url" || key == "prefix") && value.is_string() && order.url.empty())
      order.url = http::escape_url(value.get<std::string>());
    else if (key == "site" && value.is_string())
      order.site = value.get<std::string>();
    else
      return wrong;
  }
  using Scope = cluster::PurgeOrder::Scope;
  const bool by_tags = parsed.contains("tags"), by_prefix = parsed.contains("prefix");
  if (order.url.empty() ? order.site.empty() || by_prefix : by_tags) return wrong;
  if (order.url.empty())
    order.scope = by_tags ? Scope::tags : Scope::site;
  else
    order.scope = by_prefix ? Scope::prefix : Scope::url;
  return order;
}

/// Whose the URL is at the edge: see the head of http/edge/view.h. Null: nobody's.
const model::Site* site_of(const http::HttpUrl& url, const model::Config& config) {
  const routing::NameIndex names(config);
  const routing::NamedHost* host = names.find(url.host);
  if (host != nullptr && host->kind == routing::NamedHost::Kind::site) return &config.sites[host->site];
  const bool shared = host != nullptr && host->kind == routing::NamedHost::Kind::content;
  const std::string_view prefix = url.path.substr(1, url.path.find('/', 1) - 1);
  const model::Site* any = nullptr;
  for (const model::Site& site : config.sites) {
    if (shared && !prefix.empty() && site.content_prefix == prefix) return &site;
    if (site.any_host) any = &site;
  }
  return shared ? nullptr : any;
}

Status check_order(const cluster::PurgeOrder& order, const model::Config& config) {
  http::HttpUrl url;
  if (!order.url.empty() && (order.url.size() > url_bytes_max || !http::parse_http_url(order.url, url)))
    return Error{ErrorCode::invalid,
                 fmt::format("url: should be http://host/path, of at most {} bytes", url_bytes_max)};
  if (!order.site.empty() && routing::find_site(config, order.site) == nullptr)
    return Error{ErrorCode::not_found, fmt::format("site: there is no site '{}'", order.site)};
  if (order.url.empty()) return {};
  const model::Site* site = site_of(url, config);
  if (site == nullptr)
    return Error{ErrorCode::not_found,
                 fmt::format("url: no site serves {}: its host should be one of a site's "
                             "hostnames, or its first folder a site's content_prefix",
                             order.url)};
  if (!order.site.empty() && site->name != order.site)
    return Error{ErrorCode::not_found,
                 fmt::format("url: {} is served by site '{}', not '{}'", order.url, site->name, order.site)};
  return {};
}

}  // namespace

struct Api::Route {
  enum class Access { open, read, write };  // see the head of api.h
  const char* method;
  const char* path;
  Access access;
  const char* what;
  HttpResponse (Api::*answer)(const HttpRequest&, TimePoint) const;

  [[nodiscard]] bool fits(const HttpRequest& request) const {
    return request.method == method || (request.method == "HEAD" && std::string_view(method) == "GET");
  }
};

const Api::Route Api::routes[] = {
    {"GET", "/healthz", Route::Access::open, "200 while the process runs", &Api::health},
    {"GET", "/readyz", Route::Access::open, "200, or 503 and what is missing", &Api::readiness},
    {"GET", "/metrics", Route::Access::open, "for Prometheus", &Api::metrics},
    {"GET", "/v1/status", Route::Access::read, "what the node knows and does", &Api::status},
    {"GET", "/v1/explain", Route::Access::read,
     "?name=…&client=…[&type=A|AAAA]: why a client gets what it gets", &Api::explain},
    {"GET", "/v1/config", Route::Access::read, "the config in use, as YAML", &Api::show_config},
    {"PUT", "/v1/config", Route::Access::write, "a new config, as YAML", &Api::put_config},
    {"POST", "/v1/reload", Route::Access::write, "reads the config file again", &Api::reload},
    {"POST", "/v1/purge", Route::Access::write,
     R"({"url":…}, {"prefix":…}, {"site":…} or {"site":…,"tags":[…]}; "soft")", &Api::purge},
    {"GET", "/", Route::Access::open, "this list", &Api::list},
};

bool Api::is_slow(const HttpRequest& request) {
  return request.method != "GET" && request.method != "HEAD";
}

HttpResponse Api::answer(const HttpRequest& request, TimePoint now) const {
  std::string allowed;
  for (const Route& route : routes) {
    if (request.path != route.path) continue;
    if (!route.fits(request)) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    if (route.access != Route::Access::open && !is_address_or_localhost(request.host))
      return refuse(403, "ask by IP address or localhost: a name could be another's (DNS rebinding)");
    if (route.access == Route::Access::write && !comes_from_here(request))
      return refuse(403, "a page of " + request.origin + " may not change anything here");
    HttpResponse response = (this->*route.answer)(request, now);
    response.fields.emplace_back("Cache-Control", "no-store");
    response.fields.emplace_back("X-Content-Type-Options", "nosniff");
    return response;
  }
  if (allowed.empty()) return refuse(404, "nothing is at " + request.path + "; GET / lists what is");
  HttpResponse response = refuse(405, request.path + " takes " + allowed + " only");
  response.fields.emplace_back("Allow", allowed);
  return response;
}

HttpResponse Api::health(const HttpRequest&, TimePoint) const {
  return text(200, "ok\n");
}

HttpResponse Api::readiness(const HttpRequest&, TimePoint) const {
  const Status ready = hooks_.ready(*hooks_.snapshot());
  return ready.ok() ? text(200, "ready\n") : text(503, ready.error().message + "\n");
}

HttpResponse Api::metrics(const HttpRequest&, TimePoint now) const {
  const auto snapshot = hooks_.snapshot();
  const auto gauge = [](const char* name, const char* help, double value) {
    return CounterValue{name, help, CounterValue::Kind::gauge, {}, value};
  };
  std::vector<CounterValue> values = {
      gauge("popnet_uptime_seconds", "Time since this node started", to_seconds(now - started_)),
      gauge("popnet_ready", "1 when the node serves", hooks_.ready(*snapshot).ok() ? 1 : 0),
      gauge("popnet_bus_connected", "1 while the node hears the others", hooks_.bus().connected ? 1 : 0),
      {"popnet_build_info", "Always 1", CounterValue::Kind::gauge, {{"version", POPNET_VERSION}}, 1},
  };
  const auto add = [&](std::vector<CounterValue> more) {
    values.insert(values.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  add(snapshot_values(*snapshot, hooks_.answers(*snapshot->config), now));
  add(hooks_.counters());
  return {.body = format_metrics(values), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

HttpResponse Api::status(const HttpRequest&, TimePoint now) const {
  const auto snapshot = hooks_.snapshot();
  const StatusInput input{.snapshot = *snapshot,
                          .answers = hooks_.answers(*snapshot->config),
                          .counters = hooks_.counters(),
                          .ready = hooks_.ready(*snapshot),
                          .bus = hooks_.bus(),
                          .uptime = now - started_};
  return json(200, format_status(input, now));
}

HttpResponse Api::explain(const HttpRequest& request, TimePoint now) const {
  const std::string name = request.parameter("name");
  const std::string client = request.parameter("client");
  if (name.empty() || client.empty())
    return refuse(
        400, "needs ?name=HOSTNAME&client=ADDRESS, for example ?name=www.example.com&client=198.51.100.7");
  const auto network = Prefix::parse(client);
  if (!network) return refuse(400, "client: " + network.error().message);
  const std::string type = request.parameter("type");
  if (!type.empty() && type != "A" && type != "AAAA")
    return refuse(400, "type: '" + type + "' has no addresses, write A or AAAA");
  const routing::Families asked = type.empty()  ? routing::family_any
                                  : type == "A" ? routing::family_v4
                                                : routing::family_v6;
  const auto snapshot = hooks_.snapshot();
  const auto explanation =
      routing::explain(*snapshot, routing::NameIndex(*snapshot->config), name, *network, now, asked);
  if (!explanation) return refuse(explanation.error());
  return json(200, format_explanation(*explanation));
}

HttpResponse Api::show_config(const HttpRequest&, TimePoint) const {
  const auto snapshot = hooks_.snapshot();
  HttpResponse response{.body = snapshot->config->source, .content_type = "application/yaml"};
  if (snapshot->config->revision > 0)
    response.fields.emplace_back("ETag", fmt::format("\"{}\"", snapshot->config->revision));
  return response;
}

HttpResponse Api::put_config(const HttpRequest& request, TimePoint) const {
  if (trim(request.body).empty()) return refuse(400, "the body should be a config as YAML; it is empty");
  if (!hooks_.bus().holds_config)
    return refuse(
        409,
        "this node's config is its file: change that and reload (SIGHUP, or POST /v1/reload); a node "
        "takes a config here when it has started with a bus of kind nats and bus.follow_config");
  const auto replaces = replaced_revision(request);
  if (!replaces) return refuse(replaces.error());
  return control::answer(hooks_.put_config(request.body, *replaces));
}

HttpResponse Api::reload(const HttpRequest&, TimePoint) const {
  return control::answer(hooks_.reload());
}

HttpResponse Api::purge(const HttpRequest& request, TimePoint) const {
  const auto order = read_order(request.body);
  if (!order) return refuse(order.error());
  if (const Status fine = check_order(*order, *hooks_.snapshot()->config); !fine.ok())
    return refuse(fine.error());
  if (const Status sent = hooks_.purge(*order); !sent.ok()) return refuse(sent.error());
  return json(200, Json{{"purged", to_string(*order)}, {"soft", order->soft}});
}

HttpResponse Api::list(const HttpRequest&, TimePoint) const {
  std::string page = fmt::format("popnet {}\n\n", POPNET_VERSION);
  for (const Route& route : routes)
    page += fmt::format("{:<5}{:<14}{}\n", route.method, route.path, route.what);
  return text(200, page);
}

}  // namespace popnet::control
