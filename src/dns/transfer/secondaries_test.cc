#include "dns/transfer/secondaries.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "dns/transfer/test_primary.h"

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

// It is said once that there is a new version; RETRY may be hours.
TEST(Secondaries, ALookThatFailsAfterANotifyIsTriedAgainSoon) {
  rt::Loop loop;
  testing::DeafPrimary primary(loop);
  ZoneCopies copies("");
  ZoneStates states;
  const Name name = *parse_name("one.test");
  model::Config config;
  model::Zone& zone = config.zones.emplace_back();
  zone.name = "one.test";
  zone.secondary.primaries = {primary.endpoint()};
  copies.put(name, copy_that_ends(name, 900));
  Secondaries secondaries(loop, copies, states, Sources{}, 1, []() -> Status { return {}; });
  primary.on_asked = [&] {
    if (primary.asked == 1) secondaries.notified(name, *IpAddress::parse("127.0.0.1"));
    if (primary.asked == 3) loop.stop();
  };
  secondaries.configure(config, {});
  rt::Timer patience(loop, [&] { loop.stop(); });
  patience.arm_after(10s);
  loop.run();
  EXPECT_EQ(primary.asked, 3U) << "at the start, for the NOTIFY, and when that has failed";
}

}  // namespace
}  // namespace popnet::dns
