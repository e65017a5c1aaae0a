#include "dns/server/zone_counts.h"

#include <numeric>
#include <unordered_map>
#include <utility>

namespace popnet::dns {

const char* to_string(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::answer:
      return "answer";
    case AnswerKind::wildcard:
      return "wildcard";
    case AnswerKind::nodata:
      return "nodata";
    case AnswerKind::nxdomain:
      return "nxdomain";
    case AnswerKind::referral:
      return "referral";
    case AnswerKind::error:
      return "error";
  }
  return "";
}

uint64_t ZoneCounts::Line::total() const {
  return std::accumulate(answers.begin(), answers.end(), uint64_t{0});
}

ZoneCounts::ZoneCounts(std::shared_ptr<const Names> names, size_t threads, const ZoneCounts* before)
    : names_(std::move(names)), threads_(threads) {
  const uint32_t count = names_->zone_count(),
                 old_count = before == nullptr ? 0 : before->names_->zone_count();
  std::unordered_map<std::string, uint32_t> old;
  for (uint32_t zone = 0; zone < old_count; ++zone) old[to_text(before->names_->zone_name(zone))] = zone;
  tallies_.reserve(count);
  for (uint32_t zone = 0; zone < count; ++zone) {
    const auto found = old_count == 0 ? old.end() : old.find(to_text(names_->zone_name(zone)));
    tallies_.push_back(found == old.end() ? new_tally(threads) : before->tallies_[found->second]);
  }
}

std::vector<ZoneCounts::Line> ZoneCounts::read() const {
  std::vector<Line> lines;
  for (uint32_t zone = 0; zone < tallies_.size(); ++zone) {
    Line line;
    for (size_t kind = 0; kind < answer_kinds; ++kind)
      line.answers[kind] = sum(tallies_[zone], threads_, kind);
    if (line.total() == 0) continue;
    line.zone = to_text(names_->zone_name(zone));
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace popnet::dns
