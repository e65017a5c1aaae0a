#include "dns/server/udp.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "dns/server/proxies.h"
#include "dns/wire/reply.h"
#include "rt/clock.h"
#include "rt/interrupt.h"
#include "rt/socket.h"

namespace popnet::dns {

namespace {

constexpr size_t batch_max = 64;
constexpr size_t query_max = 4096;
constexpr int receive_buffer = 4 << 20;  // rides out a stall of some 10 ms at full load
constexpr int drain_batches_max = 256;   // at stop, when queries keep coming
constexpr size_t cache_line = 64;
constexpr auto between_interrupts = std::chrono::milliseconds(1);

// Buffers lie an odd number of cache lines apart: at a power of two, their first lines would share a few sets
// of the cache.
constexpr size_t query_stride = query_max + cache_line;
constexpr size_t reply_stride = (udp_reply_max / cache_line + 2) * cache_line;
static_assert(query_stride / cache_line % 2 == 1 && reply_stride / cache_line % 2 == 1 &&
              reply_stride > udp_reply_max);

union Peer {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

IpAddress address_of(const Peer& peer) {
  if (peer.any.sa_family == AF_INET)
    return IpAddress::from_bytes({reinterpret_cast<const uint8_t*>(&peer.v4.sin_addr), 4});
  return IpAddress::from_bytes({reinterpret_cast<const uint8_t*>(&peer.v6.sin6_addr), 16});
}

/// Makes the control message of a query fit for its reply: same local address, and the interface left to
/// routing except for link-local addresses, which mean nothing without it.
void turn_round(msghdr& header) {
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  if (control == nullptr) return;
  if (control->cmsg_level == IPPROTO_IP) {
    auto* info = reinterpret_cast<in_pktinfo*>(CMSG_DATA(control));
    info->ipi_ifindex = 0;
  } else {
    auto* info = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(control));
    if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) info->ipi6_ifindex = 0;
  }
}

void set_option(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof value);
}

}  // namespace

struct UdpWorker::Batch {
  mmsghdr in[batch_max] = {};
  mmsghdr out[batch_max] = {};
  iovec in_parts[batch_max];
  iovec out_parts[batch_max];
  Peer peers[batch_max];
  alignas(cmsghdr) uint8_t control[batch_max][CMSG_SPACE(sizeof(in6_pktinfo))];
  Query parsed[batch_max];
  IpAddress resolvers[batch_max];
  uint16_t skip[batch_max] = {};  // size of the PROXY header before a query
  bool unwraps = false;           // there were proxies for the batch before
  size_t replies = 0;             // in `out`
  alignas(cache_line) uint8_t queries[batch_max][query_stride];
  alignas(cache_line) uint8_t reply_room[batch_max][reply_stride];

  Batch() {
    for (size_t i = 0; i < batch_max; ++i) {
      in_parts[i] = {queries[i], query_max};
      in[i].msg_hdr.msg_name = &peers[i];
      in[i].msg_hdr.msg_iov = &in_parts[i];
      in[i].msg_hdr.msg_iovlen = 1;
      in[i].msg_hdr.msg_control = control[i];
      out_parts[i].iov_base = reply_room[i];
      out[i].msg_hdr.msg_iov = &out_parts[i];
      out[i].msg_hdr.msg_iovlen = 1;
      rearm(i);
    }
  }
  void unwrap(const Policy& policy, size_t received);  // the queries
  /// The kernel has written lengths over these.
  void rearm(size_t i) {
    in[i].msg_hdr.msg_namelen = sizeof(Peer);
    in[i].msg_hdr.msg_controllen = sizeof control[i];
  }
  [[nodiscard]] std::span<const uint8_t> query(size_t i) const {
    return std::span<const uint8_t>{queries[i], in[i].msg_len}.subspan(skip[i]);
  }
};

void UdpWorker::Batch::unwrap(const Policy& policy, size_t received) {
  unwraps = !policy.proxies.empty();
  for (size_t i = 0; i < received; ++i) {
    skip[i] = 0;
    skip[i] = static_cast<uint16_t>(skip_proxy_header(policy, query(i), resolvers[i]));
  }
}

UdpWorker::UdpWorker(rt::UniqueFd socket, const rt::Published<View>& view, rt::Epoch& epoch,
                     ThreadState& state)
    : socket_(std::move(socket)),
      local_(rt::local_endpoint(socket_.get())),
      view_(view),
      epoch_(epoch),
      state_(state),
      batch_(std::make_unique<Batch>()) {}
