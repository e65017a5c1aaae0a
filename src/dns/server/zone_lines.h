// What /metrics tells of zones: the busiest by name, the rest together as `others`, for a page of metrics has an end.
//
// Each line is a counter: it only grows, whatever zones come, go, or overtake each other. What a zone was counted for among
// the others stays there when it gets a line of its own.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "dns/server/zone_counts.h"

namespace popnet::dns {

/// One caller at a time.
class ZoneLines {
 public:
  explicit ZoneLines(size_t by_name_max) : by_name_max_(by_name_max) {}

  /// `sums`: of all zones that were asked for, since their counting began. The others come last, if there are any.
  std::vector<ZoneCounts::Line> tell(std::vector<ZoneCounts::Line> sums);

 private:
  using Answers = decltype(ZoneCounts::Line::answers);
  struct Told {
    Answers all{};           // by name or among the others
    Answers among_others{};  // of these
  };

  const size_t by_name_max_;
  std::unordered_map<std::string, Told> told_;  // by zone
  Answers others_{};
};

}  // namespace popnet::dns
