#include "probe/kinds/load/exposition.h"

#include <gtest/gtest.h>

#include <limits>

namespace popnet::probe {
namespace {

TEST(Exposition, SumsTheCoresOfNodeExportersPage) {
  const NodeFigures figures =
      read_exposition(R"(# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 100.5
node_cpu_seconds_total{cpu="0",mode="iowait"} 1.5
node_cpu_seconds_total{cpu="0",mode="user"} 8
node_cpu_seconds_total{cpu="1",mode="idle"} 2e2
node_cpu_seconds_total{cpu="1",mode="system"} 10
node_cpu_guest_seconds_total{cpu="0",mode="user"} 999
# TYPE node_memory_MemTotal_bytes gauge
node_memory_MemTotal_bytes 2.5e+10
node_memory_MemAvailable_bytes 2e+10
node_memory_MemFree_bytes 1
)");
  ASSERT_TRUE(figures.cpu);
  EXPECT_DOUBLE_EQ(figures.cpu->total, 320);
  EXPECT_DOUBLE_EQ(figures.cpu->idle, 302);
  EXPECT_EQ(figures.memory_total, 2.5e10);
  EXPECT_EQ(figures.memory_available, 2e10);
}

TEST(Exposition, TakesWhatTheFormatAllows) {
  const NodeFigures figures = read_exposition(
      "  node_cpu_seconds_total{ other=\"a,mode=\\\"idle\\\"}\" , mode=\"idle\" }\t7 1700000000000\r\n"
      "node_cpu_seconds_total {mode=\"user\"} 1\n"
      "node_memory_MemTotal_bytes{node=\"x\"} 5 1700000000000\n"
      "node_memory_MemAvailable_bytes 4");
  ASSERT_TRUE(figures.cpu);
  EXPECT_DOUBLE_EQ(figures.cpu->idle, 7);
  EXPECT_EQ(figures.memory_total, 5);
  EXPECT_EQ(figures.memory_available, 4);
}

TEST(Exposition, PassesOverWhatIsNone) {
  for (const char* page : {"", "\n\n", "node_cpu_seconds_total", "node_cpu_seconds_total{mode=\"idle\" 5",
                           "node_cpu_seconds_total{} x", "node_cpu_seconds_total{mode=\"idle\\\"} 5",
                           "node_cpu_seconds_total NaN", "node_cpu_seconds_total +Inf",
                           "#node_cpu_seconds_total 5", "<html>node_memory_MemTotal_bytes</html>"}) {
    const NodeFigures figures = read_exposition(page);
    EXPECT_FALSE(figures.cpu) << page;
    EXPECT_FALSE(figures.memory_total) << page;
  }
}

TEST(BusyShare, IsTheDifferenceOfTwoReadings) {
  EXPECT_EQ(busy_share({100, 50}, {200, 75}), 0.75);
  EXPECT_EQ(busy_share({100, 50}, {200, 150}), 0);
}

TEST(BusyShare, NeedsTimeAndGrowingCounters) {
  EXPECT_EQ(busy_share({100, 50}, {100, 50}), std::nullopt);
  EXPECT_EQ(busy_share({100, 50}, {10, 5}), std::nullopt) << "the machine was started anew";
  EXPECT_EQ(busy_share({100, 50}, {300, 40}), std::nullopt);
  EXPECT_EQ(busy_share({100, 50}, {std::numeric_limits<double>::infinity(), 60}), std::nullopt);
  EXPECT_EQ(busy_share({100, 50}, {200, 160}), 0) << "iowait may be counted twice by the kernel";
}

}  // namespace
}  // namespace popnet::probe
