#include "dns/server/server.h"

#include <algorithm>
#include <cassert>
#include <latch>

#include "common/log.h"
#include "dns/server/metrics.h"
#include "dns/server/policy.h"
#include "rt/clock.h"
#include "rt/interrupt.h"

namespace popnet::dns {

namespace {

Result<std::shared_ptr<const tls::ServerContext>> load_certificate(const model::Config& config) {
  const model::DnsNode& node = config.node.dns_server;
  return tls::ServerContext::load(node.tls_certificate, node.tls_key, "dot");
}

std::shared_ptr<const Policy> new_policy(const model::Config& config, const Server::Options& options,
                                         const View* before) {
  auto policy = make_policy(config, options.seed, options.threads, std::max(1, options.xdp_queues));
  policy->on_notify = options.on_notify;
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
                                      size_t thread_count, const View* before) {
  assert(names->config_generation() == snapshot->config->generation &&
         "names and snapshot of different configs");
  auto view = std::make_shared<View>();
  if (before != nullptr && before->snapshot->config == snapshot->config) {
    view->counts = before->counts;
    view->policy = before->policy;
  } else {
    view->counts = std::make_shared<TargetCounts>(snapshot->config, thread_count,
                                                  before ? before->counts.get() : nullptr);
    view->policy = new_policy(*snapshot->config, options, before);
  }
  if (before != nullptr && before->names == names)
    view->zone_counts = before->zone_counts;
  else
    view->zone_counts =
        std::make_shared<ZoneCounts>(names, thread_count, before ? before->zone_counts.get() : nullptr);
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

Server::Server(const Options& options, rt::Epoch& epoch, std::shared_ptr<const View> first,
               size_t thread_count)
    : options_(options),
      thread_count_(thread_count),
      epoch_(epoch),
      published_(epoch, first),
      latest_(std::move(first)) {
  const auto loops = static_cast<size_t>(options_.threads);
  tcp_loops_ = std::make_unique<rt::Shards>("dns-tcp", options_.threads, epoch_);
  tcp_listeners_.resize(loops);
  tcp_.resize(loops);
  rt::allow_interrupts();
}

Result<std::unique_ptr<Server>> Server::prepare(const Options& options, rt::Epoch& epoch,
                                                std::shared_ptr<const routing::Snapshot> snapshot,
                                                std::shared_ptr<const Names> names) {
  std::vector<ListeningSockets> sockets;
  rt::PassedSockets none;
  rt::PassedSockets& passed = options.passed != nullptr ? *options.passed : none;
  const auto add = [&](Result<ListeningSockets> bound) -> Status {
    if (bound) sockets.push_back(std::move(*bound));
    return bound ? Status() : bound.error();
  };
  for (const Endpoint& endpoint : options.listen)
    if (auto added = add(bind_plain(endpoint, options.threads, passed)); !added) return added.error();
  if (!options.tls_listen.empty())
    if (auto certificate = load_certificate(*snapshot->config); !certificate) return certificate.error();
  for (const Endpoint& endpoint : options.tls_listen)
    if (auto added = add(bind_tls(endpoint, options.threads, passed)); !added) return added.error();

  auto thread_count = static_cast<size_t>(options.threads);
  for (const ListeningSockets& at : sockets) thread_count += at.udp.size();
  auto xdp = prepare_xdp(options, sockets);
  if (!xdp) return xdp.error();
  Options counted = options;
  for (const auto& interface : *xdp) counted.xdp_queues += interface->queues();
  thread_count += static_cast<size_t>(counted.xdp_queues);
  auto recorder = tap::Recorder::open(snapshot->config->node.dns_server, options.identity, options.seed + 1,
                                      thread_count);
  if (!recorder) return recorder.error();
  auto first = make_view(std::move(snapshot), std::move(names), counted, thread_count, nullptr);
  std::unique_ptr<Server> server(new Server(counted, epoch, std::move(first), thread_count));
  server->recorder_ = std::move(*recorder);
  server->take(std::move(sockets), std::move(*xdp));
  return server;
}

/// What is taken from a process before this one is busy until that has stopped: open() takes it then.
Result<Server::XdpInterfaces> Server::prepare_xdp(const Options& options,
                                                  const std::vector<ListeningSockets>& sockets) {
  std::vector<Endpoint> listening;
  for (const ListeningSockets& at : sockets)
    if (!at.udp.empty()) listening.push_back(at.endpoint);
  XdpInterfaces interfaces;
  for (const model::XdpInterface& wanted : options.xdp) {
    auto interface = XdpInterface::prepare(wanted, listening);
    if (!interface) return interface.error();
    if (options.passed == nullptr)
      if (auto attached = (*interface)->attach(); !attached) return attached.error();
    interfaces.push_back(std::move(*interface));
  }
  return interfaces;
}

Result<std::unique_ptr<Server>> Server::start(const Options& options, rt::Epoch& epoch,
                                              std::shared_ptr<const routing::Snapshot> snapshot,
                                              std::shared_ptr<const Names> names) {
  auto server = prepare(options, epoch, std::move(snapshot), std::move(names));
  if (server) (*server)->open();
  return server;
}

ThreadState& Server::new_state() {
  const size_t number = states_.size();
  ThreadState& state = *states_.emplace_back(std::make_unique<ThreadState>(number));
  if (recorder_ != nullptr) state.recorder = &recorder_->thread(number);
  return state;
}

void Server::take(std::vector<ListeningSockets> sockets, XdpInterfaces xdp) {
  for (ListeningSockets& at : sockets) {
    (at.stream == Transport::tls ? listening_tls_ : listening_).push_back(at.endpoint);
    for (rt::SocketRef& ref : at.refs()) refs_.push_back(std::move(ref));
    for (rt::UniqueFd& fd : at.udp)
      udp_.push_back(std::make_unique<UdpWorker>(std::move(fd), published_, epoch_, new_state()));
    for (size_t i = 0; i < at.tcp.size(); ++i)
      tcp_listeners_[i % tcp_listeners_.size()].push_back({std::move(at.tcp[i]), at.stream});
  }
  for (int i = 0; i < options_.threads; ++i) new_state();
  xdp_ = std::move(xdp);
  for (auto& interface : xdp_)
    for (int i = 0; i < interface->queues(); ++i) interface->add_state(new_state());
}

void Server::open() {
  if (recorder_ != nullptr) recorder_->start();
  for (size_t i = 0; i < udp_.size(); ++i) {
    udp_threads_.emplace_back([worker = udp_[i].get(), title = "dns-udp-" + std::to_string(i)] {
      rt::name_thread(title);
      worker->run();
    });
  }
  for (auto& interface : xdp_) interface->run(published_, epoch_);
  tcp_loops_->on_each([&](int i) {
    const auto s = static_cast<size_t>(i);
    tcp_[s] = std::make_unique<TcpShard>(tcp_loops_->loop(i), std::move(tcp_listeners_[s]), published_,
                                         *states_[udp_.size() + s], sources_, options_.tcp);
  });
}

std::shared_ptr<const View> Server::view() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void Server::publish(std::shared_ptr<const routing::Snapshot> snapshot, std::shared_ptr<const Names> names) {
  const std::lock_guard lock(mutex_);
  latest_ = make_view(std::move(snapshot), std::move(names), options_, thread_count_, latest_.get());
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

std::vector<std::string> Server::listening_xdp() const {
  std::vector<std::string> interfaces;
  for (const auto& interface : xdp_) interfaces.push_back(interface->to_string());
  return interfaces;
}

void Server::collect(std::vector<CounterValue>& into) {
  {
    const std::lock_guard lock(lines_mutex_);
    collect_metrics(states_, *view(), lines_, into);
  }
  if (recorder_ != nullptr) recorder_->collect(into);
  for (const auto& interface : xdp_) interface->collect(into);
}

void Server::adopt(rt::UniqueFd fd, const ConnectionPeer& peer, std::vector<uint8_t> received) {
  const size_t i = adopted_++ % tcp_.size();
  const auto shared = std::make_shared<rt::UniqueFd>(std::move(fd));
  tcp_loops_->loop(static_cast<int>(i)).post([this, i, shared, peer, received = std::move(received)] {
    if (tcp_[i] != nullptr) tcp_[i]->adopt(std::move(*shared), peer, received);
  });
}

void Server::stop(Duration connections_at_most, const PassOn& pass_on) {
  const std::lock_guard lock(stop_mutex_);
  for (auto& interface : xdp_) interface->stop();  // the sockets get its queries from now on
  for (size_t i = 0; i < udp_threads_.size(); ++i) udp_[i]->stop(udp_threads_[i]);
  for (auto& thread : udp_threads_) thread.join();
  udp_threads_.clear();
  if (tcp_loops_ == nullptr) return;
  std::latch drained(static_cast<std::ptrdiff_t>(tcp_.size()));
  tcp_loops_->on_each([&](int i) {
    TcpShard* shard = tcp_[static_cast<size_t>(i)].get();
    if (shard != nullptr)
      shard->drain(connections_at_most, pass_on, [&] { drained.count_down(); });
    else
      drained.count_down();  // it was never opened
  });
  drained.wait();
  tcp_loops_->on_each([&](int i) { tcp_[static_cast<size_t>(i)].reset(); });
  tcp_loops_.reset();
}

}  // namespace popnet::dns
