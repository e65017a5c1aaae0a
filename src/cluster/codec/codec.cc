#include "cluster/codec/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace popnet::cluster {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // only to write: looking up and inserting are linear in it

constexpr int version = 1;
constexpr double age_ms_max = std::chrono::duration<double, std::milli>(CodecLimits::age).count();
constexpr const char* kind_names[] = {"origin", "pop", "client"};

// ---- writing

std::string to_text(const OrderedJson& json) {
  // Words of a failure may quote a server's garbage: what is not UTF-8 is replaced.
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

double age_ms(TimePoint at, TimePoint now) {
  return std::clamp(std::floor(to_ms(now - at)), 0.0, age_ms_max);
}

double finite(double value) {
  return std::isfinite(value) ? value : 0;
}

/// The fields of who says something: `name`, and `pop` unless the POP is that of one node.
void write_node(const model::NodeId& node, const char* name, const char* pop, OrderedJson& json) {
  json[name] = node.name;
  if (node.pop != node.name) json[pop] = node.pop;
}

OrderedJson write_sample(const model::ProbeSample& sample, const model::NodeId& author, TimePoint now) {
  OrderedJson json = {{"kind", kind_names[static_cast<size_t>(sample.target.kind)]},
                      {"name", sample.target.name},
                      {"probe", sample.probe},
                      {"ok", sample.ok},
                      {"healthy", sample.healthy},
                      {"age_ms", age_ms(sample.at, now)},
                      {"max_age_ms", std::clamp(std::floor(to_ms(sample.max_age)), 0.0, age_ms_max)}};
  if (sample.prober != author) write_node(sample.prober, "prober", "prober_pop", json);
  if (!sample.affects_health) json["affects_health"] = false;
  for (const model::Reading& reading : sample.readings)
    if (std::isfinite(reading.value)) json["values"][model::to_string(reading.metric)] = reading.value;
  if (!sample.error.empty()) json["error"] = sample.error.substr(0, CodecLimits::error_bytes);
  return json;
}

OrderedJson write_targets(const std::vector<model::Shares::Target>& targets) {
  OrderedJson list = OrderedJson::array();
  for (const auto& target : targets) list.push_back(OrderedJson::array({target.name, finite(target.share)}));
  return list;
}

OrderedJson write_shares(const model::Shares& shares, TimePoint now) {
  OrderedJson json;
  write_node(shares.author, "author", "pop", json);
  json["generation"] = shares.generation;
  json["age_ms"] = age_ms(shares.at, now);
  json["origins"] = write_targets(shares.origins);
  json["pops"] = write_targets(shares.pops);
  return json;
}

// ---- reading

/// Keeps the first thing that is wrong with a message.
class Problem {
 public:
  void note(const std::string& where, const std::string& right) {
    if (!error_) error_ = Error{ErrorCode::peer, where + ": " + right};
  }
  [[nodiscard]] bool none() const { return !error_; }
  [[nodiscard]] const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

/// Reads the fields of one JSON object. After the first problem, in this object or any other of the message,
/// every call yields the empty value, so that a reader of a message runs straight down.
class Object {
 public:
  Object(const Json& json, std::string where, Problem& problem)
      : json_(json), where_(std::move(where)), problem_(problem) {
    if (!json_.is_object()) problem_.note(where_, "should be an object");
  }

  [[nodiscard]] bool has(const char* key) const { return find(key) != nullptr; }

  std::string text(const char* key, size_t bytes_max) {
    const Json* value = required(key);
    if (value == nullptr) return {};
    const auto* text = value->get_ptr<const std::string*>();
    if (text != nullptr && text->size() <= bytes_max) return *text;
    return wrong(key, fmt::format("should be a text of at most {} bytes", bytes_max)), "";
  }
  std::string text_or(const char* key, size_t bytes_max, const std::string& absent) {
    return has(key) ? text(key, bytes_max) : absent;
  }
  bool flag(const char* key) {
    const Json* value = required(key);
    if (value == nullptr) return false;
    if (value->is_boolean()) return value->get<bool>();
    return wrong(key, "should be true or false"), false;
  }
  bool flag_or(const char* key, bool absent) { return has(key) ? flag(key) : absent; }
  double number(const char* key, double max) {
    const Json* value = required(key);
    if (value == nullptr) return 0;
    return checked_number(*value, path(key), max);
  }
  uint64_t whole_number(const char* key) {
    const Json* value = required(key);
    if (value == nullptr) return 0;
    if (value->is_number_unsigned()) return value->get<uint64_t>();
    return wrong(key, "should be a whole number, not below 0"), 0;
  }
  Duration ms(const char* key) { return from_ms(number(key, age_ms_max)); }
  /// The elements of an optional list.
  const Json& list(const char* key, size_t count_max) {
    static const Json nothing = Json::array();
    const Json* value = find(key);
    if (value == nullptr) return nothing;
    if (value->is_array() && value->size() <= count_max) return *value;
    return wrong(key, fmt::format("should be a list of at most {} elements", count_max)), nothing;
  }
  /// An optional object.
  const Json& object(const char* key) {
    static const Json nothing = Json::object();
    const Json* value = find(key);
    if (value == nullptr) return nothing;
    if (value->is_object()) return *value;
    return wrong(key, "should be an object"), nothing;
  }

  double checked_number(const Json& value, const std::string& where, double max) {
    const double number = value.is_number() ? value.get<double>() : -1;
    if (number >= 0 && number <= max) return number;
    return problem_.note(where, fmt::format("should be a number from 0 to {}", max)), 0;
  }
  void wrong(const char* key, const std::string& right) { problem_.note(path(key), right); }
  [[nodiscard]] std::string path(const char* key) const { return where_ + "." + key; }
  [[nodiscard]] std::string path(const char* key, size_t index) const {
    return fmt::format("{}.{}[{}]", where_, key, index);
  }

 private:
  [[nodiscard]] const Json* find(const char* key) const {
    if (!problem_.none()) return nullptr;
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  const Json* required(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) wrong(key, "is missing");
    return value;
  }

  const Json& json_;
  const std::string where_;
  Problem& problem_;
};

model::NodeId read_node(Object& fields, const char* name, const char* pop) {
  const std::string node = fields.text(name, CodecLimits::name_bytes);
  return {node, fields.text_or(pop, CodecLimits::name_bytes, node)};
}

model::TargetId read_target(Object& fields) {
  const std::string kind = fields.text("kind", CodecLimits::name_bytes);
  const auto* known = std::find(std::begin(kind_names), std::end(kind_names), kind);
  if (known == std::end(kind_names)) {
    fields.wrong("kind", "should be origin, pop or client");
    return {};
  }
  return {static_cast<model::TargetId::Kind>(known - std::begin(kind_names)),
          fields.text("name", CodecLimits::name_bytes)};
}

std::vector<model::Reading> read_values(Object& fields) {
  std::vector<model::Reading> readings;
  for (const auto& [name, value] : fields.object("values").items()) {
    const auto metric = model::parse_metric(name);
    if (!metric) continue;  // of a newer node
    readings.push_back({*metric, fields.checked_number(value, fields.path("values") + "." + name,
                                                       std::numeric_limits<double>::max())});
  }
  return readings;
}

model::ProbeSample read_sample(Object fields, const model::NodeId& author, TimePoint now) {
  model::ProbeSample sample;
  sample.target = read_target(fields);
  sample.probe = fields.text("probe", CodecLimits::name_bytes);
  sample.prober = fields.has("prober") ? read_node(fields, "prober", "prober_pop") : author;
  sample.ok = fields.flag("ok");
  sample.healthy = fields.flag("healthy");
  sample.affects_health = fields.flag_or("affects_health", true);
  sample.at = now - fields.ms("age_ms");
  sample.max_age = fields.ms("max_age_ms");
  sample.readings = read_values(fields);
  // Replacing what was not UTF-8 may have made a cut text three times as long.
  sample.error = fields.text_or("error", 3 * CodecLimits::error_bytes, "");
  return sample;
}

std::vector<model::Shares::Target> read_targets(Object& fields, const char* key, Problem& problem) {
  std::vector<model::Shares::Target> targets;
  const Json& list = fields.list(key, CodecLimits::share_targets);
  targets.reserve(list.size());
  for (size_t i = 0; i < list.size() && problem.none(); ++i) {
    const Json& pair = list[i];
    const auto* name = pair.is_array() && pair.size() == 2 ? pair[0].get_ptr<const std::string*>() : nullptr;
    if (name == nullptr || name->size() > CodecLimits::name_bytes) {
      problem.note(fields.path(key, i), "should be [name, share]");
      break;
    }
    targets.push_back({*name, fields.checked_number(pair[1], fields.path(key, i), 1)});
  }
  return targets;
}

model::Shares read_shares(Object fields, Problem& problem, TimePoint now) {
  model::Shares shares;
  shares.author = read_node(fields, "author", "pop");
  shares.generation = fields.whole_number("generation");
  shares.at = now - fields.ms("age_ms");
  shares.origins = read_targets(fields, "origins", problem);
  shares.pops = read_targets(fields, "pops", problem);
  return shares;
}

IpAddress read_address(const Json& json, const std::string& where, Problem& problem) {
  const auto* text = json.get_ptr<const std::string*>();
  if (text != nullptr)
    if (const auto address = IpAddress::parse(*text)) return *address;
  return problem.note(where, "should be an IP address"), IpAddress();
}

std::string read_text(const Json& json, size_t bytes_max, const std::string& where, Problem& problem) {
  const auto* text = json.get_ptr<const std::string*>();
  if (text != nullptr && text->size() <= bytes_max) return *text;
  return problem.note(where, fmt::format("should be a text of at most {} bytes", bytes_max)), "";
}

/// The message as JSON; a text that is not JSON at all is a Problem.
Json parse(std::string_view text, const char* what, Problem& problem) {
  if (text.size() > CodecLimits::message_bytes) {
    problem.note(what, fmt::format("should be at most {} bytes long", CodecLimits::message_bytes));
    return Json::object();
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    problem.note(what, "is not JSON");
    return Json::object();
  }
  if (Object(json, what, problem).whole_number("v") != version)
    problem.note(what, fmt::format("is of a version that this node does not know (it knows {})", version));
  return json;
}

}  // namespace

std::string encode_report(const Report& report, TimePoint now) {
  OrderedJson json = {{"v", version}};
  write_node(report.author, "author", "pop", json);
  if (report.run != 0) json["run"] = report.run;
  for (const auto& sample : report.samples)
    json["samples"].push_back(write_sample(sample, report.author, now));
  for (const IpAddress& resolver : report.resolvers) json["resolvers"].push_back(resolver.to_string());
  for (const model::Shares& shares : report.shares) json["shares"].push_back(write_shares(shares, now));
  return to_text(json);
}

Result<Report> decode_report(std::string_view text, TimePoint now) {
  Problem problem;
  const Json json = parse(text, "report", problem);
  Object fields(json, "report", problem);
  Report report;
  report.author = read_node(fields, "author", "pop");
  if (fields.has("run")) report.run = fields.whole_number("run");
  const Json& samples = fields.list("samples", CodecLimits::samples);
  for (size_t i = 0; i < samples.size() && problem.none(); ++i)
    report.samples.push_back(
        read_sample(Object(samples[i], fields.path("samples", i), problem), report.author, now));
  const Json& resolvers = fields.list("resolvers", CodecLimits::resolvers);
  for (size_t i = 0; i < resolvers.size() && problem.none(); ++i)
    report.resolvers.push_back(read_address(resolvers[i], fields.path("resolvers", i), problem));
  const Json& shares = fields.list("shares", CodecLimits::shares);
  for (size_t i = 0; i < shares.size() && problem.none(); ++i)
    report.shares.push_back(read_shares(Object(shares[i], fields.path("shares", i), problem), problem, now));
  if (!problem.none()) return problem.error();
  return report;
}

namespace {

constexpr const char* scope_names[] = {"url", "prefix", "tags", "site"};  // by PurgeOrder::Scope

PurgeOrder::Scope read_scope(Object& fields) {
  const std::string scope = fields.text("scope", CodecLimits::name_bytes);
  const auto found = std::find(std::begin(scope_names), std::end(scope_names), scope);
  if (found != std::end(scope_names)) return static_cast<PurgeOrder::Scope>(found - std::begin(scope_names));
  fields.wrong("scope", "should be url, prefix, tags or site");
  return PurgeOrder::Scope::url;
}

}  // namespace

std::string encode_purge(const PurgeOrder& order) {
  OrderedJson json = {
      {"v", version}, {"id", order.id}, {"scope", scope_names[static_cast<size_t>(order.scope)]}};
  if (!order.url.empty()) json["url"] = order.url;
  if (!order.site.empty()) json["site"] = order.site;
  for (const std::string& tag : order.tags) json["tags"].push_back(tag);
  if (order.soft) json["soft"] = true;
  return to_text(json);
}

Result<PurgeOrder> decode_purge(std::string_view text) {
  Problem problem;
  const Json json = parse(text, "purge", problem);
  Object fields(json, "purge", problem);
  PurgeOrder order;
  order.id = fields.whole_number("id");
  order.scope = read_scope(fields);
  order.url = fields.text_or("url", CodecLimits::url_bytes, "");
  order.site = fields.text_or("site", CodecLimits::name_bytes, "");
  order.soft = fields.flag_or("soft", false);
  const Json& tags = fields.list("tags", PurgeOrder::tags_max);
  for (size_t i = 0; i < tags.size() && problem.none(); ++i)
    order.tags.push_back(read_text(tags[i], PurgeOrder::tag_bytes_max, fields.path("tags", i), problem));
  const bool by_url = order.scope == PurgeOrder::Scope::url || order.scope == PurgeOrder::Scope::prefix;
  if (by_url && order.url.empty()) fields.wrong("url", "is missing");
  if (!by_url && order.site.empty()) fields.wrong("site", "is missing");
  if (order.scope == PurgeOrder::Scope::tags && order.tags.empty()) fields.wrong("tags", "is missing");
  if (!problem.none()) return problem.error();
  return order;
}

}  // namespace popnet::cluster
