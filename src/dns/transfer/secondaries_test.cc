#include "dns/transfer/secondaries.h"

#include <gtest/gtest.h>

namespace popnet::dns {
namespace {

using namespace std::chrono_literals;

/// A copy that is not good any more in so many seconds.
ZoneCopy copy_that_ends(const Name& zone, int64_t seconds) {
  auto records = std::make_shared<Records>(zone, "a test");
  records->sort();
  ZoneCopy copy;
  copy.records = std::move(records);
  copy.soa = {1, 3600, 3600, 1000};
  copy.confirmed =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count() -
      1000 + seconds;
  return copy;
}

// The first try at making names without the zone fails, and the next one is a minute away; but then something happens.
TEST(Secondaries, WhatHappensAfterAnErrorDoesNotWaitForTheNextTry) {
  rt::Loop loop;
  ZoneCopies copies("");
  ZoneStates states;
  model::Config config;
  for (const char* name : {"one.test", "two.test"}) {
    model::Zone& zone = config.zones.emplace_back();
    zone.name = name;
    zone.secondary.primaries = {Endpoint::parse("127.0.0.1:1").value()};
    copies.put(*parse_name(name), copy_that_ends(*parse_name(name), config.zones.size() == 1 ? 0 : 2));
  }
  std::vector<TimePoint> tries;
  Secondaries secondaries(loop, copies, states, Sources{}, 1, [&]() -> Status {
    tries.push_back(loop.now());
    if (tries.size() == 2) loop.stop();
    return Error{ErrorCode::machine, "not now"};
  });
  secondaries.configure(config, {});
  rt::Timer patience(loop, [&] { loop.stop(); });
  patience.arm_after(10s);
  loop.run();
  ASSERT_EQ(tries.size(), 2U) << "when the other zone expired";
  EXPECT_LT(tries[1] - tries[0], 5s);
}

}  // namespace
}  // namespace popnet::dns
