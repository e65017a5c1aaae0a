#include "dns/server/counts.h"

namespace popnet::dns {

namespace {
// Keeps a block's counters off the cache lines of its neighbours on the heap.
constexpr size_t spare_counters = 64 / sizeof(Counter);
}  // namespace

TargetCounts::TargetCounts(std::shared_ptr<const model::Config> config, size_t threads,
                           const TargetCounts* before)
    : config_(std::move(config)) {
  std::map<Target, uint64_t> old;
  if (before != nullptr) old = before->by_name();
  const auto take_over = [&](const std::string& site, const std::string& target) {
    const auto found = old.find({site, target});
    taken_over_.push_back(found == old.end() ? 0 : found->second);
  };
  for (const model::Site& site : config_->sites) {
    first_of_site_.push_back(spare_counters + taken_over_.size());
    for (const model::Origin& origin : site.origins) take_over(site.name, origin.name);
  }
  first_pop_ = spare_counters + taken_over_.size();
  for (const model::Pop& pop : config_->pops) take_over("", pop.name);
  for (size_t t = 0; t < threads; ++t)
    blocks_.push_back(std::make_unique<Counter[]>(taken_over_.size() + 2 * spare_counters));
}

uint64_t TargetCounts::sum(size_t index) const {
  uint64_t total = taken_over_[index - spare_counters];
  for (const auto& block : blocks_) total += block[index].get();
  return total;
}

std::map<TargetCounts::Target, uint64_t> TargetCounts::by_name() const {
  std::map<Target, uint64_t> counts;
  size_t index = spare_counters;
  for (const model::Site& site : config_->sites)
    for (const model::Origin& origin : site.origins) counts[{site.name, origin.name}] = sum(index++);
  for (const model::Pop& pop : config_->pops) counts[{"", pop.name}] = sum(index++);
  return counts;
}

model::AnswerCounts TargetCounts::read(const model::Config& as) const {
  const auto known = by_name();
  const auto count_of = [&](const std::string& site, const std::string& target) {
    const auto found = known.find({site, target});
    return found == known.end() ? 0 : found->second;
  };
  model::AnswerCounts counts;
  for (const model::Site& site : as.sites) {
    auto& origins = counts.origins.emplace_back();
    for (const model::Origin& origin : site.origins) origins.push_back(count_of(site.name, origin.name));
  }
  for (const model::Pop& pop : as.pops) counts.pops.push_back(count_of("", pop.name));
  return counts;
}

}  // namespace popnet::dns
