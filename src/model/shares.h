// What the controllers have decided so far: which part of the users each target may have. The state that one
// step of routing/shares.h turns into the next. Published on the bus, so that all POPs place a client alike.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/time.h"
#include "model/node_id.h"

namespace popnet::model {

struct Shares {
  NodeId author;  // that computed them
  uint64_t generation = 0;
  TimePoint at{};  // when they were computed, on the clock of the machine that holds this value
  struct Target {
    std::string name;  // as in TargetId::name
    double share = 0;
  };
  std::vector<Target>
      origins;  // "site/origin" → share of the site's users, 0 .. 1, summing to 1 over the site
  std::vector<Target> pops;  // POP → part of its own clients that it accepts, 0 .. 1
};

}  // namespace popnet::model
