#include "node/node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "cluster/nats/nats.h"
#include "common/hash.h"
#include "common/log.h"
#include "dns/zone/make_names.h"
#include "node/probe_kinds.h"
#include "node/run_on.h"
#include "rt/clock.h"
#include "rt/descriptors.h"
#include "rt/shards.h"

namespace popnet::node {

using namespace std::chrono_literals;

namespace {

constexpr Duration tick_interval = 250ms;  // fold, shares, map
constexpr Duration speak_interval = 1s;    // shares and resolvers to the other nodes
constexpr Duration keep_interval = 5s;     // measurements to disk
constexpr int rests_for_each = 50;         // of the time it took to gather them
constexpr Duration reclaim_interval = 100ms;
Error invalid(const std::vector<config::Problem>& problems) {
  std::string text = config::report(problems);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return {ErrorCode::invalid, "the config is not usable:\n" + text};
}

dns::Server::Options dns_options(const model::Config& config, int threads, uint64_t seed) {
  dns::Server::Options options;
  options.listen = config.node.dns_listen;
  options.tls_listen = config.node.dns_server.tls_listen;
  options.threads = threads;
  options.seed = seed;
  options.tcp.connections_max = static_cast<size_t>(config.dns.tcp_connections_max);
  options.tcp.per_source = static_cast<size_t>(config.dns.tcp_connections_per_source);
  options.tcp.idle = config.dns.tcp_idle;
  options.signing_rate = config.node.signing_rate;
  options.xdp = config.node.dns_server.xdp;
  return options;
}

http::EdgeTimeouts edge_timeouts(const model::HttpNode& node) {
  http::EdgeTimeouts timeouts;
  timeouts.keep_alive = node.idle_timeout;
  timeouts.head = node.head_timeout;
  timeouts.progress = node.progress_timeout;
  const double seconds = std::chrono::duration<double>(node.progress_timeout).count();
  timeouts.progress_bytes =
      std::max(uint64_t{1}, static_cast<uint64_t>(static_cast<double>(node.rate_min) * seconds));
  timeouts.busy_poll = node.busy_poll;
  return timeouts;
}

http::EdgeLimits edge_limits(const model::HttpNode& node, uint32_t connections_max) {
  http::EdgeLimits limits;
  limits.connections_max = connections_max;
  limits.connections_per_network = static_cast<uint32_t>(node.connections_per_network);
  limits.ipv4_prefix = node.ipv4_prefix;
  limits.ipv6_prefix = node.ipv6_prefix;
  limits.exempt = node.exempt;
  return limits;
}

/// With the places of the config that they are about.
std::vector<std::string> located(const config::Loaded& loaded, std::vector<std::string> zone_problems) {
  for (std::string& line : zone_problems)
    if (const auto problem = config::located(loaded, line)) line = config::to_string(*problem);
  return zone_problems;
}

}  // namespace

/// Timers of the control thread; made and destroyed there.
struct Node::Timers {
  explicit Timers(Node& n)
      : node(n),
        tick(n.control_loop_, [this] { node.publish_snapshot(), tick.arm_after(tick_interval); }),
        speak(n.control_loop_, [this] { node.speak(), speak.arm_after(speak_interval); }),
        keep(n.control_loop_,
             [this] { keep.arm_after(std::max(keep_interval, rests_for_each * node.keep_state())); }),
        reclaim(n.control_loop_, [this] { node.epoch_.reclaim(), reclaim.arm_after(reclaim_interval); }) {
    tick.arm_after(tick_interval);
    speak.arm_after(speak_interval);
    keep.arm_after(keep_interval);
    reclaim.arm_after(reclaim_interval);
  }
  Node& node;
  rt::Timer tick, speak, keep, reclaim;
};

Node::Node(Options options)
    : options_(std::move(options)),
      outbox_(config_loop_, [this](const model::PurgeOrder& order) { return bus_->purge(order); }) {}

Node::~Node() {
  stop();
}

Result<std::unique_ptr<Node>> Node::start(Options options) {
  try {
    std::unique_ptr<Node> node(new Node(std::move(options)));
    if (auto status = node->start_all(); !status) return status.error();
    return node;
  } catch (const std::system_error& refused) {  // an event loop or a thread
    return Error{ErrorCode::machine, refused.what()};
  }
}

// What starts, in which order. What ends stands in stop(), from the bottom up.
Status Node::start_all() {
  auto loaded = options_.source.load(std::nullopt, ++config_generation_);
  if (!loaded.config) return invalid(loaded.problems);
  for (const auto& problem : loaded.problems) log::warning("{}", config::to_string(problem));
  const std::string state_dir = loaded.config->node.state_dir;
  if (!log::set_level(loaded.config->node.log_level)) log::set_level(log::Level::info);
  run_ = mix64(options_.seed + 1);
  dns_chance_ = options_.seed;
  if (options_.replace) {
    if (auto found = find_predecessor(state_dir); !found) return found;
  } else if (!state_dir.empty()) {
    if (auto alone = Handover::check_alone(state_dir); !alone) return alone;
  }

  if (!state_dir.empty()) {
    auto state = cluster::State::open(state_dir);
    if (!state) return state.error();
    state_ = std::move(*state);
  }
  follows_bus_ = loaded.config->bus.follow_config &&
                 (options_.hub != nullptr || loaded.config->bus.kind != model::BusKind::memory);
  if (auto kept = load_kept_config(*loaded.config)) loaded = std::move(*kept);
  make_zones(*loaded.config);
  std::vector<std::string> zone_problems;
  // Whom this process is to replace may serve zones that are broken by now: then it goes on.
  auto made = zones_->make(loaded.config, &zone_problems,
                           predecessor_ ? Zones::Broken::refused : Zones::Broken::left_out);
  if (!made)
    return Error{ErrorCode::invalid, fmt::format("{}", fmt::join(located(loaded, zone_problems), "\n"))};
  for (const std::string& line : located(loaded, made->why_left_out)) log::error("{}", line);
  if (!made->left_out.empty())
    log::error(
        "{} of {} zones are broken, and answered with SERVFAIL until that is mended and the config read "
        "again (SIGHUP)",
        made->left_out.size(), loaded.config->zones.size());

  config_ = loaded.config;
  names_ = made->names;
  zones_->in_force(config_, std::move(*made));
  started_with_ = config_;
  started_ = rt::monotonic_now();
  id_ = {config_->node.name, config_->node.pop};
  purge_ids_ = mix64(options_.seed);
  brain_.emplace(id_);
  brain_->set_config(config_);
  if (state_)
    if (auto kept = state_->load_metrics(started_, rt::wall_now()))
      brain_->restore(kept->samples, kept->shares.empty() ? model::Shares{} : kept->shares.front(), started_);
  snapshot_ = brain_->tick(started_);

  make_bus();
  if (auto status = start_servers(); !status) return status;
  make_probes();
  join_bus();
  start_threads();
  {
    const std::lock_guard lock(other_process_mutex_);  // told of no purge until it knows that this one serves
    if (auto status = start_admin(); !status) return status;
    open();
  }
  if (!state_dir.empty()) await_successor(state_dir);
  return {};
}

/// Before anything is read that the other process writes.
Status Node::find_predecessor(const std::string& state_dir) {
  if (state_dir.empty())
    return Error{ErrorCode::invalid,
                 "node.state_dir: serve --replace needs it, there the running node waits for its successor"};
  auto found = Predecessor::find(state_dir, run_);
  if (!found && found.error().code == ErrorCode::not_found) {
    log::info("no node runs that could be replaced ({}): starting as usual", found.error().message);
    return {};
  }
  if (!found) return Error{found.error().code, "serve --replace: " + found.error().message};
  predecessor_ = std::move(*found);
  dns_chance_ = predecessor_->chance;
  related_run_ = predecessor_->run;
  return {};
}

/// From here on nothing fails any more: what a successor takes it answers.
void Node::open() {
  if (dns_) dns_->open();
  if (edge_) edge_->open();
  if (!predecessor_) return;
  if (const Status told = predecessor_->tell_serving(); !told)
    log::warning("the process before this one has not said that it stops: {}", told.error().message);
  predecessor_->sockets = {};  // what is left of them is not wanted here
  predecessor_->receive([this](Predecessor::Connection connection) { go_on_with(std::move(connection)); },
                        [this](const model::PurgeOrder& order) { on_purge_there(order); },
                        [this](model::PurgeOrder order) {
                          config_loop_.post([this, order = std::move(order)]() mutable {
                            expect_echo(order.id);
                            outbox_.add(std::move(order));
                          });
                        });
}

/// When this process is being replaced itself, that is for the next one.
void Node::go_on_with(Predecessor::Connection connection) {
  const std::lock_guard lock(other_process_mutex_);
  if (!dns_) return;
  if (!replaced_)
    dns_->adopt(std::move(connection.fd), connection.peer, std::move(connection.received));
  else if (handover_)
    handover_->pass_on({connection.fd.get(), connection.peer, connection.received});
}

// What it still says may be on its way: it ends outside of the lock.
void Node::forget_predecessor() {
  std::optional<Predecessor> before;
  const std::lock_guard lock(other_process_mutex_);
  std::swap(before, predecessor_);
}

void Node::forget_successor() {
  std::unique_ptr<Handover> after;
  const std::lock_guard lock(other_process_mutex_);
  std::swap(after, handover_);
}

void Node::await_successor(const std::string& state_dir) {
  Handover::Hooks hooks;
  hooks.on_successor = [this](uint64_t run) { return make_offer(run); };
  hooks.on_given_up = [this] { being_replaced_ = false; };
  hooks.on_replaced = [this](pid_t pid) {
    replaced_ = true;
    log::info("process {} serves: this one lets its connections end", pid);
    if (options_.on_replaced) options_.on_replaced(pid);
  };
  hooks.on_purge = [this](const model::PurgeOrder& order) { on_purge_there(order); };
  const std::lock_guard lock(other_process_mutex_);
  auto handover = Handover::listen(state_dir, std::move(hooks));
  if (handover)
    handover_ = std::move(*handover);
  else
    log::warning("node.state_dir: {}: serve --replace will not find this node", handover.error().message);
}

Offer Node::make_offer(uint64_t run_of_successor) {
  being_replaced_ = true;
  related_run_ = run_of_successor;
  run_on(control_loop_, [this] { keep_state(); });
  run_on(config_loop_, [] {});  // behind which it is written
  Offer offer;
  offer.run = run_;
  offer.chance = dns_chance_;
  if (dns_) offer.sockets = dns_->sockets();
  if (edge_) offer.sockets.insert(offer.sockets.end(), edge_->sockets().begin(), edge_->sockets().end());
  if (admin_) offer.sockets.push_back(admin_->socket());
  return offer;
}

/// With a bus that keeps the network's config: the copy from the last run, when the bus may be away.
std::optional<config::Loaded> Node::load_kept_config(const model::Config& local) {
  if (!state_ || !follows_bus_) return std::nullopt;
  auto kept = state_->load_config();
  if (!kept) return std::nullopt;
  NetworkDocument network{kept->revision, std::move(kept->text)};
  auto loaded = options_.source.load(network, ++config_generation_);
  if (!loaded.config) {
    log::warning("the network config kept in {} (revision {}) does not fit any more: serving the file's",
                 local.node.state_dir, network.revision);
    for (const auto& problem : loaded.problems) log::warning("{}", config::to_string(problem));
    return std::nullopt;
  }
  network_ = std::move(network);
  return loaded;
}

void Node::make_zones(const model::Config& start) {
  Zones::Hooks hooks;
  hooks.publish = [this](std::shared_ptr<const dns::Names> names) {
    return run_on(control_loop_, [&] {
      names_ = std::move(names);
      publish_snapshot();
    });
  };
  hooks.may_sign = [this] { return !being_replaced_ && !replaced_; };
  zones_ = std::make_unique<Zones>(config_loop_, start, options_.seed, std::move(hooks));
}

Status Node::start_servers() {
  const model::Node& node = config_->node;
  const int threads = node.threads > 0 ? node.threads : rt::usable_cores();
  if (auto status = divide_descriptors(threads); !status) return status;
  rt::PassedSockets* passed = predecessor_ ? &predecessor_->sockets : nullptr;
  if (node.dns) {
    dns::Server::Options options = dns_options(*config_, threads, dns_chance_);
    options.passed = passed;
    options.identity = node.name;
    options.tcp.connections_max = std::min(options.tcp.connections_max, plan_.dns_tcp_each_thread);
    options.on_notify = [this](const dns::Name& zone, const IpAddress& from) {
      zones_->on_notify(zone, from);
    };
    auto server = dns::Server::prepare(options, epoch_, snapshot_, names_);
    if (!server) return server.error();
    dns_ = std::move(*server);
  }
  if (node.edge) {
    http::Edge::Options options;
    options.listen = node.http_listen;
    options.threads = threads;
    options.cache_memory = node.cache_memory;
    options.seed = options_.seed;
    options.process = options_.process;
    options.limits = edge_limits(node.http_server, plan_.clients);
    options.timeouts = edge_timeouts(node.http_server);
    options.access_log = node.access_log;
    options.on_purge = [this](const model::PurgeOrder& order) { send_purge(order); };
    options.passed = passed;
    auto edge = http::Edge::prepare(std::move(options), epoch_, snapshot_);
    if (!edge) return edge.error();
    edge_ = std::move(*edge);
  }
  return {};
}

Status Node::divide_descriptors(int threads) {
  const uint64_t limit = options_.descriptors > 0 ? options_.descriptors : rt::descriptor_limit();
  const auto plan = plan_descriptors(limit, config_->node, threads);
  if (!plan) return plan.error();
  plan_ = *plan;
  if (config_->node.edge && plan_.clients < DescriptorPlan::clients_full)
    log::warning(
        "{} files and sockets may be open: that is room for {} clients at once, of at most {} (ulimit -n, or "
        "LimitNOFILE= of systemd)",
        limit, plan_.clients, DescriptorPlan::clients_full);
  return {};
}

void Node::make_probes() {
  if (!config_->node.probe) return;
  probe::Runner::Parts parts;
  std::function<uint64_t()> bytes_sent;
  if (edge_) bytes_sent = [this] { return edge_->totals().bytes_sent; };
  parts.kinds = [bytes_sent](rt::Loop& loop) { return make_probe_kinds(loop, bytes_sent); };
  parts.seed = options_.seed;
  parts.sink = [this](std::vector<model::ProbeSample> samples, bool) {
    cluster::Report report;
    report.samples = std::move(samples);
    tell(std::move(report));
  };
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
    rt::let_others_go_first();
    zones_->begin();
    config_loop_.run();
    zones_->end();
  });
}

