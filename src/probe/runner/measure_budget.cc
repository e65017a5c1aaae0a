#include "probe/runner/measure_budget.h"

#include <algorithm>

namespace popnet::probe {

void MeasureBudget::configure(double rate_max, Duration interval) {
  rate_max_ = rate_max;
  interval_ = interval;
}

bool MeasureBudget::take(const Prefix& network, TimePoint now) {
  forget_old(now);
  if (started_.contains(network) || !take_token(now)) return false;
  started_.emplace(network, now);
  order_.push_back(network);
  return true;
}

void MeasureBudget::forget_old(TimePoint now) {
  while (!order_.empty()) {
    const auto oldest = started_.find(order_.front());
    if (oldest->second + interval_ > now && started_.size() < networks_max) return;
    started_.erase(oldest);
    order_.pop_front();
  }
}

bool MeasureBudget::take_token(TimePoint now) {
  const double burst = std::max(1.0, rate_max_);
  tokens_ = refilled_once_ ? std::min(burst, tokens_ + rate_max_ * to_seconds(now - refilled_)) : burst;
  refilled_ = now;
  refilled_once_ = true;
  if (rate_max_ <= 0 || tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace popnet::probe
