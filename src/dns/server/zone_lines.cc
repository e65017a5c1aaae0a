#include "dns/server/zone_lines.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace popnet::dns {

std::vector<ZoneCounts::Line> ZoneLines::tell(std::vector<ZoneCounts::Line> sums) {
  std::sort(sums.begin(), sums.end(), [](const auto& a, const auto& b) {
    return a.total() != b.total() ? a.total() > b.total() : a.zone < b.zone;
  });
  std::unordered_map<std::string, Told> now;
  for (size_t i = 0; i < sums.size(); ++i) {
    Answers& answers = sums[i].answers;
    const auto before = told_.find(sums[i].zone);
    Told told = before == told_.end() ? Told() : before->second;
    if (!std::ranges::equal(told.all, answers, std::less_equal()))
      told = {};  // it was gone meanwhile, and is counted anew
    for (size_t kind = 0; kind < answer_kinds; ++kind) {
      const uint64_t new_ones = answers[kind] - told.all[kind];
      if (i >= by_name_max_) {
        others_[kind] += new_ones;
        told.among_others[kind] += new_ones;
      }
      told.all[kind] = answers[kind];
      answers[kind] -= told.among_others[kind];
    }
    now.emplace(sums[i].zone, told);
  }
  told_ = std::move(now);
  if (sums.size() > by_name_max_) sums.resize(by_name_max_);
  ZoneCounts::Line others{"others", others_};
  if (others.total() > 0) sums.push_back(std::move(others));
  return sums;
}

}  // namespace popnet::dns
