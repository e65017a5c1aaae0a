#include "dns/transfer/refresh.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/bytes.h"
#include "common/log.h"
#include "dns/wire/reply.h"
#include "dns/zone/version.h"
#include "rt/socket.h"

namespace popnet::dns {

namespace {

constexpr Duration patience = std::chrono::seconds(10);   // for the connection, and for each message
constexpr Duration transfer_max = std::chrono::hours(2);  // as BIND's max-transfer-time-in
constexpr size_t read_step = 64 << 10;
constexpr size_t length_size = 2;  // leads each message
constexpr size_t query_size_max =
    2048;  // five names of full length (zone, SOA's two, key, its algorithm) and the rest

/// The SOA record as it stands in the zone, for an IXFR query (RFC 1995 section 3).
std::optional<Record> soa_of(const Records& records) {
  const std::string apex = owner_key(records.apex().bytes());
  for (size_t i = records.find(apex); i < records.size() && records[i].owner == apex; ++i)
    if (records[i].type == type::soa) return records[i];
  return std::nullopt;
}

std::string rcode_text(Rcode rcode) {
  switch (rcode) {
    case Rcode::formerr:
      return "FORMERR";
    case Rcode::servfail:
      return "SERVFAIL";
    case Rcode::notimp:
      return "NOTIMP";
    case Rcode::refused:
      return "REFUSED";
    case Rcode::notauth:
      return "NOTAUTH (is the key right, and the clock?)";
    default:
      return fmt::format("rcode {}", static_cast<int>(rcode));
  }
}

}  // namespace

Refresh::Refresh(rt::Loop& loop, Wanted wanted, uint16_t id, std::function<void(Result<Found>)> done)
    : loop_(loop),
      wanted_(std::move(wanted)),
      id_(id),
      done_(std::move(done)),
      patience_(loop, [this] { lose_patience(); }),
      deadline_(loop, [this] { fail(fmt::format("has not ended the {} after two hours", title())); }) {}

Refresh::~Refresh() {
  if (watched_) loop_.unwatch(fd_.get());
}

void Refresh::start() {
  patience_.arm_after(patience);
  deadline_.arm_after(transfer_max);
  auto fd = rt::connect_tcp(wanted_.primary, wanted_.from);
  if (!fd) return void(fail(fd.error().message));
  fd_ = std::move(*fd);
  watched_ = loop_.watch(fd_.get(), EPOLLIN | EPOLLOUT, *this);
  if (!watched_) return void(fail("cannot be watched: out of memory"));
  ask(Step::soa);
}

std::string_view Refresh::title() const {
  return step_ == Step::soa ? "SOA" : step_ == Step::ixfr ? "IXFR" : "AXFR";
}

int64_t Refresh::unix_seconds() const {
  return std::chrono::duration_cast<std::chrono::seconds>(loop_.wall().time_since_epoch()).count();
}

void Refresh::ask(Step step) {
  step_ = step;
  first_message_ = true;
  update_.reset();
  ++id_;
  uint8_t room[query_size_max];
  ByteWriter out(room);
  const auto soa = step == Step::ixfr ? soa_of(*wanted_.have) : std::nullopt;
  out.u16(id_);
  out.u16(0);
  out.u16(1), out.u16(0), out.u16(soa ? 1 : 0), out.u16(edns_ ? 1 : 0);
  out.bytes(wanted_.zone.bytes());
  out.u16(step == Step::soa ? type::soa : step == Step::ixfr ? type::ixfr : type::axfr);
  out.u16(class_in);
  if (soa) {
    out.u16(pointer_to_question);
    out.u16(type::soa), out.u16(class_in);
    out.u32(soa->ttl);
    out.u16(static_cast<uint16_t>(soa->data.size()));
    out.bytes(soa->data);
  }
  if (edns_) {
    out.u8(0), out.u16(type::opt), out.u16(udp_reply_max);
    out.u32(0), out.u16(option_header_size);
    out.u16(edns::expire), out.u16(0);
  }
  size_t size = out.size();
  tsig_.reset();
  if (wanted_.key) size = tsig_.emplace(*wanted_.key).append(room, size, unix_seconds());
  out_.push_back(static_cast<uint8_t>(size >> 8));
  out_.push_back(static_cast<uint8_t>(size));
  out_.insert(out_.end(), room, room + size);
  if (connected_) (void)write_out();
}

void Refresh::on_ready(uint32_t events) {
  if (!connected_) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    if (const Status status = rt::connect_error(fd_.get(), wanted_.primary); !status)
      return void(fail(status.error().message));
    connected_ = true;
  }
  if (!write_out()) return;
  read_in();
}

