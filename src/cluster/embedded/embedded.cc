#include "cluster/embedded/embedded.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace popnet::cluster {

namespace {
Error not_there() {
  return {ErrorCode::unavailable, "this node is not connected to the bus"};
}
}  // namespace

EmbeddedHub::EmbeddedHub(std::string config, Clock clock)
    : clock_(std::move(clock)), config_(std::move(config)), revision_(config_.empty() ? 0 : 1) {}

void EmbeddedHub::join(EmbeddedBus& bus) {
  const std::lock_guard lock(mutex_);
  if (has(bus)) return;
  members_.push_back(&bus);
  bus.dispatcher_.connected(true);
  if (revision_ > bus.revision_seen_) {
    bus.revision_seen_ = revision_;
    bus.dispatcher_.config(revision_, config_);
  }
  forget_old_purges();
  const uint64_t seen = bus.purge_seen_.value_or(purge_forgotten_);
  if (seen < purge_forgotten_) bus.dispatcher_.purges_missed();
  for (const PastPurge& past : purges_)
    if (past.sequence > seen) bus.dispatcher_.purge(past.order);
  bus.purge_seen_ = purge_sequence_;
}

void EmbeddedHub::leave(EmbeddedBus& bus) {
  const std::lock_guard lock(mutex_);
  if (std::erase(members_, &bus) > 0) bus.dispatcher_.connected(false);
}

void EmbeddedHub::publish(const EmbeddedBus& from, const Report& report) {
  const auto shared = std::make_shared<const Report>(report);
  const std::lock_guard lock(mutex_);
  if (!has(from)) return;
  for (EmbeddedBus* member : members_) member->dispatcher_.report(shared);
}

Result<uint64_t> EmbeddedHub::put_config(const EmbeddedBus& from, const std::string& text,
                                         std::optional<uint64_t> replaces) {
  const std::lock_guard lock(mutex_);
  if (!has(from)) return not_there();
  if (replaces && *replaces != revision_) return config_conflict(*replaces, revision_);
  config_ = text;
  ++revision_;
  for (EmbeddedBus* member : members_) {
    member->revision_seen_ = revision_;
    member->dispatcher_.config(revision_, config_);
  }
  return revision_;
}

Status EmbeddedHub::purge(const EmbeddedBus& from, const PurgeOrder& order) {
  const std::lock_guard lock(mutex_);
  if (!has(from)) return not_there();
  purges_.push_back({++purge_sequence_, clock_(), order});
  forget_old_purges();
  for (EmbeddedBus* member : members_) {
    member->purge_seen_ = purge_sequence_;
    member->dispatcher_.purge(order);
  }
  return {};
}

bool EmbeddedHub::joined(const EmbeddedBus& bus) const {
  const std::lock_guard lock(mutex_);
  return has(bus);
}

bool EmbeddedHub::has(const EmbeddedBus& bus) const {
  return std::find(members_.begin(), members_.end(), &bus) != members_.end();
}

void EmbeddedHub::forget_old_purges() {
  const TimePoint oldest = clock_() - Bus::purge_history;
  while (!purges_.empty() && (purges_.front().at < oldest || purges_.size() > Bus::purge_history_max)) {
    purge_forgotten_ = purges_.front().sequence;
    purges_.pop_front();
  }
}

void EmbeddedBus::subscribe(BusHandlers handlers) {
  dispatcher_.start(std::move(handlers));
  hub_.join(*this);
}

void EmbeddedBus::close() {
  hub_.leave(*this);
  dispatcher_.stop();
}

}  // namespace popnet::cluster
