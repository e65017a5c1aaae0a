#include "dns/server/counts.h"

namespace popnet::dns {

TargetCounts::TargetCounts(std::shared_ptr<const model::Config> config, size_t threads,
                           const TargetCounts* before)
    : config_(std::move(config)), threads_(threads) {
  std::map<Target, Tally> old;
  if (before != nullptr) old = before->by_name();
  const auto add = [&](const std::string& site, const std::string& target) {
    const auto found = old.find({site, target});
    tallies_.push_back(found == old.end() ? new_tally(threads) : found->second);
  };
  for (const model::Site& site : config_->sites) {
    first_of_site_.push_back(tallies_.size());
    for (const model::Origin& origin : site.origins) add(site.name, origin.name);
  }
  first_pop_ = tallies_.size();
  for (const model::Pop& pop : config_->pops) add("", pop.name);
}

std::map<TargetCounts::Target, Tally> TargetCounts::by_name() const {
  std::map<Target, Tally> tallies;
  size_t index = 0;
  for (const model::Site& site : config_->sites)
    for (const model::Origin& origin : site.origins) tallies[{site.name, origin.name}] = tallies_[index++];
  for (const model::Pop& pop : config_->pops) tallies[{"", pop.name}] = tallies_[index++];
  return tallies;
}

model::AnswerCounts TargetCounts::read(const model::Config& as) const {
  const auto known = by_name();
  const auto count_of = [&](const std::string& site, const std::string& target) {
    const auto found = known.find({site, target});
    return found == known.end() ? 0 : sum(found->second, threads_, 0);
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
