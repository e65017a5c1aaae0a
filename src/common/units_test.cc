#include "common/units.h"

#include <gtest/gtest.h>

namespace popnet {
namespace {
using namespace std::chrono_literals;

TEST(Units, Durations) {
  EXPECT_EQ(*parse_duration("20s"), 20s);
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("0.5s"), 500ms);
  EXPECT_EQ(*parse_duration("0"), 0s);
  for (const char* wrong :
       {"", "20", "s", "20 s", "20x", "-1s", "30m1h", "1s1s", "1e3s", "999999999999999d", "1..2s"})
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  EXPECT_EQ(parse_duration("20").error().message,
            "'20' is not a duration: expected for example 500ms, 20s or 1h30m");
}

TEST(Units, SizesAndRates) {
  EXPECT_EQ(*parse_size("512MiB"), 512U << 20);
  EXPECT_EQ(*parse_size("20GB"), 20'000'000'000U);
  EXPECT_FALSE(parse_size("512mib"));
  EXPECT_FALSE(parse_size("1MiB1KiB"));
  EXPECT_EQ(*parse_size("2251799813685249B"), 2251799813685249U);
  EXPECT_FALSE(parse_size("0.4B"));
  EXPECT_EQ(*parse_size("1.5KiB"), 1536U);
  EXPECT_EQ(*parse_bit_rate("10Gbit"), 10'000'000'000U);
}

TEST(Units, FormatReadsBack) {
  for (auto d : std::initializer_list<Duration>{1ns, 1500ms, 90min, 48h})
    EXPECT_EQ(*parse_duration(format_duration(d)), d);
  EXPECT_EQ(format_size(64 << 10), "64KiB");
  EXPECT_EQ(format_bit_rate(2'500'000), "2500kbit");
}

}  // namespace
}  // namespace popnet
