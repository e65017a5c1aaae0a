// popnet's DNS server with a map of many client networks, all measured by three POPs: what `popnet serve` becomes
// after a day, without the day. One name, static.bench.test, is decided by the client's network.
//
//   once    one map
//   heard   each second a new map from what has been heard meanwhile: 5,000 new round trips, at which every network is measured
//           anew in five minutes. The brain ranks the networks anew when it sees fit (brain.h)
//   all     each second a new map, and all networks ranked anew
// usage: dns_map ADDRESS PORT NETWORKS once|heard|all
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "brain/brain.h"
#include "dns/server/server.h"
#include "dns/zone/make_names.h"
#include "rt/clock.h"
#include "rt/shards.h"

namespace {

using namespace std::chrono_literals;
using namespace popnet;

constexpr size_t pops = 3;
constexpr size_t report_size = 10'000;
constexpr size_t heard_each_second = 5'000;

std::shared_ptr<const model::Config> make_config() {
  auto config = std::make_shared<model::Config>();
  config->generation = 1;
  config->network.zone = "cdn.test";
  config->network.content_hostname = "static.bench.test";
  config->network.content_ttl = 30s;
  config->network.client_latency.max_age = 1h;
  for (size_t i = 0; i < pops; ++i) {
    model::Pop pop;
    pop.name = "pop" + std::to_string(i);
    pop.addresses = {IpAddress::v4(192, 0, 2, static_cast<uint8_t>(i + 1))};
    config->pops.push_back(pop);
  }
  return config;
}

model::ProbeSample round_trip(size_t network, size_t pop, TimePoint at) {
  model::ProbeSample sample;
  const std::string name = "pop" + std::to_string(pop);
  sample.prober = name;
  const auto address = IpAddress::v4(static_cast<uint8_t>(10 + (network >> 16)),
                                     static_cast<uint8_t>(network >> 8), static_cast<uint8_t>(network), 0);
  sample.target = model::TargetId::client(Prefix(address, 24));
  sample.ok = true;
  sample.affects_health = false;
  sample.readings = {{model::Metric::rtt_ms, 5 + static_cast<double>((network * 7 + pop * 13) % 200)}};
  sample.at = at;
  sample.max_age = 1h;
  return sample;
}

/// `count` round trips, from the `first` on, each network's POPs one after the other, round and round.
void learn(brain::Brain& brain, size_t networks, size_t first, size_t count, TimePoint now) {
  model::Report report;
  for (size_t i = first; i < first + count; ++i) {
    report.samples.push_back(round_trip(i / pops % networks, i % pops, now));
    if (report.samples.size() < report_size && i + 1 < first + count) continue;
    brain.add(report);
    report.samples.clear();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const auto endpoint = Endpoint::parse(std::string(argv[1]) + ":" + argv[2]);
  if (!endpoint) return 2;
  const auto networks = std::strtoul(argv[3], nullptr, 10);
  const std::string mode = argv[4];
  if (mode != "once" && mode != "heard" && mode != "all") return 2;
  const auto config = make_config();
  const auto names = dns::make_names(*config);
  if (!names) return std::fprintf(stderr, "%s\n", names.error().message.c_str()), 1;
  brain::Brain brain({"pop0", "pop0"});
  brain.set_config(config);
  learn(brain, networks, 0, networks * pops, rt::monotonic_now());

  rt::Epoch epoch;
  dns::Server::Options options;
  options.listen = {*endpoint};
  auto server = dns::Server::start(options, epoch, brain.tick(rt::monotonic_now()), *names);
  if (!server) return std::fprintf(stderr, "%s\n", server.error().message.c_str()), 3;
  size_t heard = 0;
  for (auto due = rt::monotonic_now();;) {
    if (mode == "once") {
      pause();
      continue;
    }
    due += 1s;
    std::this_thread::sleep_for(due - rt::monotonic_now());
    if (mode == "all") brain.set_config(config);  // has all networks ranked anew
    if (mode == "heard") learn(brain, networks, heard, heard_each_second, rt::monotonic_now());
    heard += heard_each_second;
    (*server)->publish(brain.tick(rt::monotonic_now()), *names);
    epoch.reclaim();
  }
}
