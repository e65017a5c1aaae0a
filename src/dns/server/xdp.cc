#include "dns/server/xdp.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "common/log.h"
#include "dns/server/proxies.h"
#include "dns/wire/reply.h"
#include "rt/clock.h"
#include "rt/shards.h"
#include "rt/xdp/error.h"
#include "rt/xdp/filter.h"

namespace popnet::dns {

namespace {

constexpr size_t batch_max = 64;
constexpr int retry_ms = 1;  // where the driver has not taken all
constexpr int gone_ms = 100;
constexpr int linger_ms = 2;  // at stop: for what is on its way between filter and socket
constexpr auto between_attempts = std::chrono::milliseconds(50);
constexpr int attempts_quietly = 200;  // some seconds: the process before this one may have much to end

// IPv6 demands that much of every link (RFC 8200 section 5), and every answer fits into it.
constexpr int mtu_min = 1280;
static_assert(ipv6_header + udp_header + udp_reply_max <= mtu_min);
static_assert(packet_headers_max + udp_reply_max <= rt::XdpSocket::frame_size);

rt::XdpMode mode_of(model::XdpMode mode) {
  switch (mode) {
    case model::XdpMode::automatic:
      return rt::XdpMode::automatic;
    case model::XdpMode::zero_copy:
      return rt::XdpMode::zero_copy;
    case model::XdpMode::copy:
      return rt::XdpMode::copy;
    case model::XdpMode::generic:
      return rt::XdpMode::generic;
  }
  return rt::XdpMode::automatic;
}

/// The endpoints as packets name them: where a socket listens on all addresses, each of this machine's.
Result<std::vector<Endpoint>> destinations(const std::string& interface, std::span<const Endpoint> listen) {
  std::vector<Endpoint> all;
  for (const Endpoint& endpoint : listen) {
    if (endpoint.address.is_loopback()) continue;
    if (!endpoint.address.is_unspecified()) {
      all.push_back(endpoint);
      continue;
    }
    for (const IpAddress& address : rt::own_addresses())
      if (address.is_v4() == endpoint.address.is_v4()) all.push_back({address, endpoint.port});
  }
  if (all.empty())
    return Error{
        ErrorCode::machine,
        fmt::format("no query can come over {}: node.dns_listen has loopback addresses alone", interface)};
  if (all.size() > rt::filter_endpoints_max)
    return Error{ErrorCode::machine,
                 fmt::format("this machine listens for DNS on {} addresses, {} are the most for AF_XDP: name "
                             "them in node.dns_listen",
                             all.size(), rt::filter_endpoints_max)};
  return all;
}

}  // namespace

struct XdpWorker::Batch {
  rt::XdpSocket::Frame frames[batch_max];
  Datagram datagrams[batch_max];
  IpAddress resolvers[batch_max];
  std::span<const uint8_t> messages[batch_max];  // without PROXY headers
  Query parsed[batch_max];
};

XdpWorker::XdpWorker(std::unique_ptr<rt::XdpSocket> socket, const rt::Published<View>& view, rt::Epoch& epoch,
                     ThreadState& state)
    : socket_(std::move(socket)),
      zero_copy_(socket_->zero_copy()),
      view_(view),
      epoch_(epoch),
      state_(state),
      batch_(std::make_unique<Batch>()),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
XdpWorker::~XdpWorker() = default;

void XdpWorker::run() {
  rt::Epoch::Reader reader(epoch_);
  bool lingered = false;
  for (;;) {
    const size_t received = socket_->receive(batch_->frames);
    if (received == 0) {
      if (lingered) return;
      lingered = stopping_.load(std::memory_order_acquire);
      wait();
      continue;
    }
    now_ = {rt::monotonic_now(), rt::wall_now()};
    reader.online();
    const View& view = view_.get();
    const size_t queries = parse(view, received);
    for (size_t i = 0; i < queries; ++i) answer(view, i);
    reader.offline();
    socket_->give_back(std::span(batch_->frames).first(received));
    unsent_ = !socket_->flush();
  }
}

/// Until frames come, the driver may take more, or stop().
void XdpWorker::wait() {
  if (unsent_) unsent_ = !socket_->flush();
  const bool stopping = stopping_.load(std::memory_order_acquire);
  pollfd ready[2] = {{socket_->fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  poll(ready, stopping ? 1 : 2, stopping ? linger_ms : unsent_ ? retry_ms : -1);
  // An interface that is gone must not keep a core busy.
  if (!stopping && (ready[0].revents & (POLLERR | POLLHUP)) != 0) poll(&ready[1], 1, gone_ms);
}

void XdpWorker::stop() {
  stopping_.store(true, std::memory_order_release);
  const uint64_t one = 1;
  if (wake_.valid()) (void)!::write(wake_.get(), &one, sizeof one);
}

void XdpWorker::close() {
  if (socket_ == nullptr) return;
  last_ = socket_->statistics();
  socket_.reset();
}

/// Reads all frames; what the table holds for their names is on its way to the cache then. Frames without a datagram
/// are left out: the others move up, each with its frame.
size_t XdpWorker::parse(const View& view, size_t received) {
  Batch& b = *batch_;
  const bool unwraps = !view.policy->proxies.empty();
  size_t queries = 0;
  for (size_t i = 0; i < received; ++i) {
    const PacketVerdict verdict = parse_packet(b.frames[i].bytes, b.datagrams[queries]);
    frames_[static_cast<size_t>(verdict)].add();
    if (verdict != PacketVerdict::fine) continue;
    std::swap(b.frames[i], b.frames[queries]);
    IpAddress& resolver = b.resolvers[queries] = b.datagrams[queries].source;
    b.messages[queries] = b.datagrams[queries].payload;
    if (unwraps) {
      const size_t skip = skip_proxy_header(*view.policy, b.messages[queries], resolver);
      b.messages[queries] = b.messages[queries].subspan(skip);
    }
    Query& query = b.parsed[queries];
    if (parse_query(b.messages[queries], query) == Verdict::fine)
      prefetch(view, b.messages[queries], query, resolver);
    ++queries;
  }
  for (size_t i = 0; i < queries; ++i)
    if (b.parsed[i].verdict == Verdict::fine) view.names->prefetch_node(b.parsed[i].name.hash());
  return queries;
}

void XdpWorker::answer(const View& view, size_t i) {
  Batch& b = *batch_;
  const Datagram& datagram = b.datagrams[i];
  const Source source = {b.resolvers[i], Transport::udp, Source::Path::xdp};
  auto frame = socket_->room();
  if (frame.empty()) {
    unsent_ = !socket_->flush();
    frame = socket_->room();
  }
  if (frame.empty()) return state_.counts.send_failures.add();
  const size_t headers = reply_headers(datagram);
  Outcome outcome;
  if (datagram.source_port != 0)  // nobody can be answered at port 0
    outcome = state_.responder.respond(view, b.messages[i], b.parsed[i], source, now_,
                                       frame.subspan(headers, udp_reply_max));
  state_.account(view, b.parsed[i], source, outcome);
  if (state_.recorder != nullptr) [[unlikely]]
    state_.record(b.messages[i], frame.subspan(headers, outcome.size), source,
                  source.address == datagram.source ? datagram.source_port : 0,
                  {datagram.destination, datagram.destination_port}, outcome, now_.wall);
  if (outcome.size == 0) return;
  socket_->send(write_reply_headers(b.frames[i].bytes, datagram, outcome.size, frame));
}

Result<std::unique_ptr<XdpInterface>> XdpInterface::prepare(const model::XdpInterface& wanted,
                                                            std::span<const Endpoint> listen) {
  auto interface = rt::find_interface(wanted.interface);
  if (!interface) return interface.error();
  if (interface->mtu < mtu_min)
    return Error{ErrorCode::machine, fmt::format("interface {}: has an MTU of {}, AF_XDP needs at least {}",
                                                 interface->name, interface->mtu, mtu_min)};
  const auto endpoints = destinations(wanted.interface, listen);
  if (!endpoints) return endpoints.error();
  auto attachment = rt::XdpAttachment::prepare(*interface, *endpoints);
  if (!attachment) return attachment.error();
  return std::unique_ptr<XdpInterface>(
      new XdpInterface(std::move(*interface), wanted.mode, std::move(*attachment)));
}

// First the filter: some drivers set their queues up for sockets only where there is one. It passes all to the
// kernel as long as it knows no socket.
Status XdpInterface::attach() {
  const rt::XdpMode mode = mode_of(mode_);
  if (auto attached = attachment_.attach(mode); !attached) return attached;
  Status status;
  for (int queue = 0; queue < queues() && status; ++queue) {
    auto socket = rt::XdpSocket::open(interface_, queue, mode);
    if (socket)
      sockets_.push_back(std::move(*socket));
    else
      status = socket.error();
  }
  for (size_t queue = 0; queue < sockets_.size() && status; ++queue)
    status = attachment_.admit(static_cast<int>(queue), sockets_[queue]->fd());
  if (status) return status;
  attachment_.detach();
  sockets_.clear();
  return status;
}

void XdpInterface::run(const rt::Published<View>& view, rt::Epoch& epoch) {
  if (!sockets_.empty()) return start_workers(view, epoch);
  waiting_ = std::thread([this, &view, &epoch] {
    rt::name_thread("dns-xdp-wait");
    attach_when_free(view, epoch);
  });
}

void XdpInterface::start_workers(const rt::Published<View>& view, rt::Epoch& epoch) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  for (size_t i = 0; i < sockets_.size(); ++i) {
    workers_.push_back(std::make_unique<XdpWorker>(std::move(sockets_[i]), view, epoch, *states_[i]));
    threads_.emplace_back([worker = workers_.back().get(), title = "dns-xdp-" + std::to_string(i)] {
      rt::name_thread(title);
      worker->run();
    });
  }
  sockets_.clear();
}

void XdpInterface::attach_when_free(const rt::Published<View>& view, rt::Epoch& epoch) {
  for (int attempt = 0;; ++attempt) {
    const Status attached = attach();
    if (attached) break;
    if (attempt == attempts_quietly)
      log::warning("AF_XDP: {}; trying on, queries come by the kernel meanwhile", attached.error().message);
    std::unique_lock lock(mutex_);
    if (stopped_.wait_for(lock, between_attempts, [this] { return stopping_; })) return;
  }
  start_workers(view, epoch);
  log::info("dns by AF_XDP on {}", to_string());
}

void XdpInterface::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (waiting_.joinable()) waiting_.join();
  attachment_.detach();
  for (auto& worker : workers_) worker->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  sockets_.clear();
  const std::lock_guard lock(mutex_);
  for (auto& worker : workers_) worker->close();
}

void XdpInterface::collect(std::vector<CounterValue>& into) const {
  const std::lock_guard lock(mutex_);
  static constexpr const char* verdicts[packet_verdicts] = {"fine", "malformed", "bad_checksum", "martian"};
  const auto add = [&](const char* name, const char* help, const char* label, const char* what,
                       const auto& value_of) {
    uint64_t sum = 0;
    for (const auto& worker : workers_) sum += value_of(*worker);
    into.push_back({name,
                    help,
                    CounterValue::Kind::counter,
                    {{"interface", interface_.name}, {label, what}},
                    static_cast<double>(sum)});
  };
  for (size_t v = 0; v < packet_verdicts; ++v)
    add("popnet_dns_xdp_frames_total", "frames that came by AF_XDP, by what they were", "verdict",
        verdicts[v],
        [v](const XdpWorker& worker) { return worker.frames(static_cast<PacketVerdict>(v)).get(); });
  const auto lost = [&](const char* reason, uint64_t rt::XdpStatistics::*counter) {
    add("popnet_dns_xdp_lost_total", "frames that the kernel could not hand over by AF_XDP", "reason", reason,
        [counter](const XdpWorker& worker) { return worker.statistics().*counter; });
  };
  lost("ring_full", &rt::XdpStatistics::lost_ring_full);
  lost("no_room", &rt::XdpStatistics::lost_no_room);
  lost("other", &rt::XdpStatistics::lost_other);
}

std::string XdpInterface::to_string() const {
  const std::lock_guard lock(mutex_);
  const char* how = workers_.empty() ? "not yet" : workers_.front()->zero_copy() ? "zero-copy" : "copy";
  return fmt::format("{} ({} queue{}, {})", interface_.name, queues(), queues() == 1 ? "" : "s", how);
}

}  // namespace popnet::dns
