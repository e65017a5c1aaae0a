#include "http/edge/edge.h"

#include <fmt/format.h>

#include <atomic>

#include "common/hash.h"
#include "http/edge/access_log.h"
#include "http/edge/collect.h"
#include "http/edge/purging.h"
#include "http/edge/view.h"
#include "http/edge/worker.h"
#include "http/store/store.h"
#include "rt/published.h"
#include "rt/shards.h"
#include "rt/socket.h"

namespace popnet::http {

namespace {

constexpr const char* socket_use = "http";

struct Sockets {
  std::vector<std::vector<rt::UniqueFd>> of_thread;
  std::vector<Endpoint> listening;
  std::vector<rt::SocketRef> refs;
};

/// At least one socket for each endpoint and thread. Where the kernel chooses the port, it does so once.
Result<Sockets> bind_all(const std::vector<Endpoint>& endpoints, int threads, rt::PassedSockets& passed) {
  Sockets sockets;
  const auto count = static_cast<size_t>(threads);
  sockets.of_thread.resize(count);
  for (const Endpoint& asked : endpoints) {
    std::vector<rt::UniqueFd> bound = passed.take({socket_use, asked});
    Endpoint endpoint = bound.empty() ? asked : rt::local_endpoint(bound.front().get());
    if (bound.empty() && !passed.has_port(asked.port))
      if (const Status free = rt::check_port_free(true, asked); !free) return free.error();
    while (bound.size() < count) {
      auto socket = rt::listen_tcp(endpoint);
      if (!socket) return socket.error();
      endpoint = rt::local_endpoint(socket->get());
      bound.push_back(std::move(*socket));
    }
    sockets.listening.push_back(endpoint);
    for (size_t i = 0; i < bound.size(); ++i) {
      sockets.refs.push_back({{socket_use, asked}, bound[i].get()});
      sockets.of_thread[i % count].push_back(std::move(bound[i]));
    }
  }
  return sockets;
}

}  // namespace

struct Edge::Parts {
  Parts(const Options& options, std::unique_ptr<AccessLog> l, rt::Epoch& e,
        std::shared_ptr<const routing::Snapshot> first)
      : log(std::move(l)),
        epoch(e),
        store({options.cache_memory, options.seed, 64}, e),
        registry(store, options.threads),
        process(options.process),
        latest(make_view(std::move(first), nullptr, registry, process)),
        view(e, latest),
        shared(options, log.get(), store, view),
        shards("http", options.threads, e) {}

  /// The view that was published last. Any thread.
  std::shared_ptr<const View> current() const {
    const std::lock_guard lock(mutex);
    return latest;
  }

  const std::unique_ptr<AccessLog> log;  // null: none
  rt::Epoch& epoch;
  Store store;
  Registry registry;
  const uint32_t process;              // in Via: see make_view()
  mutable std::mutex mutex;            // guards latest, and orders publications
  std::shared_ptr<const View> latest;  // the one in `view`, for those who are no reader of the epoch
  rt::Published<View> view;
  EdgeShared shared;
  Sockets sockets;
  rt::Shards shards;
  std::vector<std::unique_ptr<Worker>> workers;
  std::atomic<bool> stopped{false};
};

Edge::Edge(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Edge::~Edge() {
  stop();
}

Result<std::unique_ptr<Edge>> Edge::prepare(Options options, rt::Epoch& epoch,
                                            std::shared_ptr<const routing::Snapshot> first) {
  rt::PassedSockets none;
  auto sockets =
      bind_all(options.listen, options.threads, options.passed != nullptr ? *options.passed : none);
  if (!sockets) return sockets.error();
  options.listen = sockets->listening;  // with the ports that the kernel has chosen
  std::unique_ptr<AccessLog> log;
  if (!options.access_log.file.empty()) {
    auto opened = AccessLog::open(options.access_log, options.threads);
    if (!opened) return opened.error();
    log = std::move(*opened);
  }
  auto parts = std::make_unique<Parts>(options, std::move(log), epoch, std::move(first));
  Parts& p = *parts;
  p.sockets = std::move(*sockets);
  p.workers.resize(static_cast<size_t>(options.threads));
  p.shards.on_each([&](int shard) {
    const auto i = static_cast<size_t>(shard);
    rt::Loop& loop = p.shards.loop(shard);
    p.workers[i] = std::make_unique<Worker>(shard, loop, p.shared, mix64(options.seed + i));
  });
  return std::unique_ptr<Edge>(new Edge(std::move(parts)));
}

void Edge::open() {
  Parts& p = *parts_;
  p.shards.on_each([&](int shard) {
    const auto i = static_cast<size_t>(shard);
    for (rt::UniqueFd& socket : p.sockets.of_thread[i]) p.workers[i]->listen(std::move(socket));
  });
}

Result<std::unique_ptr<Edge>> Edge::start(Options options, rt::Epoch& epoch,
                                          std::shared_ptr<const routing::Snapshot> first) {
  auto edge = prepare(std::move(options), epoch, std::move(first));
  if (edge) (*edge)->open();
  return edge;
}

void Edge::publish(std::shared_ptr<const routing::Snapshot> snapshot) {
  Parts& p = *parts_;
  const std::lock_guard lock(p.mutex);
  p.latest = make_view(std::move(snapshot), p.latest.get(), p.registry, p.process);
  p.view.publish(p.latest);
}

Status Edge::purge(const model::PurgeOrder& order) {
  return carry_out(order, *parts_->current()->sites, parts_->store, parts_->shared.ports);
}

std::vector<Endpoint> Edge::listening() const {
  return parts_->sockets.listening;
}

const std::vector<rt::SocketRef>& Edge::sockets() const {
  return parts_->sockets.refs;
}

EdgeTotals Edge::totals() const {
  EdgeTotals totals;
  for (const auto& worker : parts_->workers) {
    const WorkerCounters& c = worker->counters;
    for (size_t i = 0; i < outcome_count; ++i) {
      totals.requests += c.outcomes[i].get();
      if (is_hit(static_cast<Outcome>(i))) totals.hits += c.outcomes[i].get();
    }
    totals.bytes_sent += c.bytes_sent.get();
  }
  totals.connections = parts_->shared.connections.load();
  return totals;
}

void Edge::collect(std::vector<CounterValue>& out) const {
  collect_workers(parts_->workers, out);
  collect_sites(parts_->registry, static_cast<int>(parts_->workers.size()), out);
  collect_store(parts_->store.stats(), out);
  if (parts_->log) collect_log(*parts_->log, out);
}

void Edge::drain(Duration at_most, Idle idle) {
  Parts& p = *parts_;
  if (p.stopped) return;
  p.shards.on_each([&](int shard) { p.workers[static_cast<size_t>(shard)]->drain(idle); });
  std::unique_lock lock(p.shared.mutex);
  p.shared.quiet.wait_for(lock, at_most, [&] { return p.shared.connections.load() == 0; });
}

void Edge::stop() {
  Parts& p = *parts_;
  if (p.stopped.exchange(true)) return;
  p.shards.on_each([&](int shard) { p.workers[static_cast<size_t>(shard)]->stop(); });
  p.shards.stop();
}

}  // namespace popnet::http
