// A request and a response, whatever they say, through all of the policy: what it decides must hang together.
// Input: the request, a NUL, the response.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "http/policy/cache_status.h"
#include "http/policy/conditional.h"
#include "http/policy/freshness.h"
#include "http/policy/invalidation.h"
#include "http/policy/key.h"
#include "http/policy/path_reading.h"
#include "http/policy/ranges.h"
#include "http/policy/storing.h"
#include "http/policy/vary.h"

using namespace popnet;
using namespace popnet::http;
using namespace std::chrono_literals;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

const WallTime wall = WallTime(1'750'000'000s);
const TimePoint arrival = TimePoint(1000s);

void check_freshness(const RequestHead& request, const ResponseHead& response) {
  const ResponseDirectives directives = read_response_directives(response.fields);
  const RequestDirectives asked = read_request_directives(request.fields);
  const Exchange exchange{arrival - 1s, arrival, wall};
  const StoredPolicy stored = assess(response.status, response.fields, directives, exchange, {});
  require(stored.initial_age >= 1s && stored.lifetime >= 0s);
  for (const Duration later : {0ns, Duration(1h), Duration(24h * 365 * 70)}) {
    const Verdict verdict = may_serve(stored, asked, arrival + later);
    require(verdict.age >= later);
    const bool serves = verdict.use == Use::serve || verdict.use == Use::serve_and_refresh;
    require(!serves || stored.fresh(arrival + later) || !stored.never_stale);
    require(!serves || !stored.no_cache);
    require(verdict.use != Use::refuse || asked.only_if_cached);
  }
  const StoreDecision decision = may_store(request, asked, response, directives, {});
  require(!decision.store() || request.method == Method::get || request.method == Method::head ||
          request.method == Method::post);
  require(!decision.store() || !directives.no_store || directives.must_understand);
  require(!decision.store() || read_vary(response.fields).kind != VaryKind::star);
}

void check_keys(RequestHead request, const ResponseHead& response) {
  request.own_port = own_port(request, 8080);
  KeyBuilder builder, other;
  const std::string_view key = builder.make(key_parts("site", request, false));
  require(key.starts_with("site"));
  require(key.size() > 4 && key[4] == '\0');
  const size_t port = key.find('\0', 5);
  require(port == key.npos ? request.own_port == 0 : key.substr(port + 1) == "8080");
  require(other.make(key_parts("site", request, false)) == key);
  Invalidation plan;
  plan_invalidation("site", request, response, false, plan);
  for (size_t i = 0; i < plan.count; ++i) require(!other.make(plan.keys[i]).empty());

  std::vector<char> room(70000), again(70000);
  const Vary vary = read_vary(response.fields);
  const SecondaryKey a = make_secondary_key(vary.names, request.fields, room);
  const SecondaryKey b = make_secondary_key(vary.names, request.fields, again);
  require(a.ok == b.ok && a.text == b.text);
}

void check_path(std::string_view path) {
  const PathReadings readings(path);
  if (readings.refused()) return;
  for (const std::string_view reading : {readings.usual(), readings.bare()}) {
    require(!reading.empty() || !path.empty());
    require(reading.size() <= std::max<size_t>(path.size(), 1));
    require(reading.find("//") == reading.npos && reading.find('\\') == reading.npos);
    require(reading.find("/../") == reading.npos && !reading.ends_with("/.."));
  }
  require(readings.usual() == (path.empty() ? "/" : usual_reading(path)));
  require(!readings.plain() || path.empty() || readings.usual() == path);
}

void check_conditions(const RequestHead& request, const ResponseHead& response) {
  const Validators validators = read_validators(response.fields, wall);
  (void)is_not_modified(request, validators, wall);
  Fields validation, merged;
  require(add_validation(validators, validation) == (validation.size() > 0));
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, UINT64_MAX}) {
    const RangePlan plan = plan_range(request, validators, size, wall);
    require(plan.kind != RangePlan::Kind::part ||
            (plan.range.first <= plan.range.last && plan.range.last < size));
    std::vector<char> room(content_range_max);
    require(!format_content_range(plan, size, room).empty());
  }
  if (merge_update(response.fields, response.fields, merged))
    require(merged.size() <= response.fields.size());
  require(confirms(response.fields, response.fields, wall));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<char> bytes(data, data + size);
  const auto nul = std::find(bytes.begin(), bytes.end(), '\0');
  if (nul == bytes.end()) return 0;
  const std::vector<char> asked(bytes.begin(), nul), answered(nul + 1, bytes.end());
  RequestHead request;
  ResponseHead response;
  if (!parse_request({asked.data(), asked.size()}, Limits{}, request).complete()) return 0;
  if (!parse_response({answered.data(), answered.size()}, Limits{}, response).complete()) return 0;
  check_freshness(request, response);
  check_keys(request, response);
  check_path(request.target.path);
  check_conditions(request, response);
  const HopByHop hop(response.fields);
  std::vector<char> room(100);
  require(!make_via(response.fields, 1, "popnet", room).empty());
  for (const Field& field : response.fields)
    if (is_stored(field, hop, read_response_directives(response.fields))) require(!hop.has(field));
  return 0;
}
