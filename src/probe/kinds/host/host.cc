#include "probe/kinds/host/host.h"

#include <utility>

#include "probe/kinds/api/attempts.h"
#include "rt/clock.h"

namespace popnet::probe {

namespace {

using model::Metric;

struct LastReading final : Memory {
  std::optional<HostReading> host;
  uint64_t bytes_sent = 0;
  TimePoint at{};
};

/// Exchanges what is remembered for what is now, and reads the differences.
std::vector<model::Reading> take(LastReading& last, LastReading now, uint64_t capacity_bits) {
  std::vector<model::Reading> readings{{Metric::memory, now.host->memory}};
  const Duration passed = now.at - last.at;
  if (last.host && passed > Duration::zero()) {
    if (const auto cpu = cpu_share(*last.host, *now.host, passed)) readings.push_back({Metric::cpu, *cpu});
    if (capacity_bits > 0) {
      const double bits = static_cast<double>(now.bytes_sent - last.bytes_sent) * 8;
      readings.push_back({Metric::traffic, bits / to_seconds(passed) / static_cast<double>(capacity_bits)});
    }
  }
  last = std::move(now);
  return readings;
}

}  // namespace

const config::Table<HostOptions>& host_options() {
  static const config::Table<HostOptions> table("host",
                                                {"How busy a POP's own machine is: cpu and memory from the "
                                                 "kernel (limits of its control group included), traffic "
                                                 "as the share of the POP's capacity. For pop_probes only.",
                                                 R"(network:
  pop_probes:
    - {kind: host, interval: 2s}
)"},
                                                {});
  return table;
}

Outcome HostKind::measure(const Context& context, const Target& target) const {
  if (target.id.kind != model::TargetId::Kind::pop)
    return {.error = "host measures the machine of the POP itself, use load for an origin",
            .inconclusive = true};
  auto host = read_host(paths_);
  if (!host) return {.error = host.error().message, .inconclusive = true};
  LastReading now;
  now.host = *host;
  now.bytes_sent = bytes_sent_ ? bytes_sent_() : 0;
  now.at = rt::monotonic_now();
  if (!context.memory) context.memory = std::make_shared<LastReading>();
  auto& last = dynamic_cast<LastReading&>(*context.memory);
  return {.ok = true, .readings = take(last, std::move(now), bytes_sent_ ? target.capacity_bits : 0)};
}

std::unique_ptr<Attempt> HostKind::start(const Context& context, const Target& target,
                                         const model::KindOptions& /*options*/, Duration /*timeout*/,
                                         Done done) const {
  return finish_later(context.loop, std::move(done), measure(context, target));
}

}  // namespace popnet::probe
