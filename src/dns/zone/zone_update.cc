#include "dns/zone/zone_update.h"

#include <fmt/format.h>

#include "common/bytes.h"
#include "dns/wire/protocol.h"
#include "dns/zone/fields.h"
#include "dns/zone/version.h"

namespace popnet::dns {

namespace {

std::string_view text(std::span<const uint8_t> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}
std::span<const uint8_t> bytes(std::string_view data) {
  return {reinterpret_cast<const uint8_t*>(data.data()), data.size()};
}

}  // namespace

std::optional<SoaTimes> read_soa_times(std::span<const uint8_t> soa_data) {
  constexpr size_t numbers_size = 20;
  if (soa_data.size() < numbers_size) return std::nullopt;
  ByteReader in(soa_data.last(numbers_size));
  SoaTimes times;
  times.serial = in.u32();
  times.refresh = in.u32();
  times.retry = in.u32();
  times.expire = in.u32();
  return times;
}

std::optional<SoaTimes> read_soa_times(const Records& records) {
  const std::string apex = owner_key(records.apex().bytes());
  for (size_t i = records.find(apex); i < records.size() && records[i].owner == apex; ++i)
    if (records[i].type == type::soa) return read_soa_times(records[i].data);
  return std::nullopt;
}

ZoneUpdate::ZoneUpdate(const Name& zone, std::optional<uint32_t> have, std::string source)
    : have_(have), whole_(zone, source), source_(whole_.add_file(std::move(source))) {}

ZoneUpdate::State ZoneUpdate::broken(std::string problem) {
  problem_ = std::move(problem);
  return State::broken;
}

bool ZoneUpdate::is_soa(const WireRecord& record) const {
  return record.type == type::soa && record.owner == whole_.apex();
}

ZoneUpdate::State ZoneUpdate::take(const WireRecord& record) {
  if (record.rr_class != class_in)
    return broken(fmt::format("{} has class {}; only IN is served", record.owner.to_text(), record.rr_class));
  if (!is_at_or_below(record.owner.bytes(), whole_.apex().bytes()))
    return broken(fmt::format("{} is not in the zone {}", record.owner.to_text(), whole_.apex().to_text()));
  if (const std::string why = why_no_data(record.type); !why.empty())
    return broken(fmt::format("{}: {}", record.owner.to_text(), why));
  std::optional<uint32_t> serial;
  if (is_soa(record)) {
    const auto times = read_soa_times(record.data);
    if (!times) return broken("its SOA record is too short");
    serial = times->serial;
  }
  switch (phase_) {
    case Phase::first:
      if (!serial) return broken("it does not begin with the zone's SOA record");
      soa_ = record;
      serial_ = *serial;
      phase_ = Phase::second;
      return State::more;
    case Phase::second:
      return take_second(record, serial);
    case Phase::whole:
      if (!serial) return add(record), State::more;
      return *serial == serial_ ? State::complete : broken("it ends with another SOA record than it begins");
    case Phase::removing:
    case Phase::adding:
      return take_change(record, serial);
  }
  return State::broken;
}

ZoneUpdate::State ZoneUpdate::end_of_message() {
  if (phase_ != Phase::second || !have_ || is_later(serial_, *have_)) return State::more;
  return State::unchanged;
}

/// The second record tells differences from a whole zone (RFC 1995 section 4).
ZoneUpdate::State ZoneUpdate::take_second(const WireRecord& record, std::optional<uint32_t> serial) {
  if (serial && have_ && *serial == *have_ && *serial != serial_) {
    phase_ = Phase::removing;
    remove(record);
    return State::more;
  }
  phase_ = Phase::whole;
  add(soa_);
  if (!serial) return add(record), State::more;
  return *serial == serial_
             ? State::complete
             : broken(fmt::format("it has differences from version {}, which was not asked for", *serial));
}

ZoneUpdate::State ZoneUpdate::take_change(const WireRecord& record, std::optional<uint32_t> serial) {
  if (!serial) {
    phase_ == Phase::removing ? remove(record) : add(record);
    return State::more;
  }
  if (phase_ == Phase::removing) {
    phase_ = Phase::adding;
    step_ = *serial;
    add(record);
    return State::more;
  }
  if (*serial != step_)
    return broken(fmt::format("its differences go on from version {}, but had come to {}", *serial, step_));
  if (step_ == serial_) return State::complete;
  phase_ = Phase::removing;
  remove(record);
  return State::more;
}

void ZoneUpdate::add(const WireRecord& record) {
  if (const std::string why = doubt_.empty() ? why_wrong_digest(record.type, record.data) : ""; !why.empty())
    doubt_ = fmt::format("{}: {}", record.owner.to_text(), why);
  if (phase_ == Phase::whole)
    return whole_.add(record.owner, record.type, record.ttl, record.data, {source_, 0});
  added_[{owner_key(record.owner.bytes()), record.type, std::string(text(record.data))}] = record.ttl;
}

/// What was added on the way and goes again was never there.
void ZoneUpdate::remove(const WireRecord& record) {
  Key key{owner_key(record.owner.bytes()), record.type, std::string(text(record.data))};
  if (added_.erase(key) == 0) removed_[std::move(key)] = record.ttl;
}

Result<std::shared_ptr<const Records>> ZoneUpdate::apply(const Records* before) {
  if (!incremental()) {
    auto whole = std::make_shared<Records>(std::move(whole_));
    whole->sort();
    return std::shared_ptr<const Records>(std::move(whole));
  }
  auto result = std::make_shared<Records>(std::move(whole_));
  size_t gone = 0;
  for (size_t i = 0; i < before->size(); ++i) {
    const Record record = (*before)[i];
    if (removed_.contains(std::tuple(record.owner, record.type, text(record.data)))) {
      ++gone;
    } else {
      result->add(owner_name(record.owner), record.type, record.ttl, record.data, {source_, 0});
    }
  }
  if (gone != removed_.size())
    return Error{ErrorCode::peer,
                 fmt::format("{} records that it takes away are not there", removed_.size() - gone)};
  for (const auto& [key, ttl] : added_)
    result->add(owner_name(std::get<0>(key)), std::get<1>(key), ttl, bytes(std::get<2>(key)), {source_, 0});
  result->sort();
  return std::shared_ptr<const Records>(std::move(result));
}

}  // namespace popnet::dns
