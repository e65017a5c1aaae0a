#include "dns/server/counts.h"

#include <map>
#include <utility>

namespace popnet::dns {

namespace {
// Keeps a block's counters off the cache lines of its neighbours on the heap.
constexpr size_t spare_counters = 64 / sizeof(Counter);
}  // namespace

TargetCounts::TargetCounts(std::shared_ptr<const model::Config> config, size_t threads,
                           const TargetCounts* before)
    : config_(std::move(config)) {
  std::map<std::pair<std::string, std::string>, uint64_t> old;  // ("site", "origin") or ("", "pop")
  if (before != nullptr) {
    const AnswerCounts counts = before->read();
    for (size_t s = 0; s < counts.origins.size(); ++s)
      for (size_t o = 0; o < counts.origins[s].size(); ++o)
        old[{before->config_->sites[s].name, before->config_->sites[s].origins[o].name}] =
            counts.origins[s][o];
    for (size_t p = 0; p < counts.pops.size(); ++p) old[{"", before->config_->pops[p].name}] = counts.pops[p];
  }
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

AnswerCounts TargetCounts::read() const {
  AnswerCounts counts;
  for (size_t s = 0; s < config_->sites.size(); ++s) {
    auto& origins = counts.origins.emplace_back();
    for (size_t o = 0; o < config_->sites[s].origins.size(); ++o)
      origins.push_back(sum(first_of_site_[s] + o));
  }
  for (size_t p = 0; p < config_->pops.size(); ++p) counts.pops.push_back(sum(first_pop_ + p));
  return counts;
}

}  // namespace popnet::dns
