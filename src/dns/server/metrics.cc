#include "dns/server/metrics.h"

#include "dns/wire/text.h"

namespace popnet::dns {

namespace {

using Kind = CounterValue::Kind;

/// A metric that is one counter of ServerCounts.
struct Row {
  Counter ServerCounts::*counter;
  const char* name;
  const char* help;
};

constexpr Row rows[] = {
    {&ServerCounts::dropped, "popnet_dns_dropped_total", "messages that got no reply"},
    {&ServerCounts::truncated, "popnet_dns_truncated_total", "replies with TC set"},
    {&ServerCounts::limited_dropped, "popnet_dns_rate_limit_dropped_total",
     "answers the rate limit kept back"},
    {&ServerCounts::limited_slipped, "popnet_dns_rate_limit_slipped_total",
     "answers the rate limit made a truncated reply or BADCOOKIE"},
    {&ServerCounts::with_subnet, "popnet_dns_client_subnet_total", "queries with a client subnet"},
    {&ServerCounts::send_failures, "popnet_dns_send_failures_total", "replies the kernel did not take"},
    {&ServerCounts::tcp_accepted, "popnet_dns_tcp_accepted_total", "TCP connections accepted"},
    {&ServerCounts::tcp_refused, "popnet_dns_tcp_refused_total",
     "TCP connections over the limit of their source"},
    {&ServerCounts::tcp_evicted, "popnet_dns_tcp_evicted_total", "idle TCP connections closed to make room"},
    {&ServerCounts::tcp_closed, "popnet_dns_tcp_closed_total", "TCP connections that have ended"},
};

void collect_zones(const std::vector<ZoneCounts::Line>& lines, std::vector<CounterValue>& into) {
  for (const auto& line : lines)
    for (size_t kind = 0; kind < answer_kinds; ++kind)
      if (line.answers[kind] > 0)
        into.push_back({"popnet_dns_zone_answers_total",
                        "answers by zone and kind",
                        Kind::counter,
                        {{"zone", line.zone}, {"kind", to_string(static_cast<AnswerKind>(kind))}},
                        static_cast<double>(line.answers[kind])});
}

void collect_decided(const View& view, std::vector<CounterValue>& into) {
  const model::Config& config = *view.snapshot->config;
  const model::AnswerCounts counts = view.counts->read(config);
  const auto add = [&](const std::string& site, const std::string& origin, const std::string& pop,
                       uint64_t n) {
    into.push_back({"popnet_dns_decided_total",
                    "decided answers by their first target",
                    Kind::counter,
                    {{"site", site}, {"origin", origin}, {"pop", pop}},
                    static_cast<double>(n)});
  };
  for (size_t s = 0; s < counts.origins.size(); ++s)
    for (size_t o = 0; o < counts.origins[s].size(); ++o)
      add(config.sites[s].name, config.sites[s].origins[o].name, "", counts.origins[s][o]);
  for (size_t p = 0; p < counts.pops.size(); ++p) add("", "", config.pops[p].name, counts.pops[p]);
}

}  // namespace

constexpr const char* transport_names[transport_count] = {"udp", "tcp", "tls"};

void collect_metrics(const std::vector<std::unique_ptr<ThreadState>>& threads, const View& view,
                     ZoneLines& zones, std::vector<CounterValue>& into) {
  using Labels = decltype(CounterValue::labels);
  const auto add = [&](const char* name, const char* help, const Labels& labels, auto counter_of) {
    uint64_t sum = 0;
    for (const auto& thread : threads) sum += counter_of(thread->counts).get();
    into.push_back({name, help, Kind::counter, labels, static_cast<double>(sum)});
  };
  for (size_t t = 0; t < transport_count; ++t)
    add("popnet_dns_queries_total", "DNS messages received", {{"transport", transport_names[t]}},
        [t](const ServerCounts& c) -> const Counter& { return c.queries[t]; });
  for (const Row& row : rows)
    add(row.name, row.help, {}, [&](const ServerCounts& c) -> const Counter& { return c.*row.counter; });
  for (size_t r = 0; r < rcode_count; ++r)
    if (rcode_name(r) != nullptr)
      add("popnet_dns_replies_total", "DNS replies by rcode", {{"rcode", rcode_name(r)}},
          [r](const ServerCounts& c) -> const Counter& { return c.rcodes[r]; });
  for (size_t t = 0; t <= query_types; ++t) {
    uint64_t sum = 0;
    for (const auto& thread : threads) sum += thread->counts.types[t].get();
    if (sum > 0)
      into.push_back({"popnet_dns_questions_total",
                      "questions by type",
                      Kind::counter,
                      {{"type", t == query_types ? "other" : type_name(t)}},
                      static_cast<double>(sum)});
  }
  collect_zones(zones.tell(view.zone_counts->read()), into);
  const auto gauge = [&](const char* name, const char* help, size_t value) {
    into.push_back({name, help, Kind::gauge, {}, static_cast<double>(value)});
  };
  gauge("popnet_dns_zones", "zones served", view.names->zone_count());
  gauge("popnet_dns_names", "names served, those without records included", view.names->name_count());
  gauge("popnet_dns_names_bytes", "memory of all names", view.names->memory());
  collect_decided(view, into);
  const auto signatures = [&](const char* result, uint64_t count) {
    into.push_back({"popnet_dns_signatures_total",
                    "signatures that answers needed and nobody had made before",
                    Kind::counter,
                    {{"result", result}},
                    static_cast<double>(count)});
  };
  signatures("made", view.signing->made.load(std::memory_order_relaxed));
  signatures("refused", view.signing->refused.load(std::memory_order_relaxed));
}

}  // namespace popnet::dns