/// Last: it lets others ask for what needs all the rest.
Status Node::start_admin() {
  if (!started_with_->node.control) return {};
  auto admin = control::AdminServer::start(started_with_->node.admin_listen, admin_hooks(), plan_.admin,
                                           predecessor_ ? &predecessor_->sockets : nullptr);
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
    nats.node = id_.name;
    bus_ = std::make_unique<cluster::NatsBus>(std::move(nats));
  } else {
    own_hub_ = std::make_unique<cluster::EmbeddedHub>();
    bus_ = std::make_unique<cluster::EmbeddedBus>(*own_hub_);
  }
}

void Node::join_bus() {
  cluster::BusHandlers handlers;
  handlers.on_report = [this](const cluster::Report& report) {
    if (is_own(report)) return;  // heard when it was told
    control_loop_.post([this, report] { on_report(report); });
  };
  if (follows_bus_)
    handlers.on_config = [this](uint64_t revision, const std::string& text) {
      config_loop_.post([this, revision, text] { on_network_config(revision, text); });
    };
  handlers.on_purge = [this](const cluster::PurgeOrder& order) { on_purge(order); };
  handlers.on_purges_missed = [this] { on_purges_missed(); };
  if (config_->bus.kind == model::BusKind::nats)
    handlers.on_connected = [this, url = config_->bus.url](bool up) {
      up ? log::info("connected to the bus at {}", url)
         : log::warning("lost the bus at {}: serving by what is known", url);
      if (up) outbox_.try_now();
    };
  bus_->subscribe(std::move(handlers));
}