/// False if this has ended.
bool Refresh::write_out() {
  while (!out_.empty()) {
    const ssize_t n = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return fail(fmt::format("the connection broke: {}", std::strerror(errno)));
    out_.erase(out_.begin(), out_.begin() + n);
  }
  loop_.rewatch(fd_.get(), out_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  return true;
}

/// One turn's worth, so that others have theirs.
void Refresh::read_in() {
  const size_t before = in_.size();
  in_.resize(before + read_step);
  const ssize_t n = ::recv(fd_.get(), in_.data() + before, read_step, 0);
  in_.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) return void(fail(fmt::format("the connection broke: {}", std::strerror(errno))));
  if (n == 0) return void(fail(fmt::format("closed the connection in the middle of the {}", title())));
  heard_ = true;
  size_t at = 0;
  while (!ended_ && in_.size() - at >= length_size) {
    const size_t size = size_t{in_[at]} << 8 | in_[at + 1];
    if (in_.size() - at < length_size + size) break;
    if (!take(std::span(in_).subspan(at + length_size, size))) return;
    at += length_size + size;
    // Not for a part of a message: a primary that sends byte by byte must not keep the others away.
    patience_.arm_after(patience);
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
}

void Refresh::lose_patience() {
  silent_ = !heard_;
  fail(silent_ ? "does not answer" : fmt::format("stops in the middle of the {}", title()));
}

/// False if this has ended.
bool Refresh::take(std::span<const uint8_t> message) {
  const auto head = read_reply_head(message);
  const bool first = std::exchange(first_message_, false);
  if (!head || head->id != id_ || (first && !head->asks && head->rcode == Rcode::noerror))
    return fail(fmt::format("answers the {} with something that is no reply to it", title()));
  const bool believed = !tsig_ || tsig_->check(message, head->tsig_offset, unix_seconds());
  // As servers do that are older than EDNS (RFC 6891 section 7).
  const bool puzzled = head->rcode == Rcode::formerr || head->rcode == Rcode::notimp;
  if (puzzled && step_ == Step::soa && std::exchange(edns_, false)) return ask(Step::soa), true;
  if (head->rcode != Rcode::noerror) {
    if (step_ == Step::ixfr && head->rcode != Rcode::notauth) return ask(Step::axfr), true;
    return fail(fmt::format("answers the {} with {}", title(), rcode_text(head->rcode)));
  }
  if (!believed)
    return fail(fmt::format("answers the {} without a signature of the key {}", title(),
                            wanted_.key->name.to_text()));
  if (head->expire) left_ = head->expire;
  return step_ == Step::soa ? take_version(*head, message) : take_records(*head, message);
}

bool Refresh::take_version(const ReplyHead& head, std::span<const uint8_t> message) {
  size_t position = head.records_offset;
  WireRecord record;
  if (!head.authoritative || head.answers == 0 || !read_record(message, position, record) ||
      record.type != type::soa || !(record.owner == wanted_.zone))
    return fail("does not have the zone");
  const auto times = read_soa_times(record.data);
  if (!times) return fail("has a SOA record that is too short");
  const bool newer = !wanted_.serial || is_later(times->serial, *wanted_.serial);
  if (wanted_.serial == times->serial) return succeed({nullptr, "SOA", left_});
  if (!newer && !wanted_.expired)
    return fail(fmt::format("has version {}, which is older than ours, {}", times->serial, *wanted_.serial));
  if (wanted_.refused == times->serial)
    return fail(fmt::format("has version {} still, which was refused", times->serial));
  ask(wanted_.have != nullptr && newer && !wanted_.whole ? Step::ixfr : Step::axfr);
  return true;
}

bool Refresh::take_records(const ReplyHead& head, std::span<const uint8_t> message) {
  if (!update_)
    update_.emplace(wanted_.zone, step_ == Step::ixfr ? wanted_.serial : std::nullopt,
                    fmt::format("zone {} from {}", wanted_.zone.to_text(), wanted_.primary.to_string()));
  size_t position = head.records_offset;
  WireRecord record;
  for (unsigned i = 0; i < head.answers; ++i) {
    if (!read_record(message, position, record))
      return fail(fmt::format("sends a record in its {} that cannot be read", title()));
    const ZoneUpdate::State state = update_->take(record);
    if (state == ZoneUpdate::State::broken)
      return fail(fmt::format("sends a wrong {}: {}", title(), update_->problem()));
    if (state != ZoneUpdate::State::complete) continue;
    if (i + 1 != head.answers) return fail(fmt::format("sends records behind the end of its {}", title()));
    return finish_transfer();
  }
  if (update_->end_of_message() == ZoneUpdate::State::unchanged) return succeed({nullptr, "IXFR", left_});
  return true;
}

bool Refresh::finish_transfer() {
  if (tsig_ && !tsig_->complete()) return fail(fmt::format("does not sign the end of its {}", title()));
  auto records = update_->apply(wanted_.have.get());
  if (!records && step_ == Step::ixfr)  // what we have is not what it thinks
    return ask(Step::axfr), true;
  if (!records) return fail(records.error().message);
  if (!update_->doubt().empty())
    log::warning("zone {}: {} sends a record that validators cannot use: {}", wanted_.zone.to_text(),
                 wanted_.primary.to_string(), update_->doubt());
  return succeed({std::move(*records), update_->incremental() ? "IXFR" : "AXFR", left_});
}

bool Refresh::fail(std::string why) {
  end(Error{ErrorCode::peer, std::move(why)});
  return false;
}

bool Refresh::succeed(Found found) {
  end(std::move(found));
  return false;
}

void Refresh::end(Result<Found> result) {
  patience_.cancel();
  deadline_.cancel();
  if (watched_) loop_.unwatch(fd_.get());
  watched_ = false;
  if (ended_) return;
  ended_ = true;
  loop_.post(
      [this, alive = std::weak_ptr(alive_), result = std::make_shared<Result<Found>>(std::move(result))] {
        if (!alive.expired()) std::exchange(done_, nullptr)(std::move(*result));
      });
}

}  // namespace popnet::dns
