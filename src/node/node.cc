#include "node/node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cluster/nats/nats.h"
#include "common/hash.h"
#include "common/log.h"
#include "dns/zone/make_names.h"
#include "node/probe_kinds.h"
#include "node/run_on.h"
#include "rt/clock.h"
#include "rt/shards.h"

namespace popnet::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration tick_interval = 250ms;  // fold, shares, map
constexpr Duration speak_interval = 1s;    // shares and resolvers to the other nodes
constexpr Duration keep_interval = 5s;     // measurements to disk
constexpr Duration reclaim_interval = 100ms;
constexpr Duration sign_interval = 1s;         // how late zones may be signed again
constexpr dns::sign::Seconds sign_retry = 60;  // after an error

dns::sign::Seconds unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(rt::wall_now().time_since_epoch()).count();
}

Error invalid(const std::vector<config::Problem>& problems) {
  std::string text = config::report(problems);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return {ErrorCode::invalid, "the config is not usable:\n" + text};
}

config::Problem problem_of(const std::string& key, const std::string& text,
                           config::Problem::Severity severity = config::Problem::Severity::error) {
  config::Problem problem;
  problem.key = key;
  problem.message = text;
  problem.severity = severity;
  return problem;
}

}  // namespace

/// Timers of the control thread; made and destroyed there.
struct Node::Timers {
  explicit Timers(Node& n)
      : node(n),
        tick(n.control_loop_, [this] { node.publish_snapshot(), tick.arm_after(tick_interval); }),
        speak(n.control_loop_, [this] { node.speak(), speak.arm_after(speak_interval); }),
        keep(n.control_loop_, [this] { node.keep_state(), keep.arm_after(keep_interval); }),
        reclaim(n.control_loop_, [this] { node.epoch_.reclaim(), reclaim.arm_after(reclaim_interval); }) {
    tick.arm_after(tick_interval);
    speak.arm_after(speak_interval);
    keep.arm_after(keep_interval);
    reclaim.arm_after(reclaim_interval);
  }
  Node& node;
  rt::Timer tick, speak, keep, reclaim;
};

Node::Node(Options options) : options_(std::move(options)) {}

Node::~Node() {
  stop();
}

Result<std::unique_ptr<Node>> Node::start(Options options) {
  std::unique_ptr<Node> node(new Node(std::move(options)));
  if (auto status = node->start_all(); !status) return status.error();
  return node;
}

// What starts, in which order. What ends stands in stop(), from the bottom up.
Status Node::start_all() {
  auto loaded = options_.source.load(std::nullopt, ++config_generation_);
  if (!loaded.config) return invalid(loaded.problems);
  for (const auto& problem : loaded.problems) log::warning("{}", config::to_string(problem));
  const std::string state_dir = loaded.config->node.state_dir;
  if (!log::set_level(loaded.config->node.log_level)) log::set_level(log::Level::info);

  if (!state_dir.empty()) {
    auto state = cluster::State::open(state_dir);
    if (!state) return state.error();
    state_ = std::move(*state);
  }
  follows_bus_ = loaded.config->bus.follow_config &&
                 (options_.hub != nullptr || loaded.config->bus.kind != model::BusKind::memory);
  if (auto kept = load_kept_config(*loaded.config)) loaded = std::move(*kept);
  std::vector<std::string> zone_problems;
  keeper_ =
      std::make_unique<dns::sign::KeyKeeper>(loaded.config->node.key_dir, loaded.config->node.manage_keys);
  keeper_->begin(unix_seconds());
  auto names =
      dns::make_names(*loaded.config, &zone_problems, loaded.config->node.dns ? keeper_.get() : nullptr);
  plan_signing(names.ok());
  if (!names) return Error{ErrorCode::invalid, fmt::format("{}", fmt::join(zone_problems, "\n"))};

  config_ = loaded.config;
  names_ = *names;
  started_with_ = config_;
  started_ = rt::monotonic_now();
  pop_ = config_->node.pop;
  purge_ids_ = mix64(options_.seed);
  brain_.emplace(pop_);
  brain_->set_config(config_);
  if (state_)
    if (auto kept = state_->load_metrics(started_, rt::wall_now()))
      brain_->restore(kept->samples, kept->shares.empty() ? model::Shares{} : kept->shares.front());
  snapshot_ = brain_->tick(started_);

  make_bus();
  if (auto status = start_servers(); !status) return status;
  make_probes();
  join_bus();
  start_threads();
  return start_admin();
}