void Node::drain() {
  if (!replaced_) {
    forget_successor();
    forget_predecessor();
  } else {
    const std::lock_guard lock(other_process_mutex_);  // what has been adopted lies before the drain
  }
  const Duration at_most = snapshot()->config->node.drain_timeout;
  if (replaced_ && handover_) {
    // Whoever has a connection here keeps it; all of them at once, because they all have the same time.
    if (runner_) runner_->stop();
    std::thread dns([&] {
      if (dns_)
        dns_->stop(at_most, {.take =
                                 [this](const dns::PassedConnection& connection) {
                                   return handover_->pass_on(connection);
                                 },
                             .relays = options_.relays});
    });
    std::thread admin([&] {
      if (admin_) admin_->drain(at_most);
    });
    if (edge_) edge_->drain(at_most, http::Edge::Idle::stay);
    dns.join();
    admin.join();
    if (predecessor_) predecessor_->await_end(at_most);  // what it passes on goes on to the successor
    pass_on_unsent();
  } else if (edge_) {
    edge_->drain(at_most);
  }
  stop();
}

void Node::stop() {
  if (stopped_.exchange(true)) return;
  forget_successor();
  forget_predecessor();
  if (runner_) runner_->stop();
  if (bus_) bus_->close();
  admin_.reset();
  if (control_thread_.joinable()) {
    control_loop_.post([this] { keep_state(); });
    control_loop_.stop();
    control_thread_.join();
  }
  if (config_thread_.joinable()) {  // after the other: it writes what that has gathered
    config_loop_.stop();
    config_thread_.join();
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
  if (brain_->shares().generation > 0) report.shares.push_back(brain_->tell_shares());
  if (dns_) report.resolvers = dns_->take_resolvers();
  if (!report.shares.empty() || !report.resolvers.empty()) tell(std::move(report));
  publish_snapshot();  // by what was told
}

/// Gathers what is to be kept; the config thread, which may take its time, writes it. How long it took: of a
/// large network it is much.
Duration Node::keep_state() {
  if (!state_ || replaced_) return {};     // the successor keeps it
  if (keeping_.exchange(true)) return {};  // the last one is still being written
  const TimePoint start = rt::monotonic_now();
  auto report = std::make_shared<cluster::Report>();
  report->author = id_;
  report->samples = brain_->samples(control_loop_.now());
  report->shares.push_back(brain_->shares());
  const auto write = [this, report, now = control_loop_.now(), wall = control_loop_.wall()] {
    state_->save_metrics(*report, now, wall);
    keeping_ = false;
  };
  if (!config_loop_.post(write)) keeping_ = false;
  return rt::monotonic_now() - start;
}

void Node::adopt(std::shared_ptr<const model::Config> config, std::shared_ptr<const dns::Names> names) {
  config_ = std::move(config);
  names_ = std::move(names);
  log::set_level(config_->node.log_level);
  brain_->set_config(config_);
  if (runner_) runner_->publish(config_);
  publish_snapshot();
}

// ---- any thread

/// What a node says it hears itself, whatever the bus does: without the bus it goes by its own measurements.
void Node::tell(cluster::Report report) {
  report.author = id_;
  report.run = run_;
  control_loop_.post([this, report] { on_report(report); });
  if (!replaced_) bus_->publish(report);
}

void Node::on_purge(const cluster::PurgeOrder& order) {
  if (!is_carried_out(order.id)) carry_out(order);
}

void Node::carry_out(const cluster::PurgeOrder& order) {
  if (!edge_) return;
  const Status status = edge_->purge(order);
  if (status)
    log::info("purged {}{}", to_string(order), order.soft ? " softly" : "");
  else
    log::warning("purge of {}: {}", to_string(order), status.error().message);
}

/// A user's PURGE, from a thread of the edge: sending may wait for the bus.
void Node::send_purge(const model::PurgeOrder& order) {
  config_loop_.post([this, numbered = order]() mutable {
    numbered.id = purge_ids_.fetch_add(1);
    expect_echo(numbered.id);
    log::info("purged {}{}, as a PURGE request wants", to_string(numbered), numbered.soft ? " softly" : "");
    tell_other_process(numbered);
    outbox_.add(std::move(numbered));
  });
}

/// While one process takes over from another both answer users, each from its own store, and without a bus between nodes neither
/// hears of what was ordered at the other one.
void Node::tell_other_process(const model::PurgeOrder& order) {
  const std::lock_guard lock(other_process_mutex_);
  if (predecessor_) predecessor_->tell_purge(order);
  if (handover_) handover_->tell_purge(order);
}

void Node::on_purge_there(const model::PurgeOrder& order) {
  expect_echo(order.id);
  carry_out(order);
}

/// What the bus has not taken from this process it may take from the next one.
void Node::pass_on_unsent() {
  run_on(config_loop_, [this] {
    for (model::PurgeOrder& order : outbox_.take())
      if (!handover_->pass_on_unsent(order)) outbox_.add(std::move(order));
  });
}

/// What the edge has purged already comes back over the bus, when it may have been stored anew.
void Node::expect_echo(uint64_t id) {
  constexpr size_t echoes_max = 10'000;  // where the bus is away, none comes
  const std::lock_guard lock(echoes_mutex_);
  if (echoes_.size() >= echoes_max) echoes_.clear();
  echoes_.insert(id);
}

bool Node::is_carried_out(uint64_t id) {
  const std::lock_guard lock(echoes_mutex_);
  return echoes_.erase(id) > 0;
}

/// Nobody can say which stored object a missed purge was about.
void Node::on_purges_missed() {
  if (!edge_) return;
  log::warning(
      "was without the bus for so long that purges may have been missed: all that is stored counts as stale");
  for (const model::Site& site : snapshot()->config->sites)
    if (const Status status = edge_->purge({.scope = model::PurgeOrder::Scope::site,
                                            .site = site.name,
                                            .url = {},
                                            .tags = {},
                                            .soft = true});
        !status)
      log::warning("purge of {}: {}", site.name, status.error().message);
}

/// On the bus' thread.
bool Node::is_own(const cluster::Report& report) {
  if (report.author != id_) return false;
  if (report.run != run_ && report.run != related_run_ && !has_namesake_.exchange(true))
    log::error(
        "another node of POP {} calls itself {} too: give each node a name of its own (node.name); until "
        "then they overwrite each other's measurements, and this one does not hear the other",
        id_.pop, id_.name);
  return true;
}

std::shared_ptr<const routing::Snapshot> Node::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

std::vector<CounterValue> Node::counters() const {
  std::vector<CounterValue> all;
  if (dns_) dns_->collect(all);
  zones_->collect(all);
  if (edge_) edge_->collect(all);
  if (runner_)
    for (auto& value : runner_->counters()) all.push_back(std::move(value));
  all.push_back({"popnet_purges_waiting",
                 "Purges by PURGE requests that the other nodes are not told of yet",
                 CounterValue::Kind::gauge,
                 {},
                 static_cast<double>(outbox_.waiting())});
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

model::AnswerCounts Node::answer_counts(const model::Config& as) const {
  return dns_ ? dns_->answer_counts(as) : model::AnswerCounts{};
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
  if (dns_) add("dns over tls", dns_->listening_tls());
  if (dns_)
    for (const std::string& interface : dns_->listening_xdp())
      parts.push_back("dns by AF_XDP on " + interface);
  if (edge_) add("http", edge_->listening());
  if (admin_) add("admin", {admin_->endpoint()});
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace popnet::node
