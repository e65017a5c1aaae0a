// What a tick of the brain costs with many measured client networks: brain_ticks [networks] [measured each
// second]. Ten simulated seconds, four ticks a second; prints the mean and the longest tick and the CPU time
// of all.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "brain/brain.h"

namespace {

using namespace std::chrono_literals;
using namespace popnet;

constexpr size_t pops = 3;

std::shared_ptr<const model::Config> make_config() {
  auto config = std::make_shared<model::Config>();
  config->network.client_latency.max_age = 1h;
  for (size_t i = 0; i < pops; ++i) {
    model::Pop pop;
    pop.name = "pop" + std::to_string(i);
    pop.addresses = {IpAddress::v4(192, 0, 2, static_cast<uint8_t>(i + 1))};
    config->pops.push_back(pop);
  }
  return config;
}

model::ProbeSample round_trip(size_t network, size_t pop, double ms, TimePoint at) {
  model::ProbeSample sample;
  const std::string name = "pop" + std::to_string(pop);
  sample.prober = name;
  const auto address = IpAddress::v4(static_cast<uint8_t>(10 + (network >> 16)),
                                     static_cast<uint8_t>(network >> 8), static_cast<uint8_t>(network), 0);
  sample.target = model::TargetId::client(Prefix(address, 24));
  sample.ok = true;
  sample.affects_health = false;
  sample.readings = {{model::Metric::rtt_ms, ms}};
  sample.at = at;
  sample.max_age = 1h;
  return sample;
}

double cpu_ms() {
  return static_cast<double>(std::clock()) * 1000 / CLOCKS_PER_SEC;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t networks = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 500'000;
  const size_t measured = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  brain::Brain brain("pop0");
  brain.set_config(make_config());
  TimePoint now{10h};
  model::Report report;
  for (size_t i = 0; i < networks; ++i)
    for (size_t pop = 0; pop < pops; ++pop)
      report.samples.push_back(round_trip(i, pop, 5 + static_cast<double>((i * 7 + pop * 13) % 200), now));
  brain.add(report);
  brain.tick(now);
  double sum = 0, longest = 0;
  constexpr int ticks = 40;
  for (int i = 0; i < ticks; ++i) {
    now += 250ms;
    model::Report more;
    for (size_t n = 0; n < measured / 4; ++n)
      more.samples.push_back(round_trip((static_cast<size_t>(i) * 7919 + n) % networks, n % pops, 42, now));
    brain.add(more);
    const double start = cpu_ms();
    brain.tick(now);
    const double took = cpu_ms() - start;
    sum += took;
    longest = std::max(longest, took);
  }
  std::printf(
      "%zu networks, %zu measured each second: tick %.2f ms in the mean, %.1f ms at most; %.1f %% of a "
      "core\n",
      networks, measured, sum / ticks, longest, sum / (ticks * 250) * 100);
}