UdpWorker::~UdpWorker() = default;

void UdpWorker::run() {
  rt::Epoch::Reader reader(epoch_);
  // EINTR, or the kernel is short of memory: the next call waits again.
  while (!stopping_.load(std::memory_order_acquire)) (void)serve_batch(reader, MSG_WAITFORONE);
  noticed_.store(true, std::memory_order_release);
  // Also for who goes on with the socket: the kernel may have woken this thread, and nobody else, for a query
  // that came in the moment of the interruption.
  for (int left = drain_batches_max; left > 0 && serve_batch(reader, MSG_DONTWAIT); --left) continue;
}

bool UdpWorker::serve_batch(rt::Epoch::Reader& reader, int receive_flags) {
  const int received = recvmmsg(socket_.get(), batch_->in, batch_max, receive_flags, nullptr);
  if (received <= 0) return false;
  now_ = {rt::monotonic_now(), rt::wall_now()};
  reader.online();
  answer_batch(view_.get(), static_cast<size_t>(received));
  reader.offline();
  send_batch();
  return true;
}

void UdpWorker::stop(std::thread& thread) {
  stopping_.store(true, std::memory_order_release);
  while (!noticed_.load(std::memory_order_acquire)) {
    rt::interrupt(thread);
    std::this_thread::sleep_for(between_interrupts);
  }
}

// First all are parsed, and what the table holds for their names is on its way to the cache; then all are
// answered.
void UdpWorker::answer_batch(const View& view, size_t received) {
  Batch& b = *batch_;
  for (size_t i = 0; i < received; ++i) b.resolvers[i] = address_of(b.peers[i]);
  if (b.unwraps || !view.policy->proxies.empty()) b.unwrap(*view.policy, received);
  for (size_t i = 0; i < received; ++i)
    if (parse_query(b.query(i), b.parsed[i]) == Verdict::fine)
      prefetch(view, b.query(i), b.parsed[i], b.resolvers[i]);
  for (size_t i = 0; i < received; ++i)
    if (b.parsed[i].verdict == Verdict::fine) view.names->prefetch_node(b.parsed[i].name.hash());
  b.replies = 0;
  for (size_t i = 0; i < received; ++i) {
    take(view, i);
    b.rearm(i);
  }
}

/// Puts the reply to the i-th query into the batch that goes out.
void UdpWorker::take(const View& view, size_t i) {
  Batch& b = *batch_;
  const msghdr& from = b.in[i].msg_hdr;
  const Source source = {b.resolvers[i], Transport::udp};
  Outcome outcome;
  if (b.peers[i].v4.sin_port != 0)  // at the same place in both families; nobody can be answered at port 0
    outcome = state_.responder.respond(view, b.query(i), b.parsed[i], source, now_,
                                       {b.reply_room[b.replies], udp_reply_max});
  state_.account(view, b.parsed[i], source, outcome);
  if (state_.recorder != nullptr) [[unlikely]]
    state_.record(b.query(i), {b.reply_room[b.replies], outcome.size}, source,
                  b.skip[i] == 0 ? ntohs(b.peers[i].v4.sin_port) : 0, local_, outcome, now_.wall);
  if (outcome.size == 0) return;
  msghdr& to = b.out[b.replies].msg_hdr;
  to.msg_name = from.msg_name;
  to.msg_namelen = from.msg_namelen;
  to.msg_control = from.msg_control;
  to.msg_controllen = from.msg_controllen;
  if (to.msg_controllen != 0) turn_round(to);
  b.out_parts[b.replies++].iov_len = outcome.size;
}

void UdpWorker::send_batch() {
  for (size_t sent = 0; sent < batch_->replies;) {
    const int n =
        sendmmsg(socket_.get(), batch_->out + sent, static_cast<unsigned>(batch_->replies - sent), 0);
    if (n > 0) {
      sent += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      state_.counts.send_failures.add();  // no route, a firewall: this one is lost, the others are not
      ++sent;
    }
  }
}

Result<rt::UniqueFd> open_udp(const Endpoint& local) {
  auto socket = rt::bind_udp(local, true);
  if (!socket) return socket;
  const int fd = socket->get();
  set_option(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
  const timeval patience{0, 200'000};  // a network card that takes nothing must not stop the server for ever
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (local.address.is_v4()) {
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (local.address.is_unspecified()) set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    if (local.address.is_unspecified()) set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  return socket;
}

}  // namespace popnet::dns
