#include "dns/transfer/notifier.h"

#include <sys/socket.h>

#include <array>
#include <string>

#include "common/bytes.h"
#include "common/log.h"
#include "dns/wire/protocol.h"
#include "rt/socket.h"

namespace popnet::dns {

namespace {

constexpr int attempts_max = 6;
constexpr Duration first_pause = std::chrono::seconds(1);  // doubled each time
constexpr uint16_t opcode_bits = opcode_notify << 11;
constexpr uint16_t opcode_mask = 0x7800;

IpAddress any_address(bool v4) {
  static constexpr std::array<uint8_t, 16> zeros{};
  return v4 ? IpAddress::v4(0, 0, 0, 0) : IpAddress::from_bytes(zeros);
}

int64_t unix_seconds(const rt::Loop& loop) {
  return std::chrono::duration_cast<std::chrono::seconds>(loop.wall().time_since_epoch()).count();
}

}  // namespace

struct Notifier::Pending {
  Pending(rt::Loop& loop, Notice n, std::function<void(Pending&)> again)
      : notice(std::move(n)), timer(loop, [this, again = std::move(again)] { again(*this); }) {}
  Notice notice;
  uint16_t id = 0;
  int attempts = 0;
  rt::Timer timer;
};

class Notifier::Socket final : public rt::Watcher {
 public:
  Socket(Notifier& notifier, rt::UniqueFd fd) : notifier_(notifier), fd_(std::move(fd)) {
    watched_ = notifier_.loop_.watch(fd_.get(), EPOLLIN, *this);
  }
  ~Socket() {
    if (watched_) notifier_.loop_.unwatch(fd_.get());
  }
  static std::unique_ptr<Socket> open(Notifier& notifier, const IpAddress& from) {
    auto fd = rt::bind_udp({from, 0});
    return fd ? std::make_unique<Socket>(notifier, std::move(*fd)) : nullptr;
  }
  void send(std::span<const uint8_t> message, const Endpoint& to) {
    const rt::SocketAddress address(to);
    (void)::sendto(fd_.get(), message.data(), message.size(), 0, address.raw(),
                   address.length);  // lost: there is another try
  }
  void on_ready(uint32_t) override {
    for (;;) {
      uint8_t room[512];
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      const ssize_t n =
          ::recvfrom(fd_.get(), room, sizeof room, 0, reinterpret_cast<sockaddr*>(&from), &from_size);
      if (n < 0) return;
      notifier_.on_reply({room, static_cast<size_t>(n)}, rt::to_endpoint(from));
    }
  }

 private:
  Notifier& notifier_;
  rt::UniqueFd fd_;
  bool watched_ = false;
};

Notifier::Notifier(rt::Loop& loop, Sources sources, uint64_t seed)
    : loop_(loop), random_(seed), sources_(sources) {}
Notifier::~Notifier() = default;

void Notifier::tell(Notice notice) {
  pending_.remove_if(
      [&](const Pending& p) { return p.notice.to == notice.to && p.notice.zone == notice.zone; });
  send(pending_.emplace_back(loop_, std::move(notice), [this](Pending& p) { send(p); }));
}

Notifier::Socket* Notifier::socket_toward(const IpAddress& peer) {
  const IpAddress from = sources_.toward(peer).value_or(any_address(peer.is_v4()));
  auto& socket = sockets_[from];
  if (socket == nullptr) socket = Socket::open(*this, from);
  return socket.get();
}

void Notifier::send(Pending& pending) {
  const Notice& notice = pending.notice;
  if (pending.attempts == attempts_max) {
    log::warning("{} does not answer NOTIFY for {}", notice.to.to_string(), notice.zone.to_text());
    return pending_.remove_if([&](const Pending& p) { return &p == &pending; }), void();
  }
  pending.id = static_cast<uint16_t>(random_.next());
  uint8_t room[1024];
  ByteWriter out(room);
  out.u16(pending.id);
  out.u16(opcode_bits | flag::aa);
  out.u16(1), out.u16(0), out.u16(0), out.u16(0);
  out.bytes(notice.zone.bytes());
  out.u16(type::soa), out.u16(class_in);
  size_t size = out.size();
  if (notice.key) size = Tsig(*notice.key).append(room, size, unix_seconds(loop_));
  if (Socket* socket = socket_toward(notice.to.address); socket != nullptr)
    socket->send(std::span<const uint8_t>(room).first(size), notice.to);
  pending.timer.arm_after(first_pause * (1 << pending.attempts++));
}

/// Who could forge one from there, with the right id, could only keep us from saying it again.
void Notifier::on_reply(std::span<const uint8_t> message, const Endpoint& from) {
  ByteReader in(message);
  const uint16_t id = in.u16(), flags = in.u16();
  if (!in.ok() || (flags & (flag::qr | opcode_mask)) != (flag::qr | opcode_bits)) return;
  pending_.remove_if([&](const Pending& p) {
    if (p.id != id || !(p.notice.to == from)) return false;
    if ((flags & 0xf) != 0)
      log::warning("{} answers NOTIFY for {} with rcode {}", from.to_string(), p.notice.zone.to_text(),
                   flags & 0xf);
    return true;
  });
}

}  // namespace popnet::dns
