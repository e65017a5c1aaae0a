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
    : names_(std::move(names)), taken_over_(names_->zone_count()) {
  std::unordered_map<std::string, std::array<uint64_t, answer_kinds>> old;
  if (before != nullptr)
    for (Line& line : before->read()) old[std::move(line.zone)] = line.answers;
  for (uint32_t zone = 0; !old.empty() && zone < taken_over_.size(); ++zone)
    if (const auto found = old.find(to_text(names_->zone_name(zone))); found != old.end())
      taken_over_[zone] = found->second;
  for (size_t t = 0; t < threads; ++t)
    blocks_.push_back(std::make_unique<Counter[]>(taken_over_.size() * answer_kinds + 2 * spare));
}

ZoneCounts::Line ZoneCounts::line(uint32_t zone) const {
  Line line;
  line.answers = taken_over_[zone];
  for (const auto& block : blocks_)
    for (size_t kind = 0; kind < answer_kinds; ++kind)
      line.answers[kind] += block[spare + zone * answer_kinds + kind].get();
  return line;
}

std::vector<ZoneCounts::Line> ZoneCounts::read() const {
  std::vector<Line> lines;
  for (uint32_t zone = 0; zone < taken_over_.size(); ++zone) {
    Line read = line(zone);
    if (read.total() == 0) continue;
    read.zone = to_text(names_->zone_name(zone));
    lines.push_back(std::move(read));
  }
  return lines;
}

}  // namespace popnet::dns