/// With a bus that keeps the network's config: the copy from the last run, when the bus may be away.
std::optional<config::Loaded> Node::load_kept_config(const model::Config& local) {
  if (!state_ || !follows_bus_) return std::nullopt;
  auto kept = state_->load_config();
  if (!kept) return std::nullopt;
  auto loaded = options_.source.load(kept->text, ++config_generation_);
  if (!loaded.config) {
    log::warning("the network config kept in {} (revision {}) does not fit any more: serving the file's",
                 local.node.state_dir, kept->revision);
    return std::nullopt;
  }
  network_text_ = kept->text;
  network_revision_ = kept->revision;
  return loaded;
}

Status Node::start_servers() {
  const model::Node& node = config_->node;
  const int threads = node.threads > 0 ? node.threads : rt::usable_cores();
  if (node.dns) {
    auto server =
        dns::Server::start({.listen = node.dns_listen, .threads = threads, .signing_rate = node.signing_rate},
                           epoch_, snapshot_, names_);
    if (!server) return server.error();
    dns_ = std::move(*server);
  }
  if (node.edge) {
    http::Edge::Options options;
    options.listen = node.http_listen;
    options.threads = threads;
    options.cache_memory = node.cache_memory;
    options.seed = options_.seed;
    auto edge = http::Edge::start(std::move(options), epoch_, snapshot_);
    if (!edge) return edge.error();
    edge_ = std::move(*edge);
  }
  return {};
}

void Node::make_probes() {
  if (!config_->node.probe) return;
  probe::Runner::Parts parts;
  parts.kinds = make_probe_kinds();
  parts.seed = options_.seed;
  parts.sink = [this](std::vector<model::ProbeSample> samples, bool) {
    cluster::Report report;
    report.author = pop_;
    report.samples = std::move(samples);
    tell(report);
  };
  if (edge_) parts.bytes_sent = [this] { return edge_->totals().bytes_sent; };
  runner_ = std::make_unique<probe::Runner>(std::move(parts));
}

/// After all that the threads read has been made. What has been posted to them meanwhile comes first.
void Node::start_threads() {
  control_loop_.post([this] {
    if (runner_) runner_->publish(config_);
  });
  control_thread_ = std::thread([this] {
    rt::name_thread("control");
    Timers timers(*this);
    control_loop_.run();
  });
  config_thread_ = std::thread([this] {
    rt::name_thread("config");
    sign_again_ = std::make_unique<rt::Timer>(config_loop_, [this] { sign_again_in_time(); });
    sign_again_->arm_after(sign_interval);
    config_loop_.run();
    sign_again_.reset();
  });
}

/// Last: it lets others ask for what needs all the rest.
Status Node::start_admin() {
  if (!started_with_->node.control) return {};
  auto admin = control::AdminServer::start(started_with_->node.admin_listen, admin_hooks());
  if (!admin) return admin.error();
  admin_ = std::move(*admin);
  return {};
}

void Node::make_bus() {
  if (options_.hub) {
    bus_ = std::make_unique<cluster::EmbeddedBus>(*options_.hub);
  } else if (config_->bus.kind == model::BusKind::nats) {
    cluster::NatsOptions nats;
    nats.url = config_->bus.url;
    nats.network = config_->network.name;
    nats.node = pop_;
    bus_ = std::make_unique<cluster::NatsBus>(std::move(nats));
  } else {
    own_hub_ = std::make_unique<cluster::EmbeddedHub>();
    bus_ = std::make_unique<cluster::EmbeddedBus>(*own_hub_);
  }
}

