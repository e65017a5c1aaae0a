#include "http/edge/collect.h"

#include <limits>

#include "http/edge/worker.h"
#include "rt/clock.h"

namespace popnet::http {

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::hit:
      return "hit";
    case Outcome::stale:
      return "stale";
    case Outcome::revalidated:
      return "revalidated";
    case Outcome::miss:
      return "miss";
    case Outcome::collapsed:
      return "collapsed";
    case Outcome::passed:
      return "passed";
    case Outcome::redirected:
      return "redirected";
    case Outcome::denied:
      return "denied";
    case Outcome::local:
      return "local";
    case Outcome::failed:
      return "failed";
    case Outcome::left:
      return "left";
  }
  return "?";
}

namespace {

using Kind = CounterValue::Kind;
using Labels = std::vector<std::pair<std::string, std::string>>;

void add(std::vector<CounterValue>& out, const char* name, const char* help, uint64_t value,
         Labels labels = {}, Kind kind = Kind::counter) {
  out.push_back({name, help, kind, std::move(labels), static_cast<double>(value)});
}

template <class Get>
uint64_t sum(std::span<const std::unique_ptr<Worker>> workers, Get&& get) {
  uint64_t total = 0;
  for (const auto& worker : workers) total += get(worker->counters).get();
  return total;
}

template <class Get>
void add_latencies(std::span<const std::unique_ptr<Worker>> workers, const char* name, const char* help,
                   Get&& get, std::vector<CounterValue>& out) {
  constexpr const char* sources[source_count] = {"hit", "miss", "pass"};
  for (size_t source = 0; source < source_count; ++source) {
    CounterValue value{name, help, Kind::histogram, {{"cache", sources[source]}}, 0, {}};
    uint64_t nanoseconds = 0, count = 0;
    for (size_t i = 0; i <= Latencies::bounds.size(); ++i) {
      for (const auto& worker : workers) count += get(worker->counters)[source].counts[i].get();
      const bool last = i == Latencies::bounds.size();
      value.buckets.push_back({last ? std::numeric_limits<double>::infinity()
                                    : std::chrono::duration<double>(Latencies::bounds[i]).count(),
                               count});
    }
    for (const auto& worker : workers) nanoseconds += get(worker->counters)[source].nanoseconds.get();
    value.value = static_cast<double>(nanoseconds) * 1e-9;
    out.push_back(std::move(value));
  }
}

/// As in the access log: 0 when the client had gone before there was an answer.
std::string status_label(size_t slot) {
  if (slot == status_slot(0)) return "0";
  return slot < known_statuses.size() ? std::to_string(known_statuses[slot])
                                      : std::to_string(slot - known_statuses.size()) + "xx";
}

}  // namespace

void collect_workers(std::span<const std::unique_ptr<Worker>> workers, std::vector<CounterValue>& out) {
  for (size_t i = 0; i < outcome_count; ++i)
    add(out, "popnet_http_requests_total", "Requests answered, by how they were answered.",
        sum(workers, [i](const WorkerCounters& c) -> const Counter& { return c.outcomes[i]; }),
        {{"outcome", to_string(static_cast<Outcome>(i))}});
  for (size_t i = 1; i < 6; ++i)
    add(out, "popnet_http_responses_total", "Answers sent, by class of status.",
        sum(workers, [i](const WorkerCounters& c) -> const Counter& { return c.statuses[i]; }),
        {{"class", std::to_string(i) + "xx"}});
  struct Line {
    const char* name;
    const char* help;
    Counter WorkerCounters::*counter;
  };
  constexpr Line lines[] = {
      {"popnet_http_sent_bytes_total", "Bytes sent to clients, heads included.", &WorkerCounters::bytes_sent},
      {"popnet_http_connections_total", "Connections taken from clients.",
       &WorkerCounters::connections_accepted},
      {"popnet_http_connections_refused_total", "Connections closed at once: too many.",
       &WorkerCounters::connections_refused},
      {"popnet_http_connections_evicted_total", "Idle connections closed to make room for new ones.",
       &WorkerCounters::connections_evicted},
      {"popnet_http_connections_over_network_total",
       "Connections closed at once: their client network had as many as it may.",
       &WorkerCounters::connections_over_network},
      {"popnet_http_slow_clients_total", "Connections closed because the client was too slow.",
       &WorkerCounters::timeouts},
      {"popnet_http_bad_requests_total", "Messages from clients that are errors by RFC 9112.",
       &WorkerCounters::bad_requests},
      {"popnet_http_fills_total", "Requests sent to origins.", &WorkerCounters::fills},
      {"popnet_http_fill_bytes_total", "Body bytes received from origins.", &WorkerCounters::fill_bytes},
      {"popnet_http_origin_connections_total", "Connections opened to origins.",
       &WorkerCounters::origin_connections},
  };
  for (const Line& line : lines)
    add(out, line.name, line.help,
        sum(workers, [&line](const WorkerCounters& c) -> const Counter& { return c.*line.counter; }));
  add_latencies(
      workers, "popnet_http_first_byte_seconds", "From a request to the begin of its answer.",
      [](const WorkerCounters& c) -> const auto& { return c.first_byte; }, out);
  add_latencies(
      workers, "popnet_http_answer_seconds", "From a request to the end of its answer.",
      [](const WorkerCounters& c) -> const auto& { return c.total; }, out);
}

