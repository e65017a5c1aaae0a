#include "brain/brain.h"

#include <algorithm>

#include "routing/shares.h"

namespace popnet::brain {

void Brain::set_config(std::shared_ptr<const model::Config> config) {
  config_ = std::move(config);
  clients_stale_ = true;
  chains_ = routing::make_chains(*config_);
  places_ = routing::rank_places(*config_);
}

bool Brain::add(const model::Report& report) {
  bool urgent = false;
  for (const model::ProbeSample& sample : report.samples) urgent |= fold_.add(sample);
  for (const model::Shares& shares : report.shares) {
    if (shares.author == author_) continue;
    const auto known =
        std::find_if(heard_.begin(), heard_.end(), [&](const auto& h) { return h.author == shares.author; });
    known == heard_.end() ? heard_.push_back(shares) : void(*known = shares);
    urgent |= shares.author == leader_;
  }
  return urgent;
}

std::shared_ptr<const routing::Snapshot> Brain::tick(TimePoint now) {
  if (!first_tick_) first_tick_ = now;
  fold_.forget(now);
  std::erase_if(heard_, [&](const auto& shares) { return now - shares.at > routing::heard_max; });

  auto metrics = std::make_shared<model::MetricsSnapshot>(fold_.snapshot(*config_, ++generation_, now));
  if (!listening(now))
    own_ = routing::step(routing::adopt(own_, heard_, *config_, *metrics, now), *config_, *metrics, now,
                         author_);
  rank_clients(now);
  auto snapshot = std::make_shared<routing::Snapshot>();
  snapshot->config = config_;
  snapshot->clients = clients_measured_;
  snapshot->shares = routing::adopt(told_.generation > 0 ? told_ : own_, heard_, *config_, *metrics, now);
  leader_ = snapshot->shares.author;
  snapshot->map = routing::make_map(*config_, *metrics, snapshot->shares, generation_, clients_, now, chains_,
                                    last_ ? &last_->map : nullptr);
  snapshot->metrics = std::move(metrics);
  last_ = snapshot;
  return snapshot;
}

void Brain::rank_clients(TimePoint now) {
  const auto intervals = 1 + fold_.client_networks() / client_networks_an_interval;
  if (!clients_stale_ && now - clients_at_ < client_table_interval * intervals) return;
  clients_at_ = now;
  fold_.forget_clients(now);
  if (!clients_stale_ && fold_.client_changes() == clients_seen_) return;
  clients_measured_ = std::make_shared<const model::ClientsMetrics>(fold_.clients(*config_, now));
  clients_ = routing::make_client_table(*config_, *clients_measured_, now, places_);
  clients_seen_ = fold_.client_changes();
  clients_stale_ = false;
}

void Brain::restore(const std::vector<model::ProbeSample>& samples, const model::Shares& shares,
                    TimePoint now) {
  for (const model::ProbeSample& sample : samples) fold_.add(sample);
  if (now - shares.at <= routing::heard_max) own_ = shares;
}

bool Brain::listening(TimePoint now) const {
  return own_.generation == 0 && heard_.empty() && now - *first_tick_ < listen_time;
}

}  // namespace popnet::brain