void Node::join_bus() {
  cluster::BusHandlers handlers;
  handlers.on_report = [this](const cluster::Report& report) {
    if (report.author == pop_) return;  // heard when it was told
    control_loop_.post([this, report] { on_report(report); });
  };
  if (follows_bus_)
    handlers.on_config = [this](uint64_t revision, const std::string& text) {
      config_loop_.post([this, revision, text] { on_network_config(revision, text); });
    };
  handlers.on_purge = [this](const cluster::PurgeOrder& order) { on_purge(order); };
  if (config_->bus.kind == model::BusKind::nats)
    handlers.on_connected = [url = config_->bus.url](bool up) {
      up ? log::info("connected to the bus at {}", url)
         : log::warning("lost the bus at {}: serving by what is known", url);
    };
  bus_->subscribe(std::move(handlers));
}

void Node::drain() {
  if (edge_) edge_->drain(snapshot()->config->node.drain_timeout);
  stop();
}

void Node::stop() {
  if (stopped_.exchange(true)) return;
  if (runner_) runner_->stop();
  if (bus_) bus_->close();
  admin_.reset();
  if (config_thread_.joinable()) {
    config_loop_.stop();
    config_thread_.join();
  }
  if (control_thread_.joinable()) {
    control_loop_.post([this] { keep_state(); });
    control_loop_.stop();
    control_thread_.join();
  }
  if (dns_) dns_->stop();
  if (edge_) edge_->stop();
}

// ---- on the control thread

void Node::on_report(const cluster::Report& report) {
  if (runner_ && !report.resolvers.empty()) runner_->measure(report.resolvers);
  if (brain_->add(report)) publish_snapshot();
}

void Node::publish_snapshot() {
  auto snapshot = brain_->tick(control_loop_.now());
  if (dns_) dns_->publish(snapshot, names_);
  if (edge_) edge_->publish(snapshot);
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(snapshot);
}

void Node::speak() {
  cluster::Report report;
  report.author = pop_;
  if (brain_->shares().generation > 0) report.shares.push_back(brain_->tell_shares());
  if (dns_) report.resolvers = dns_->take_resolvers();
  if (!report.shares.empty() || !report.resolvers.empty()) tell(report);
  publish_snapshot();  // by what was told
}

void Node::keep_state() {
  if (!state_) return;
  cluster::Report report;
  report.author = pop_;
  report.samples = brain_->samples(control_loop_.now());
  report.shares.push_back(brain_->shares());
  state_->save_metrics(report, control_loop_.now(), control_loop_.wall());
}

void Node::adopt(std::shared_ptr<const model::Config> config, std::shared_ptr<const dns::Names> names) {
  config_ = std::move(config);
  names_ = std::move(names);
  log::set_level(config_->node.log_level);
  brain_->set_config(config_);
  if (runner_) runner_->publish(config_);
  publish_snapshot();
}

// ---- on the config thread

void Node::on_network_config(uint64_t revision, const std::string& text) {
  // The bus puts them in order. Revisions of a store that was made anew begin again: nothing to go by here.
  if (network_text_ == text) {
    network_revision_ = revision;
    return;
  }
  const auto problems = apply(text);
  for (const auto& problem : problems) log::warning("{}", config::to_string(problem));
  if (has_errors(problems)) {
    log::error("network config revision {} from the bus has errors: keeping revision {}", revision,
               network_revision_);
    return;
  }
  network_revision_ = revision;
  keep_config();
}

Node::Candidate Node::read_config(const std::optional<std::string>& network_text, uint64_t generation,
                                  dns::sign::KeyKeeper* keeper) const {
  Candidate read{options_.source.load(network_text, generation), nullptr};
  if (!read.loaded.config) return read;
  const model::Config& candidate = *read.loaded.config;
  auto& problems = read.loaded.problems;
  if (candidate.node.pop != pop_) {
    problems.push_back(
        problem_of("node.pop", fmt::format("this node runs as POP '{}' and cannot become '{}', keep its "
                                           "name or restart the node",
                                           pop_, candidate.node.pop)));
    return read;
  }
  std::vector<std::string> zone_problems;
  auto names = dns::make_names(candidate, &zone_problems, candidate.node.dns ? keeper : nullptr);
  for (const auto& text : zone_problems) problems.push_back(problem_of("zones", text));
  for (const auto& key : config::waiting_for_restart(*started_with_, candidate))
    problems.push_back(problem_of(key, "has changed, which counts from the next start of the node",
                                  config::Problem::Severity::warning));
  if (names) read.names = std::move(*names);
  return read;
}

