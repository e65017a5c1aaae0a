#include "brain/brain.h"

#include <algorithm>

#include "routing/shares.h"

namespace popnet::brain {

void Brain::set_config(std::shared_ptr<const model::Config> config) {
  config_ = std::move(config);
  clients_stale_ = true;
}

bool Brain::add(const model::Report& report) {
  bool urgent = false;
  for (const model::ProbeSample& sample : report.samples) urgent |= fold_.add(sample);
  for (const model::Shares& shares : report.shares) {
    if (shares.author == author_) continue;
    const auto known =
        std::find_if(heard_.begin(), heard_.end(), [&](const auto& h) { return h.author == shares.author; });
    known == heard_.end() ? heard_.push_back(shares) : void(*known = shares);
    urgent |= shares.author == senior_;
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
  if (clients_stale_ || now - clients_at_ >= client_table_interval) {
    clients_ = routing::make_client_table(*config_, *metrics, now);
    clients_stale_ = false;
    clients_at_ = now;
  }
  auto snapshot = std::make_shared<routing::Snapshot>();
  snapshot->config = config_;
  snapshot->shares = routing::adopt(told_.generation > 0 ? told_ : own_, heard_, *config_, *metrics, now);
  senior_ = snapshot->shares.author;
  snapshot->map = routing::make_map(*config_, *metrics, snapshot->shares, generation_, clients_, now);
  snapshot->metrics = std::move(metrics);
  return snapshot;
}

void Brain::restore(const std::vector<model::ProbeSample>& samples, const model::Shares& shares) {
  for (const model::ProbeSample& sample : samples) fold_.add(sample);
  own_ = shares;
}

bool Brain::listening(TimePoint now) const {
  return own_.generation == 0 && heard_.empty() && now - *first_tick_ < listen_time;
}

}  // namespace popnet::brain
