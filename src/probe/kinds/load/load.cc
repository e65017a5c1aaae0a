#include "probe/kinds/load/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/text.h"
#include "common/units.h"
#include "config/schema/conditions.h"
#include "probe/kinds/api/words.h"
#include "probe/kinds/curl/driver.h"
#include "probe/kinds/load/exposition.h"

namespace popnet::probe {

namespace {

using config::option;
using model::Metric;

// A full page of node-exporter has some 100 KiB and is read in one pass; a tree of JSON costs more to build,
// on the thread that probes for all customers.
constexpr size_t page_max = size_t{1} << 20;
constexpr size_t json_max = size_t{64} << 10;

/// The last scrape, and of what: after a change of options the counters may be those of another machine.
struct LastScrape final : Memory {
  std::string source;
  std::optional<CpuTimes> cpu;
};

Outcome failure(std::string error) {
  return {.error = std::move(error)};
}

Outcome read_text(std::string_view page, LastScrape& last) {
  const NodeFigures figures = read_exposition(page);
  if (!figures.cpu) return failure("no node_cpu_seconds_total in the page: not prometheus-node-exporter's?");
  if (!figures.memory_total || !figures.memory_available || !(*figures.memory_total > 0))
    return failure("no node_memory_MemTotal_bytes or node_memory_MemAvailable_bytes in the page");

  Outcome outcome{.ok = true};
  const double free_share = *figures.memory_available / *figures.memory_total;
  outcome.readings.push_back({Metric::memory, std::clamp(1 - free_share, 0.0, 1.0)});
  const auto before = std::exchange(last.cpu, figures.cpu);
  if (const auto busy = before ? busy_share(*before, *figures.cpu) : std::nullopt)
    outcome.readings.push_back({Metric::cpu, *busy});
  return outcome;
}

Outcome read_json(std::string_view page, const LoadOptions& options) {
  if (page.size() > json_max) return failure("the JSON page is larger than " + format_size(json_max));
  const auto figures = read_json_load(page, options);
  if (!figures) return failure(figures.error().message);
  Outcome outcome{.ok = true};
  if (figures->cpu) outcome.readings.push_back({Metric::cpu, *figures->cpu});
  if (figures->memory) outcome.readings.push_back({Metric::memory, *figures->memory});
  return outcome;
}

bool is_json(const LoadOptions& options, std::string_view page) {
  if (options.format != LoadOptions::Format::automatic) return options.format == LoadOptions::Format::json;
  return trim(page).starts_with('{') || trim(page).starts_with('[');
}

/// A page for browsers says nothing in one line.
std::string unexpected(const CurlReply& reply) {
  const bool words = !reply.body.empty() && !trim(reply.body).starts_with('<');
  return fmt::format("HTTP {}, expected 200{}", reply.status, words ? ": " + printable(reply.body, 120) : "");
}

Outcome judge(const LoadOptions& options, const CurlReply& reply, LastScrape& last) {
  if (!reply.error.empty()) return {.error = reply.error, .inconclusive = reply.our_fault};
  if (reply.status != 200) return failure(unexpected(reply));
  if (reply.body_cut) return failure("the page is larger than " + format_size(page_max));
  return is_json(options, reply.body) ? read_json(reply.body, options) : read_text(reply.body, last);
}

std::shared_ptr<LastScrape> last_scrape_of(const Context& context, const LoadOptions& options) {
  auto last = std::dynamic_pointer_cast<LastScrape>(context.memory);
  const std::string source = fmt::format("{}{}", options.port, options.path);
  if (last && last->source == source) return last;
  last = std::make_shared<LastScrape>();
  last->source = source;
  context.memory = last;
  return last;
}

Status check_together(const LoadOptions& options) {
  if (!options.cpu.empty() || !options.memory.empty()) return {};
  return Error{ErrorCode::invalid,
               "cpu and memory are both empty, write a JSON pointer for one of them at least"};
}

}  // namespace

const config::Table<LoadOptions>& load_options() {
  using Format = LoadOptions::Format;
  static const config::Table<LoadOptions> table(
      "load",
      {"Asks the target's machine how busy it is (cpu, memory): a page of prometheus-node-exporter, or JSON "
       "of your own.",
       R"(probes:
  - {kind: load, interval: 2s}                               # prometheus-node-exporter on port 9100
  - {kind: load, port: 8080, path: /status.json, cpu: /load/cpu, memory: "", scale: 100}
)"},
      {
          option("port", &LoadOptions::port).integer(1, 65535, 9100),
          option("path", &LoadOptions::path)
              .text("/metrics?collect[]=cpu&collect[]=meminfo")
              .check(config::is_url_path)
              .help("Path and query to ask for."),
          option("tls", &LoadOptions::tls).boolean(false).help("Ask over HTTPS."),
          option("verify", &LoadOptions::verify)
              .boolean(true)
              .help("With tls: a certificate that is not trusted, or is for another name, is a failure."),
          option("ca_file", &LoadOptions::ca_file)
              .file("a PEM file")
              .preset_help("those this machine trusts")
              .help("With tls: file with the PEM certificates to trust."),
          option("format", &LoadOptions::format)
              .choice({{"auto", Format::automatic, "JSON when the page begins with { or ["},
                       {"prometheus", Format::prometheus, "prometheus-node-exporter's text"},
                       {"json", Format::json}},
                      "auto"),
          option("cpu", &LoadOptions::cpu)
              .text("/cpu")
              .check(is_json_pointer)
              .help("JSON: pointer (RFC 6901) to the share of CPU in use; empty = not read."),
          option("memory", &LoadOptions::memory)
              .text("/memory")
              .check(is_json_pointer)
              .help("JSON: pointer to the share of memory in use; empty = not read."),
          option("scale", &LoadOptions::scale)
              .number(1e-9, 1e15, 1)
              .help("JSON: the number that stands for a machine in full use, such as 100 for percents."),
      },
      check_together);
  return table;
}

std::unique_ptr<Attempt> LoadKind::start(const Context& context, const Target& target,
                                         const model::KindOptions& options, Duration timeout,
                                         Done done) const {
  const auto& load = static_cast<const LoadOptions&>(options);
  CurlRequest request{
      .protocol = load.tls ? CurlRequest::Protocol::https : CurlRequest::Protocol::http,
      .endpoint = {target.endpoint.address, load.port},
      .host = target.host,
      .path = load.path,
      .verify_tls = load.verify,
      .ca_file = load.ca_file,
      .body_max = page_max,
      .timeout = timeout,
  };
  return curl_->start(std::move(request),
                      [&load, last = last_scrape_of(context, load),
                       done = std::move(done)](const CurlReply& reply) { done(judge(load, reply, *last)); });
}

}  // namespace popnet::probe