std::vector<config::Problem> Node::apply(std::optional<std::string> network_text) {
  keeper_->begin(unix_seconds());
  Candidate read = read_config(network_text, config_generation_ + 1, keeper_.get());
  plan_signing(read.names != nullptr);
  if (!read.names) return read.loaded.problems;
  const auto& config = read.loaded.config;
  ++config_generation_;
  network_text_ = std::move(network_text);
  if (run_on(control_loop_, [&] { adopt(config, read.names); }))
    log::info("config {} is in force: {} POPs, {} sites, {} zones", config_generation_, config->pops.size(),
              config->sites.size(), config->zones.size());
  return read.loaded.problems;
}

// What could not be signed again, for an error in a zone file, must not be forgotten.
void Node::plan_signing(bool signed_now) {
  if (signed_now) {
    sign_again_at_ = keeper_->next_change();
  } else if (sign_again_at_ != 0) {
    sign_again_at_ = unix_seconds() + sign_retry;
  }
}

// A node that does not manage the keys learns of changes from their folder, as does the one that does when an
// operator has said something.
void Node::sign_again_in_time() {
  if ((sign_again_at_ != 0 && unix_seconds() >= sign_again_at_) || keeper_->changed_on_disk()) {
    log::info("signing zones again");
    for (const auto& problem : apply(network_text_))
      log::error("signing zones again: {}", config::to_string(problem));
  }
  sign_again_->arm_after(sign_interval);
}

/// The state belongs to the control thread.
void Node::keep_config() {
  if (!state_ || !network_text_) return;
  run_on(control_loop_, [&] { state_->save_config({network_revision_, *network_text_}); });
}

// ---- any thread

/// What a node says it hears itself, whatever the bus does: without the bus it goes by its own measurements.
void Node::tell(const cluster::Report& report) {
  control_loop_.post([this, report] { on_report(report); });
  bus_->publish(report);
}

bool Node::has_errors(const std::vector<config::Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const auto& p) { return p.severity == config::Problem::Severity::error; });
}

std::vector<config::Problem> Node::reload() {
  std::vector<config::Problem> problems;
  if (!run_on(config_loop_, [&] { problems = apply(network_text_); }))
    problems.push_back(problem_of("node", "is stopping"));
  return problems;
}

void Node::on_purge(const cluster::PurgeOrder& order) {
  if (!edge_) return;
  const bool site = order.scope == cluster::PurgeOrder::Scope::site;
  const Status status =
      site ? edge_->purge_site(order.site, order.soft) : edge_->purge_url(order.url, order.site, order.soft);
  if (status)
    log::info("purged {}", site ? order.site : order.url);
  else
    log::warning("purge of {}: {}", site ? order.site : order.url, status.error().message);
}

std::shared_ptr<const routing::Snapshot> Node::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

std::vector<CounterValue> Node::counters() const {
  std::vector<CounterValue> all;
  if (dns_) dns_->collect(all);
  if (edge_) edge_->collect(all);
  if (runner_)
    for (auto& value : runner_->counters()) all.push_back(std::move(value));
  return all;
}

uint64_t Node::queries() const {
  std::vector<CounterValue> values;
  if (dns_) dns_->collect(values);
  double sum = 0;
  for (const CounterValue& value : values)
    if (value.name == "popnet_dns_queries_total") sum += value.value;
  return static_cast<uint64_t>(sum);
}

dns::AnswerCounts Node::answer_counts() const {
  return dns_ ? dns_->answer_counts() : dns::AnswerCounts{};
}

http::EdgeTotals Node::edge_totals() const {
  return edge_ ? edge_->totals() : http::EdgeTotals{};
}

std::string Node::listens() const {
  std::vector<std::string> parts;
  const auto add = [&](std::string_view what, const std::vector<Endpoint>& list) {
    for (const Endpoint& endpoint : list) parts.push_back(fmt::format("{} {}", what, endpoint.to_string()));
  };
  if (dns_) add("dns", dns_->listening());
  if (edge_) add("http", edge_->listening());
  if (admin_) add("admin", {admin_->endpoint()});
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace popnet::node
