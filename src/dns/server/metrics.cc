#include "dns/server/metrics.h"

namespace popnet::dns {

namespace {

using Kind = CounterValue::Kind;

const char* rcode_name(size_t rcode) {
  switch (static_cast<Rcode>(rcode)) {
    case Rcode::noerror:
      return "NOERROR";
    case Rcode::formerr:
      return "FORMERR";
    case Rcode::servfail:
      return "SERVFAIL";
    case Rcode::nxdomain:
      return "NXDOMAIN";
    case Rcode::notimp:
      return "NOTIMP";
    case Rcode::refused:
      return "REFUSED";
    case Rcode::yxdomain:
      return "YXDOMAIN";
    case Rcode::badvers:
      return "BADVERS";
  }
  return nullptr;
}

/// A metric that is one counter of ServerCounts.
struct Row {
  Counter ServerCounts::*counter;
  const char* name;
  const char* help;
  const char* transport = nullptr;
};

constexpr Row rows[] = {
    {&ServerCounts::udp_queries, "popnet_dns_queries_total", "DNS messages received", "udp"},
    {&ServerCounts::tcp_queries, "popnet_dns_queries_total", "DNS messages received", "tcp"},
    {&ServerCounts::dropped, "popnet_dns_dropped_total", "messages that got no reply"},
    {&ServerCounts::truncated, "popnet_dns_truncated_total", "replies with TC set"},
    {&ServerCounts::with_subnet, "popnet_dns_client_subnet_total", "queries with a client subnet"},
    {&ServerCounts::send_failures, "popnet_dns_send_failures_total", "replies the kernel did not take"},
    {&ServerCounts::tcp_accepted, "popnet_dns_tcp_accepted_total", "TCP connections accepted"},
    {&ServerCounts::tcp_refused, "popnet_dns_tcp_refused_total", "TCP connections over the limit"},
    {&ServerCounts::tcp_closed, "popnet_dns_tcp_closed_total", "TCP connections that have ended"},
};

void collect_decided(const View& view, std::vector<CounterValue>& into) {
  const AnswerCounts counts = view.counts->read();
  const model::Config& config = *view.snapshot->config;
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

void collect_metrics(const std::vector<std::unique_ptr<ThreadState>>& threads, const View& view,
                     std::vector<CounterValue>& into) {
  for (const Row& row : rows) {
    uint64_t sum = 0;
    for (const auto& thread : threads) sum += (thread->counts.*row.counter).get();
    auto& line =
        into.emplace_back(CounterValue{row.name, row.help, Kind::counter, {}, static_cast<double>(sum)});
    if (row.transport != nullptr) line.labels = {{"transport", row.transport}};
  }
  for (size_t r = 0; r < rcode_count; ++r) {
    if (rcode_name(r) == nullptr) continue;
    uint64_t sum = 0;
    for (const auto& thread : threads) sum += thread->counts.rcodes[r].get();
    into.push_back({"popnet_dns_replies_total",
                    "DNS replies by rcode",
                    Kind::counter,
                    {{"rcode", rcode_name(r)}},
                    static_cast<double>(sum)});
  }
  const auto gauge = [&](const char* name, const char* help, size_t value) {
    into.push_back({name, help, Kind::gauge, {}, static_cast<double>(value)});
  };
  gauge("popnet_dns_zones", "zones served", view.names->zone_count());
  gauge("popnet_dns_names", "names served, those without records included", view.names->name_count());
  gauge("popnet_dns_names_bytes", "memory of all names", view.names->memory());
  collect_decided(view, into);
}

}  // namespace popnet::dns
