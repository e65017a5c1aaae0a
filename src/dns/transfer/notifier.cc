#include "dns/transfer/notifier.h"

#include <sys/socket.h>

#include <algorithm>
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
constexpr size_t sent_at_once = 20;
constexpr Duration pace = std::chrono::milliseconds(10);  // between those
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
    : loop_(loop), random_(seed), sources_(sources), pace_(loop, [this] { send_some(); }) {}
Notifier::~Notifier() = default;

Notifier::Key Notifier::key_of(const Endpoint& to, const Name& zone) {
  return {to, std::string(zone.bytes().begin(), zone.bytes().end())};
}

void Notifier::tell(Notice notice) {
  const Key key = key_of(notice.to, notice.zone);
  drop(key);
  pending_.emplace(key, Pending{std::move(notice)});
  put_off(key, loop_.now());
}

void Notifier::put_off(const Key& key, TimePoint due) {
  Pending& pending = pending_.at(key);
  due_.erase({pending.due, key});
  pending.due = due;
  due_.emplace(due, key);
  wake();
}

void Notifier::drop(const Key& key) {
  const auto known = pending_.find(key);
  if (known == pending_.end()) return;
  due_.erase({known->second.due, key});
  pending_.erase(known);
}

void Notifier::wake() {
  const TimePoint next = std::max(due_.begin()->first, rested_);
  if (!pace_.armed() || next < pace_.due()) pace_.arm(next);
}

void Notifier::send_some() {
  rested_ = loop_.now() + pace;  // first: what is put off below wakes this again
  for (size_t sent = 0; sent < sent_at_once && !due_.empty() && due_.begin()->first <= loop_.now(); ++sent) {
    const Key key = due_.begin()->second;
    Pending& pending = pending_.at(key);
    if (pending.attempts == attempts_max) {
      log::warning("{} does not answer NOTIFY for {}", pending.notice.to.to_string(),
                   pending.notice.zone.to_text());
      drop(key);
      continue;
    }
    send(pending);
    put_off(key, loop_.now() + first_pause * (1 << pending.attempts++));
  }
  if (!due_.empty()) wake();
}

Notifier::Socket* Notifier::socket_toward(const IpAddress& peer) {
  const IpAddress from = sources_.toward(peer).value_or(any_address(peer.is_v4()));
  auto& socket = sockets_[from];
  if (socket == nullptr) socket = Socket::open(*this, from);
  return socket.get();
}

void Notifier::send(Pending& pending) {
  const Notice& notice = pending.notice;
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
}

/// The one that a reply is to; the end if there is none. Errors may come without the question.
Notifier::Told Notifier::find_told(uint16_t id, unsigned questions, std::span<const uint8_t> question,
                                   const Endpoint& from) {
  const auto answers = [id](const Pending& pending) { return pending.attempts > 0 && pending.id == id; };
  if (questions > 0) {
    const NameShape shape = measure_name(question);
    if (shape.size == 0) return pending_.end();
    const auto told = pending_.find(key_of(from, Name(question.first(shape.size))));
    return told != pending_.end() && answers(told->second) ? told : pending_.end();
  }
  for (auto told = pending_.lower_bound({from, ""}); told != pending_.end() && told->first.first == from;
       ++told)
    if (answers(told->second)) return told;
  return pending_.end();
}

/// Who could forge one from there, with the right id, could only keep us from saying it again.
void Notifier::on_reply(std::span<const uint8_t> message, const Endpoint& from) {
  ByteReader in(message);
  const uint16_t id = in.u16(), flags = in.u16(), questions = in.u16();
  if (message.size() < header_size || (flags & (flag::qr | opcode_mask)) != (flag::qr | opcode_bits)) return;
  const auto told = find_told(id, questions, message.subspan(header_size), from);
  if (told == pending_.end()) return;
  if ((flags & 0xf) != 0)
    log::warning("{} answers NOTIFY for {} with rcode {}", from.to_string(),
                 told->second.notice.zone.to_text(), flags & 0xf);
  drop(Key(told->first));
}

}  // namespace popnet::dns
