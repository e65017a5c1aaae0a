#include "probe/runner/client_latency.h"

#include <cerrno>

#include "probe/kinds/icmp/echo.h"
#include "probe/kinds/tcp/connect.h"

namespace popnet::probe {

namespace {

constexpr uint16_t dns_port = 53;

}  // namespace

void ClientLatency::configure(const model::ClientLatency& options) {
  options_ = options;
  budget_.configure(options.rate_max, options.interval);
}

void ClientLatency::measure(std::span<const IpAddress> resolvers) {
  if (!options_.enabled) return;
  for (const IpAddress& resolver : resolvers) {
    if (running_.size() >= running_max) return;
    const Prefix network(resolver, resolver.is_v4() ? options_.ipv4_prefix : options_.ipv6_prefix);
    if (budget_.take(network, loop_.now())) start(network, resolver);
  }
}

void ClientLatency::start(const Prefix& network, const IpAddress& resolver) {
  counts_.started.add();
  const Place place = running_.insert(running_.end(), Running{network, resolver, nullptr});
  place->attempt = time_echo(loop_, resolver, options_.timeout,
                             [this, place](const RoundTrip& trip) { after_echo(place, trip); });
}

void ClientLatency::after_echo(Place place, const RoundTrip& trip) {
  if (trip.error == 0) {
    counts_.by_icmp.add();
    return finish(place, "icmp", trip);
  }
  place->attempt = time_connect(loop_, {place->resolver, dns_port}, options_.timeout,
                                [this, place](const RoundTrip& t) { after_connect(place, t); });
}

void ClientLatency::after_connect(Place place, const RoundTrip& trip) {
  if (trip.error == 0 || trip.error == ECONNREFUSED) {
    counts_.by_tcp.add();
    return finish(place, "tcp", trip);
  }
  counts_.silent.add();
  running_.erase(place);
}

void ClientLatency::finish(Place place, const char* how, const RoundTrip& trip) {
  const Measured measured{place->network, how, to_ms(trip.took)};
  running_.erase(place);
  sink_(measured);
}

}  // namespace popnet::probe
