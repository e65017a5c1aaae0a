#include "probe/kinds/host/host.h"

#include <gtest/gtest.h>

#include "probe/kinds/api/testing.h"
#include "rt/clock.h"

namespace popnet::probe {
namespace {

using model::Metric;
using testing::Bench;
using namespace std::chrono_literals;

std::optional<double> reading(const Outcome& outcome, Metric metric) {
  for (const model::Reading& r : outcome.readings)
    if (r.metric == metric) return r.value;
  return std::nullopt;
}

/// A machine made of files: two cores, a quarter of the memory in use, no group.
class Machine {
 public:
  Machine() {
    cpu(1000, 800);
    dir_.write("proc/meminfo", "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    750 kB\n");
  }
  void cpu(int total, int idle) {
    dir_.write("proc/stat", "cpu  " + std::to_string(total - idle) + " 0 0 " + std::to_string(idle) +
                                " 0 0 0 0 77 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
  }
  void group(const std::string& path) { dir_.write("proc/self/cgroup", "4:memory:/old\n0::" + path + "\n"); }
  void file(const std::string& name, const std::string& text) { dir_.write("cgroup" + name, text); }
  [[nodiscard]] HostPaths paths() const { return {dir_ / "proc", dir_ / "cgroup"}; }
  [[nodiscard]] HostReading read() const {
    auto reading = read_host(paths());
    EXPECT_TRUE(reading.ok());
    return *reading;
  }

 private:
  testing::TempDir dir_;
};

TEST(HostUsage, ReadsTheMachine) {
  Machine machine;
  const HostReading before = machine.read();
  EXPECT_DOUBLE_EQ(before.memory, 0.25);
  EXPECT_EQ(before.cpu.total, 1000) << "guest time is in user time already";
  machine.cpu(1200, 850);
  EXPECT_EQ(cpu_share(before, machine.read(), 1s), 0.75);
  EXPECT_EQ(cpu_share(before, before, 1s), std::nullopt);
}

TEST(HostUsage, AGroupsLimitsCountWhereTheyAreTighter) {
  Machine machine;
  machine.group("/popnet.slice/node");
  machine.file("/popnet.slice/node/memory.max", "max\n");
  machine.file("/popnet.slice/memory.max", "1000\n");
  machine.file("/popnet.slice/memory.current", "900\n");
  machine.file("/popnet.slice/memory.stat", "anon 700\ninactive_file 100\nactive_file 100\n");
  machine.file("/popnet.slice/node/cpu.max", "50000 100000\n");
  machine.file("/popnet.slice/node/cpu.stat", "usage_usec 1000000\nuser_usec 1\n");
  machine.file("/popnet.slice/cpu.max", "max 100000\n");
  const HostReading before = machine.read();
  EXPECT_DOUBLE_EQ(before.memory, 0.8);
  EXPECT_DOUBLE_EQ(before.group_cores, 0.5);

  machine.cpu(1200, 980);
  machine.file("/popnet.slice/node/cpu.stat", "usage_usec 1400000\n");
  EXPECT_NEAR(cpu_share(before, machine.read(), 1s).value(), 0.8, 1e-9);
}

TEST(HostUsage, UnlimitedGroupsChangeNothing) {
  Machine machine;
  machine.group("/");
  machine.file("/cpu.stat", "usage_usec 1000000\n");
  EXPECT_DOUBLE_EQ(machine.read().memory, 0.25);
  EXPECT_EQ(machine.read().group_seconds, std::nullopt);
}

TEST(HostUsage, SaysWhichFileLacks) {
  const testing::TempDir empty;
  EXPECT_EQ(read_host({empty.path(), empty.path()}).error().message,
            "no CPU times in " + empty.path() + "/stat");
}

Target own_pop(uint64_t capacity_bits = 0) {
  return {.id = model::TargetId::pop("zurich"), .capacity_bits = capacity_bits};
}

TEST(Host, MeasuresThisMachine) {
  Bench bench;
  const HostOptions options = host_options().make();
  const Outcome first = bench.run(HostKind(), own_pop(), options);
  ASSERT_TRUE(first.ok) << first.error;
  EXPECT_EQ(reading(first, Metric::cpu), std::nullopt) << "one reading is no difference";
  ASSERT_TRUE(reading(first, Metric::memory));
  EXPECT_GT(*reading(first, Metric::memory), 0);

  const TimePoint end = rt::monotonic_now() + 300ms;
  while (rt::monotonic_now() < end) continue;  // one core busy
  const Outcome second = bench.run(HostKind(), own_pop(), options);
  ASSERT_TRUE(reading(second, Metric::cpu));
  EXPECT_GT(*reading(second, Metric::cpu), 0.5 / std::thread::hardware_concurrency());
  EXPECT_EQ(reading(second, Metric::traffic), std::nullopt) << "nobody told the capacity";
}

TEST(Host, TrafficIsTheShareOfTheCapacityInUse) {
  Bench bench;
  const HostOptions options = host_options().make();
  uint64_t sent = 5'000'000;
  const HostKind kind([&] { return sent; });
  const TimePoint before = rt::monotonic_now();
  bench.run(kind, own_pop(8'000'000), options);
  ::poll(nullptr, 0, 100);
  sent += 100'000;
  const Outcome outcome = bench.run(kind, own_pop(8'000'000), options);
  const double seconds = to_seconds(rt::monotonic_now() - before);
  ASSERT_TRUE(reading(outcome, Metric::traffic));
  EXPECT_GE(*reading(outcome, Metric::traffic), 0.1 / seconds);
  EXPECT_LE(*reading(outcome, Metric::traffic), 0.1 / 0.1 + 1e-9);
}

TEST(Host, IsNotForOrigins) {
  Bench bench;
  const Outcome outcome = bench.run(HostKind(), testing::target_at({}), host_options().make());
  EXPECT_FALSE(outcome.ok);
  EXPECT_TRUE(outcome.inconclusive);
  EXPECT_EQ(outcome.error, "host measures the machine of the POP itself, use load for an origin");
}

}  // namespace
}  // namespace popnet::probe