void collect_sites(const Registry& registry, int threads, std::vector<CounterValue>& out) {
  registry.for_each([&](const SiteState& site) {
    uint64_t requests = 0, hits = 0, bytes = 0, retries = 0, refused = 0;
    for (int i = 0; i < threads; ++i) {
      const SiteCounters& c = site.counters[static_cast<size_t>(i)];
      requests += c.requests.get();
      hits += c.hits.get();
      bytes += c.bytes_sent.get();
      retries += c.retries.get();
      refused += c.retries_refused.get();
    }
    const Labels labels{{"site", site.name}};
    add(out, "popnet_http_site_requests_total", "Requests answered for a site.", requests, labels);
    add(out, "popnet_http_site_hits_total", "Requests answered for a site from the store.", hits, labels);
    add(out, "popnet_http_site_sent_bytes_total", "Bytes sent to clients for a site.", bytes, labels);
    add(out, "popnet_http_site_retries_total", "Requests sent to a second origin and further.", retries,
        labels);
    add(out, "popnet_http_site_retries_refused_total", "Those that were not sent: too many were.", refused,
        labels);
    add(out, "popnet_http_site_fills_running", "Requests that the origins of a site are answering now.",
        site.gate.running(), labels, Kind::gauge);
    add(out, "popnet_http_site_fills_waiting", "Those that wait until fewer run.", site.gate.waiting(),
        labels, Kind::gauge);
    add(out, "popnet_http_site_fills_refused_total",
        "Those that found too many waiting, or waited for too long; or no origin that answers.",
        site.gate.refused(), labels);
    for (size_t slot = 0; slot < status_slots; ++slot) {
      uint64_t count = 0;
      for (int i = 0; i < threads; ++i) count += site.counters[static_cast<size_t>(i)].statuses[slot].get();
      if (count > 0)
        add(out, "popnet_http_site_responses_total", "Answers sent for a site, by status.", count,
            {{"site", site.name}, {"status", status_label(slot)}});
    }
    for (const auto& [name, origin] : site.origins) {
      const Labels at{{"site", site.name}, {"origin", name}};
      add(out, "popnet_http_origin_requests_total", "Requests sent to an origin.", origin->fills.load(), at);
      add(out, "popnet_http_origin_failures_total", "Requests to an origin that got no usable answer.",
          origin->failures.load(), at);
      add(out, "popnet_http_origin_in_flight", "Requests that an origin is answering now.",
          origin->in_flight.load(), at, Kind::gauge);
      out.push_back({"popnet_http_origin_first_byte_recent_seconds",
                     "From a request to an origin to the head of its answer, the mean of late.", Kind::gauge,
                     at, origin->first_bytes.ms(rt::monotonic_now()) / 1000});
      add(out, "popnet_http_origin_ejections_total",
          "Times that an origin failed so often that it is asked last.", origin->health.ejections(), at);
    }
  });
}

void collect_log(const AccessLog& log, std::vector<CounterValue>& out) {
  add(out, "popnet_http_log_lines_total", "Lines written to the access log.", log.written());
  add(out, "popnet_http_log_dropped_total",
      "Lines of the access log that found no room, or could not be written.", log.dropped());
}

void collect_store(const Store::Stats& stats, std::vector<CounterValue>& out) {
  add(out, "popnet_http_store_objects", "Objects in the store.", stats.objects, {}, Kind::gauge);
  add(out, "popnet_http_store_bytes", "Memory of the objects in the store.", stats.bytes, {}, Kind::gauge);
  add(out, "popnet_http_store_held_bytes",
      "Memory of objects that have left the store and are still being sent.", stats.held_bytes, {},
      Kind::gauge);
  add(out, "popnet_http_store_fills", "Objects that are being fetched now.", stats.fills, {}, Kind::gauge);
  add(out, "popnet_http_store_waiting", "Requests that wait for these objects, or for more of them.",
      stats.waiting, {}, Kind::gauge);
  add(out, "popnet_http_store_floors",
      "Purges of tags and prefixes that not all objects have been compared with.", stats.floors, {},
      Kind::gauge);
  add(out, "popnet_http_store_evicted_total", "Objects that had to make room.", stats.evicted);
}

}  // namespace popnet::http
