#include "sim/world.h"

#include <algorithm>
#include <cmath>

namespace popnet::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds step_time{100};
constexpr uint64_t steps_a_second = 10;
constexpr uint64_t steps_a_tick = 5;
constexpr double rho_max = 0.98;
constexpr double cpu_smoothing = 0.1;  // of the difference, each step: a time constant of a second

IpAddress nth_address(size_t i) {
  return IpAddress::v4(static_cast<uint8_t>(10 + (i >> 16)), static_cast<uint8_t>(i >> 8),
                       static_cast<uint8_t>(i), 53);
}

Duration probe_interval(const model::Config& config) {
  const auto& probes = config.sites[0].origins[0].probes;
  return probes.empty() ? Duration(seconds(1)) : probes[0].interval;
}

Server* first_living(const model::Decision& answer, std::vector<Server>& servers) {
  for (const uint16_t target : answer.chosen())
    if (!servers[target].dead) return &servers[target];
  return nullptr;
}

}  // namespace

double Server::response_ms() const {
  return service_ms / (1 - std::clamp(rho(), 0.0, rho_max));
}

PageAnswer answer_by_shares() {
  return [](const routing::Snapshot& snapshot, const routing::Client& client) {
    const auto& host = snapshot.config->sites[0].hostnames[0];
    return routing::decide_origin(*snapshot.config, snapshot.map, 0, host, client);
  };
}

PageAnswer answer_least_reported_load() {
  return [](const routing::Snapshot& snapshot, const routing::Client&) {
    const auto& origins = snapshot.map.sites[0].origins;
    model::Decision decision;
    decision.count = 1;
    for (size_t i = 1; i < origins.size(); ++i)
      if (origins[i].alive && origins[i].load < origins[decision.targets[0]].load)
        decision.targets[0] = static_cast<uint16_t>(i);
    decision.ttl = static_cast<uint32_t>(to_seconds(snapshot.config->sites[0].hostnames[0].ttl));
    return decision;
  };
}

World::World(model::Config config, Options options)
    : options_(std::move(options)), random_(options_.seed), now_(TimePoint() + std::chrono::hours(1)) {
  origins.resize(config.sites[0].origins.size());
  pops.resize(config.pops.size());
  config_ = std::make_shared<const model::Config>(std::move(config));
  for (const auto& pop : config_->pops) {
    Node& node = nodes_.emplace_back(Node{brain::Brain(pop.name), nullptr, {}, now_});
    node.brain.set_config(config_);
    node.probe_at += from_ms(random_.uniform() * to_ms(probe_interval(*config_)));
  }
  double sum = 0;
  for (size_t i = 0; i < options_.clients; ++i) {
    auto& network = clients.emplace_back();
    network.client = routing::make_client(config_->network.client_latency, nth_address(i));
    network.requests = -std::log(1 - random_.uniform());
    network.rtt_ms.assign(pops.size(), 20);
    sum += network.requests;
  }
  for (auto& network : clients) network.requests *= options_.demand / sum;
}

void World::run(Duration time) {
  for (const TimePoint end = now_ + time; now_ < end;) step();
}

void World::step() {
  now_ += step_time;
  ++steps_;
  deliver();
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (!pops[i].dead && now_ >= nodes_[i].probe_at) probe(i);
  if (steps_ % steps_a_second == 0) tell_shares();
  if (steps_ % steps_a_tick == 0) tick_brains();
  serve_users();
  if (steps_ % steps_a_second == 0) record();
}

// ---- what nodes do ------------------------------------------------------------------------------

void World::send(model::Report report) {
  letters_.push_back({now_ + options_.report_delay, std::move(report)});
}

void World::deliver() {
  bool urgent = false;
  for (; !letters_.empty() && letters_.front().arrives <= now_; letters_.pop_front())
    for (size_t i = 0; i < nodes_.size(); ++i)
      if (!pops[i].dead) urgent |= nodes_[i].brain.add(letters_.front().report);
  if (urgent) tick_brains();
}

model::ProbeSample World::measure(size_t prober, const model::TargetId& target, const Server& server) {
  const auto noisy = [&](double value) { return value * (1 + options_.noise * (2 * random_.uniform() - 1)); };
  auto& state = nodes_[prober].health[target.name];
  state = probe::after_attempt(state, !server.dead, {.rise = 2, .fall = 2});
  model::ProbeSample sample;
  sample.prober = config_->pops[prober].name;
  sample.target = target;
  sample.probe = "http";
  sample.ok = !server.dead;
  sample.healthy = state.verdict != model::Health::down;
  sample.at = now_;
  sample.max_age = 3 * probe_interval(*config_) + seconds(1);
  if (sample.ok)
    sample.readings = {{model::Metric::cpu, noisy(server.cpu)},
                       {model::Metric::http_ms, noisy(server.response_ms())}};
  else
    sample.error = "no answer";
  return sample;
}

