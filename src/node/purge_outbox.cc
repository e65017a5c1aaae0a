#include "node/purge_outbox.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "common/log.h"

namespace popnet::node {

namespace {
constexpr int at_once =
    64;  // then others on the loop have their turn: each is a question to the bus and its answer
}

PurgeOutbox::PurgeOutbox(rt::Loop& loop, Send send)
    : loop_(loop), send_(std::move(send)), timer_(loop, [this] { send_some(); }) {}

PurgeOutbox::~PurgeOutbox() {
  if (!orders_.empty())
    log::error("{} purges are lost for the other nodes: the bus was away until this node ended",
               orders_.size());
}

void PurgeOutbox::add(model::PurgeOrder order) {
  orders_.push_back(std::move(order));
  if (orders_.size() > most) merge();
  waiting_ = orders_.size();
  if (!timer_.armed()) timer_.arm_after(Duration::zero());
}

std::deque<model::PurgeOrder> PurgeOutbox::take() {
  timer_.cancel();
  waiting_ = 0;
  return std::exchange(orders_, {});
}

void PurgeOutbox::try_now() {
  loop_.post([this] {
    if (!orders_.empty()) timer_.arm_after(Duration::zero());
  });
}

void PurgeOutbox::send_some() {
  for (int left = at_once; left > 0 && !orders_.empty(); --left) {
    const Status sent = send_(orders_.front());
    if (!sent && sent.error().code == ErrorCode::unavailable) return put_off(sent.error());
    if (!sent)
      log::error("purge of {}: the other nodes will not be told: {}", to_string(orders_.front()),
                 sent.error().message);
    orders_.pop_front();
    waiting_ = orders_.size();
  }
  retry_ = retry_first;
  if (!orders_.empty()) return timer_.arm_after(Duration::zero());
  if (std::exchange(failing_, false)) log::info("the other nodes are told of all purges by now");
}

void PurgeOutbox::put_off(const Error& why) {
  if (!std::exchange(failing_, true))
    log::warning("purge of {}: the other nodes are not told yet: {}; tried again until they are",
                 to_string(orders_.front()), why.message);
  timer_.arm_after(retry_);
  retry_ = std::min<Duration>(2 * retry_, retry_last);
}

/// One for each site, soft if all of them are. With the id of the latest that it stands for: the first may have reached the bus
/// with its answer lost, and nothing else with its id is taken there.
void PurgeOutbox::merge() {
  std::map<std::string, model::PurgeOrder> of_sites;
  for (const model::PurgeOrder& order : orders_) {
    model::PurgeOrder& all =
        of_sites
            .try_emplace(order.site, model::PurgeOrder{.scope = model::PurgeOrder::Scope::site,
                                                       .site = order.site,
                                                       .url = {},
                                                       .tags = {},
                                                       .soft = true,
                                                       .id = order.id})
            .first->second;
    all.soft = all.soft && order.soft;
    all.id = order.id;
  }
  log::warning(
      "more than {} purges wait for the bus: the other nodes will purge all of the {} sites that they are "
      "about",
      most, of_sites.size());
  orders_.clear();
  for (auto& [site, order] : of_sites) orders_.push_back(std::move(order));
}

}  // namespace popnet::node
