#include "dns/server/server.h"

#include <cassert>
#include <latch>

#include "common/log.h"
#include "dns/server/metrics.h"
#include "dns/server/policy.h"
#include "rt/clock.h"
#include "rt/socket.h"

namespace popnet::dns {

namespace {

constexpr int port_attempts = 16;  // for a port that is free for both UDP and TCP

size_t thread_count(const Server::Options& options) {
  return (options.listen.size() + 1) * static_cast<size_t>(options.threads);
}

Result<std::shared_ptr<const tls::ServerContext>> load_certificate(const model::Config& config) {
  const model::DnsNode& node = config.node.dns_server;
  return tls::ServerContext::load(node.tls_certificate, node.tls_key, "dot");
}

std::shared_ptr<const Policy> new_policy(const model::Config& config, const Server::Options& options,
                                         const View* before) {
  auto policy = make_policy(config, options.seed, options.threads);
  if (options.tls_listen.empty()) return policy;
  if (auto loaded = load_certificate(config)) {
    policy->tls = std::move(*loaded);
  } else {
    log::error("DNS over TLS: {}{}", loaded.error().message, before ? "; the certificate before stays" : "");
    if (before != nullptr) policy->tls = before->policy->tls;
  }
  return policy;
}

std::shared_ptr<const View> make_view(std::shared_ptr<const routing::Snapshot> snapshot,
                                      std::shared_ptr<const Names> names, const Server::Options& options,
                                      const View* before) {
  assert(names->config_generation() == snapshot->config->generation &&
         "names and snapshot of different configs");
  auto view = std::make_shared<View>();
  if (before != nullptr && before->snapshot->config == snapshot->config) {
    view->counts = before->counts;
    view->policy = before->policy;
  } else {
    view->counts = std::make_shared<TargetCounts>(snapshot->config, thread_count(options),
                                                  before ? before->counts.get() : nullptr);
    view->policy = new_policy(*snapshot->config, options, before);
  }
  if (before != nullptr && before->names == names)
    view->zone_counts = before->zone_counts;
  else
    view->zone_counts = std::make_shared<ZoneCounts>(names, thread_count(options),
                                                     before ? before->zone_counts.get() : nullptr);
  view->snapshot = std::move(snapshot);
  view->names = std::move(names);
  const WallTime now = rt::wall_now();
  view->now = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  view->signing = before != nullptr
                      ? before->signing
                      : std::make_shared<sign::Online>(static_cast<uint32_t>(options.signing_rate));
  view->signing->refill(now);
  return view;
}

}  // namespace

Server::Server(const Options& options, rt::Epoch& epoch, std::shared_ptr<const View> first)
    : options_(options), epoch_(epoch), published_(epoch, first), latest_(std::move(first)) {}

Result<std::unique_ptr<Server>> Server::start(const Options& options, rt::Epoch& epoch,
                                              std::shared_ptr<const routing::Snapshot> snapshot,
                                              std::shared_ptr<const Names> names) {
  std::vector<Sockets> sockets;
  for (const Endpoint& endpoint : options.listen) {
    auto bound = bind_all(endpoint, options.threads);
    if (!bound) return bound.error();
    sockets.push_back(std::move(*bound));
  }
  if (!options.tls_listen.empty())
    if (auto certificate = load_certificate(*snapshot->config); !certificate) return certificate.error();
  for (const Endpoint& endpoint : options.tls_listen) {
    auto bound = bind_tls(endpoint, options.threads);
    if (!bound) return bound.error();
    sockets.push_back(std::move(*bound));
  }
  auto first = make_view(std::move(snapshot), std::move(names), options, nullptr);
  std::unique_ptr<Server> server(new Server(options, epoch, std::move(first)));
  server->run(std::move(sockets));
  return server;
}

Result<Server::Sockets> Server::bind_all(const Endpoint& wanted, int threads) {
  for (const bool tcp : {false, true})
    if (auto free = rt::check_port_free(tcp, wanted); !free) return free.error();
  auto bound = bind_at(wanted, threads);
  for (int i = 1; i < port_attempts && !bound && wanted.port == 0; ++i) bound = bind_at(wanted, threads);
  return bound;
}

Result<Server::Sockets> Server::bind_at(const Endpoint& wanted, int threads) {
  Sockets sockets;
  sockets.endpoint = wanted;
  for (int i = 0; i < threads; ++i) {
    auto udp = open_udp(sockets.endpoint);
    if (!udp) return udp.error();
    sockets.endpoint = rt::local_endpoint(udp->get());
    auto tcp = rt::listen_tcp(sockets.endpoint);
    if (!tcp) return tcp.error();
    sockets.udp.push_back(std::move(*udp));
    sockets.tcp.push_back(std::move(*tcp));
  }
  return sockets;
}

Result<Server::Sockets> Server::bind_tls(const Endpoint& wanted, int threads) {
  if (auto free = rt::check_port_free(true, wanted); !free) return free.error();
  Sockets sockets;
  sockets.endpoint = wanted;
  sockets.stream = Transport::tls;
  for (int i = 0; i < threads; ++i) {
    auto tcp = rt::listen_tcp(sockets.endpoint);
    if (!tcp) return tcp.error();
    sockets.endpoint = rt::local_endpoint(tcp->get());
    sockets.tcp.push_back(std::move(*tcp));
  }
  return sockets;
}

ThreadState& Server::new_state() {
  return *states_.emplace_back(std::make_unique<ThreadState>(states_.size()));
}

void Server::run(std::vector<Sockets> sockets) {
  std::vector<std::vector<TcpListener>> listeners(static_cast<size_t>(options_.threads));
  for (Sockets& s : sockets) {
    (s.stream == Transport::tls ? listening_tls_ : listening_).push_back(s.endpoint);
    for (rt::UniqueFd& fd : s.udp)
      udp_.push_back(std::make_unique<UdpWorker>(std::move(fd), published_, epoch_, new_state()));
    for (size_t i = 0; i < s.tcp.size(); ++i) listeners[i].push_back({std::move(s.tcp[i]), s.stream});
  }
  std::vector<ThreadState*> tcp_states;
  for (int i = 0; i < options_.threads; ++i) tcp_states.push_back(&new_state());

  for (size_t i = 0; i < udp_.size(); ++i) {
    udp_threads_.emplace_back([worker = udp_[i].get(), title = "dns-udp-" + std::to_string(i)] {
      rt::name_thread(title);
      worker->run();
    });
  }
  tcp_loops_ = std::make_unique<rt::Shards>("dns-tcp", options_.threads, epoch_);
  tcp_.resize(static_cast<size_t>(options_.threads));
  tcp_loops_->on_each([&](int i) {
    const auto s = static_cast<size_t>(i);
    tcp_[s] = std::make_unique<TcpShard>(tcp_loops_->loop(i), std::move(listeners[s]), published_,
                                         *tcp_states[s], sources_, options_.tcp);
  });
}

std::shared_ptr<const View> Server::view() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void Server::publish(std::shared_ptr<const routing::Snapshot> snapshot, std::shared_ptr<const Names> names) {
  const std::lock_guard lock(mutex_);
  latest_ = make_view(std::move(snapshot), std::move(names), options_, latest_.get());
  published_.publish(latest_);
}

std::vector<IpAddress> Server::take_resolvers() {
  const std::lock_guard lock(take_mutex_);
  std::vector<IpAddress> resolvers;
  for (const auto& state : states_) state->resolvers.take(resolvers);
  return resolvers;
}

model::AnswerCounts Server::answer_counts(const model::Config& as) const {
  return view()->counts->read(as);
}

void Server::collect(std::vector<CounterValue>& into) const {
  collect_metrics(states_, *view(), into);
}

void Server::stop() {
  const std::lock_guard lock(stop_mutex_);
  for (auto& worker : udp_) worker->stop();
  for (auto& thread : udp_threads_) thread.join();
  udp_threads_.clear();
  if (tcp_loops_ == nullptr) return;
  std::latch drained(static_cast<std::ptrdiff_t>(tcp_.size()));
  for (size_t i = 0; i < tcp_.size(); ++i)
    tcp_loops_->loop(static_cast<int>(i)).post([&, i] { tcp_[i]->drain([&] { drained.count_down(); }); });
  drained.wait();
  tcp_loops_->on_each([&](int i) { tcp_[static_cast<size_t>(i)].reset(); });
  tcp_loops_.reset();
}

}  // namespace popnet::dns