void World::probe(size_t pop) {
  nodes_[pop].probe_at = now_ + from_ms(to_ms(probe_interval(*config_)) * (0.9 + 0.2 * random_.uniform()));
  const model::Site& site = config_->sites[0];
  model::Report report;
  report.author = config_->pops[pop].name;
  for (size_t i = 0; i < origins.size(); ++i)
    report.samples.push_back(
        measure(pop, model::TargetId::origin(site.name, site.origins[i].name), origins[i]));
  for (size_t i = 0; i < pops.size(); ++i)
    report.samples.push_back(measure(pop, model::TargetId::pop(config_->pops[i].name), pops[i]));
  if (options_.measure_clients) probe_clients(pop, report);
  send(std::move(report));
}

void World::probe_clients(size_t pop, model::Report& report) {
  const double chance = to_seconds(probe_interval(*config_)) / 60;
  for (const auto& network : clients) {
    if (random_.uniform() > chance) continue;
    model::ProbeSample sample;
    sample.prober = config_->pops[pop].name;
    sample.target = model::TargetId::client(network.client.network);
    sample.ok = true;
    sample.affects_health = false;
    sample.readings = {
        {model::Metric::rtt_ms, network.rtt_ms[pop] * (1 + options_.noise * random_.uniform())}};
    sample.at = now_;
    sample.max_age = config_->network.client_latency.max_age;
    report.samples.push_back(std::move(sample));
  }
}

void World::tell_shares() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (pops[i].dead || nodes_[i].brain.shares().generation == 0) continue;
    model::Report report;
    report.author = config_->pops[i].name;
    report.shares = {nodes_[i].brain.tell_shares()};
    send(std::move(report));
  }
}

void World::tick_brains() {
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (!pops[i].dead) nodes_[i].snapshot = nodes_[i].brain.tick(now_);
}

model::Decision World::page_answer(size_t pop, const routing::Client& client) const {
  return options_.page_answer(*nodes_[pop].snapshot, client);
}

// ---- what users do ------------------------------------------------------------------------------

/// Of any POP that lives and has one: resolvers try the name servers until one answers.
const routing::Snapshot* World::any_snapshot() {
  const size_t first = random_.below(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const size_t pop = (first + i) % nodes_.size();
    if (!pops[pop].dead && nodes_[pop].snapshot) return nodes_[pop].snapshot.get();
  }
  return nullptr;
}

void World::serve_page(ClientNetwork& network) {
  if (now_ >= network.page.until) {
    const auto* snapshot = any_snapshot();
    if (!snapshot) return;
    // The first answers are met somewhere within their TTL: resolvers did not all start to ask at once.
    const double left = network.page.answer.count == 0 ? random_.uniform() : 1;
    network.page.answer = options_.page_answer(*snapshot, network.client);
    network.page.until = now_ + from_ms(1000 * left * network.page.answer.ttl);
  }
  Server* server = first_living(network.page.answer, origins);
  (server ? server->requests : failed_) += network.requests;
}

void World::serve_content(ClientNetwork& network) {
  if (now_ >= network.content.until) {
    const auto* snapshot = any_snapshot();
    if (!snapshot) return;
    const double left = network.content.answer.count == 0 ? random_.uniform() : 1;
    const auto& host = config_->sites[0].hostnames[1];
    network.content.answer = routing::decide_pop(*config_, snapshot->map, host, network.client);
    network.content.until = now_ + from_ms(1000 * left * network.content.answer.ttl);
  }
  if (Server* server = first_living(network.content.answer, pops)) {
    server->requests += network.requests;
    content_rtt_sum_ += network.requests * network.rtt_ms[static_cast<size_t>(server - pops.data())];
  }
}

void World::serve_users() {
  for (auto* servers : {&origins, &pops})
    for (Server& server : *servers) server.requests = 0;
  failed_ = content_rtt_sum_ = 0;
  for (ClientNetwork& network : clients) {
    serve_page(network);
    if (config_->sites[0].hostnames.size() > 1) serve_content(network);
  }
  for (auto* servers : {&origins, &pops})
    for (Server& server : *servers) server.cpu += cpu_smoothing * (std::min(1.0, server.rho()) - server.cpu);
}

void World::record() {
  Moment moment;
  moment.at = now_;
  for (const Server& origin : origins) {
    moment.origin_part.push_back(origin.requests / options_.demand);
    moment.origin_cpu.push_back(origin.cpu);
  }
  for (const Server& pop : pops) {
    moment.pop_part.push_back(pop.requests / options_.demand);
    moment.pop_cpu.push_back(pop.cpu);
  }
  if (const auto* snapshot = nodes_[0].snapshot.get())
    for (const auto& origin : snapshot->map.sites[0].origins) moment.origin_share.push_back(origin.share);
  moment.failed_part = failed_ / options_.demand;
  moment.content_rtt_ms = content_rtt_sum_ / options_.demand;
  history_.push_back(std::move(moment));
}

std::vector<Moment> last(const World& world, Duration time) {
  const auto& all = world.history();
  const auto first =
      std::find_if(all.begin(), all.end(), [&](const Moment& m) { return m.at > world.now() - time; });
  return {first, all.end()};
}

}  // namespace popnet::sim
