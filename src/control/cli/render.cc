#include "control/cli/render.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "control/cli/columns.h"
#include "control/cli/fields.h"

namespace popnet::control {

namespace {

using Align = Columns::Align;

std::string whole(std::optional<double> number) {
  return number ? fmt::format("{:.0f}", *number) : "-";
}

/// "up 2.0 s", "down 340 ms", "unknown".
std::string health_of(const Fields& target) {
  const std::string health = target.text("health");
  const auto age = target.number("health_age_ms");
  if (health.empty()) return "-";
  return age ? health + " " + show_age(age) : health;
}

/// The first, and how many more.
std::string address_of(const std::vector<std::string>& addresses) {
  if (addresses.empty()) return "-";
  return addresses.size() == 1 ? addresses[0] : fmt::format("{} +{}", addresses[0], addresses.size() - 1);
}

/// "http 12.0 ms" without "_ms": the unit says it.
std::string metric_label(const std::string& metric) {
  return metric.ends_with("_ms") ? metric.substr(0, metric.size() - 3) : metric;
}

/// "http 12.0 ms (340 ms), cpu 42 % (1.2 s)": values and their ages
std::string metrics_of(const Fields& target) {
  std::string line;
  for (const auto& [metric, value] : target.object("metrics").objects()) {
    if (!line.empty()) line += ", ";
    line +=
        unbroken(fmt::format("{} {} ({})", metric_label(metric), show_value(metric, value.number("value")),
                             show_age(value.number("age_ms"))));
  }
  return line.empty() ? "-" : line;
}

/// Under a table: the newest failure of each target that has one.
void add_failure(const std::string& name, const Fields& target, std::string& failures) {
  if (const std::string error = target.text("error"); !error.empty())
    failures += fmt::format("  {}: {}\n", name, error);
}

// ---- status

std::string status_head(const Fields& status) {
  const Fields generations = status.object("generations");
  const Fields bus = status.object("bus");
  const std::string not_ready = status.text("not_ready");
  const auto uptime_s = status.number("uptime_s");
  const std::string uptime = uptime_s ? show_age(*uptime_s * 1000) : "-";
  std::string head = fmt::format("popnet {} at {}, up {}, {}\n", status.text("version"), status.text("pop"),
                                 uptime, not_ready.empty() ? "ready" : "not ready: " + not_ready);
  head += fmt::format("config {}, metrics {}, map {} (made {} ago)\n", whole(generations.number("config")),
                      whole(generations.number("metrics")), whole(generations.number("map")),
                      show_age(status.number("snapshot_age_ms")));
  const std::string author = status.text("shares_author");
  head += fmt::format("bus {} ({}), shares by {}, {} client networks known\n", bus.text("kind"),
                      bus.flag("connected") ? "connected" : "not connected",
                      author.empty() ? "nobody yet" : author, whole(status.number("client_networks")));
  return head;
}

double sum_of(const std::vector<Fields>& counters, const std::string& name,
              const std::vector<std::string>& outcomes = {}) {
  double sum = 0;
  for (const Fields& counter : counters) {
    if (counter.text("name") != name) continue;
    const std::string outcome = counter.object("labels").text("outcome");
    if (outcomes.empty() || std::find(outcomes.begin(), outcomes.end(), outcome) != outcomes.end())
      sum += counter.number("value").value_or(0);
  }
  return sum;
}

std::string traffic_of(const Fields& status) {
  const auto counters = status.list("counters");
  const char* requests = "popnet_http_requests_total";
  const double hits = sum_of(counters, requests, {"hit", "stale"});
  const double cacheable = hits + sum_of(counters, requests, {"revalidated", "miss", "collapsed"});
  const std::string hit_ratio = cacheable > 0 ? fmt::format(", {} of those for stored content were hits",
                                                            show_percent(hits / cacheable))
                                              : "";
  return fmt::format("since it started: {} DNS queries, {} HTTP requests{}\n",
                     show_count(sum_of(counters, "popnet_dns_queries_total")),
                     show_count(sum_of(counters, requests)), hit_ratio);
}

std::string pops_table(const Fields& status) {
  Columns table({{"POP"},
                 {"ADDRESS"},
                 {"HEALTH"},
                 {"LOAD", Align::right},
                 {"ACCEPTS", Align::right},
                 {"ANSWERS", Align::right},
                 {"MEASURED"}});
  std::string failures;
  for (const Fields& pop : status.list("pops")) {
    const std::string name = pop.text("name") + (pop.flag("here") ? " (here)" : "");
    table.row({name, address_of(pop.texts("addresses")), health_of(pop), show_load(pop.number("load")),
               show_percent(pop.number("accept")), show_percent(pop.number("answer_share")),
               metrics_of(pop)});
    const auto nodes = pop.texts("nodes");
    if (nodes.size() > 1)
      failures += fmt::format("  {}: nodes {}\n", pop.text("name"), fmt::join(nodes, ", "));
    add_failure(pop.text("name"), pop, failures);
  }
  return table.text() + failures;
}

std::string origins_table(const Fields& status) {
  Columns table({{"SITE"},
                 {"ORIGIN"},
                 {"ADDRESS"},
                 {"HEALTH"},
                 {"LOAD", Align::right},
                 {"SHARE", Align::right},
                 {"ANSWERS", Align::right},
                 {"MEASURED"}});
  std::string failures;
  for (const Fields& site : status.list("sites")) {
    std::string site_name = site.text("name");
    for (const Fields& origin : site.list("origins")) {
      table.row({site_name, origin.text("name"), origin.text("address"), health_of(origin),
                 show_load(origin.number("load")), show_percent(origin.number("share")),
                 show_percent(origin.number("answer_share")), metrics_of(origin)});
      add_failure(site.text("name") + "/" + origin.text("name"), origin, failures);
      site_name.clear();  // said once
    }
  }
  return table.text() + failures;
}

// ---- explanation

std::string decision_line(const Fields& page) {
  const Fields decision = page.object("decision");
  const auto targets = decision.texts("targets");
  const double scope = decision.number("scope").value_or(0);
  std::string line =
      fmt::format("TTL {} s, holds for {}, selection {}", whole(decision.number("ttl_s")),
                  scope > 0 ? fmt::format("the whole /{:.0f}", scope) : "everybody", page.text("select"));
  if (targets.size() > 1)
    line += fmt::format(", also in the answer: {}", fmt::join(targets.begin() + 1, targets.end(), ", "));
  if (const std::string place = page.text("place"); !place.empty()) line += ", client in " + place;
  if (decision.flag("degraded")) line += ", short TTL while a target is down";
  const Fields generations = page.object("generations");
  const std::string author = page.text("shares_author");
  return fmt::format("{}\nfrom map {} (made {} ago), config {}, shares by {}\n", line,
                     whole(generations.number("map")), show_age(page.number("map_age_ms")),
                     whole(generations.number("config")), author.empty() ? "nobody yet" : author);
}

/// "12.0 ms measured (34 s)", "19.0 ms configured"
std::string latency_of(const Fields& candidate) {
  const Fields latency = candidate.object("latency");
  if (!latency) return "-";
  const auto age_ms = latency.number("age_ms");
  return fmt::format("{} {}{}", show_value("latency_ms", latency.number("ms")), latency.text("source"),
                     age_ms ? fmt::format(" ({})", show_age(age_ms)) : "");
}

/// Empty for hostnames without a chain.
std::string rules_table(const Fields& page) {
  Columns table({{"RULE"}, {"WHY"}});
  for (const Fields& rule : page.list("rules")) table.row({rule.text("name"), rule.text("why")});
  return table.text();
}

std::string candidates_table(const Fields& page, bool pops) {
  std::vector<Columns::Column> columns = {
      {pops ? "POP" : "ORIGIN"}, {"ADDRESS"}, {"HEALTH"}, {"LOAD", Align::right}};
  if (pops) columns.push_back({"LATENCY"});
  columns.push_back({pops ? "ACCEPTS" : "SHARE", Align::right});
  columns.push_back({"WHY"});
  Columns table(columns);
  std::string failures;
  for (const Fields& candidate : page.list("candidates")) {
    std::vector<std::string> cells = {candidate.text("name"), address_of(candidate.texts("addresses")),
                                      health_of(candidate), show_load(candidate.number("load"))};
    if (pops) cells.push_back(latency_of(candidate));
    cells.push_back(show_percent(candidate.number("share")));
    cells.push_back(candidate.text("why"));
    table.row(std::move(cells));
    add_failure(candidate.text("name"), candidate, failures);
  }
  return table.text() + failures;
}

std::string measurements_table(const Fields& page, bool pops) {
  Columns table({{pops ? "POP" : "ORIGIN"},
                 {"MEASURED"},
                 {"VALUE", Align::right},
                 {"AGE", Align::right},
                 {"PROBERS", Align::right},
                 {"IN LOAD"}});
  for (const Fields& candidate : page.list("candidates")) {
    std::string name = candidate.text("name");
    for (const Fields& m : candidate.list("metrics")) {
      const std::string metric = m.text("metric");
      table.row({name, metric_label(metric), show_value(metric, m.number("value")),
                 show_age(m.number("age_ms")), whole(m.number("probers")), show_load(m.number("weighed"))});
      name.clear();  // said once
    }
  }
  return table.text();
}

}  // namespace

std::string render_status(std::string_view json) {
  const Fields status = Fields::parse(json);
  return status_head(status) + traffic_of(status) + "\n" + pops_table(status) + "\n" + origins_table(status);
}

std::string render_explanation(std::string_view json) {
  const Fields page = Fields::parse(json);
  const bool pops = page.text("resolve") == "pop";
  std::string text = page.text("sentence") + "\n" + decision_line(page) + "\n";
  if (const std::string rules = rules_table(page); !rules.empty()) text += rules + "\n";
  text += candidates_table(page, pops);
  if (const std::string measured = measurements_table(page, pops); !measured.empty()) text += "\n" + measured;
  return text;
}

}  // namespace popnet::control
