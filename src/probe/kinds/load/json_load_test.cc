#include "probe/kinds/load/json_load.h"

#include <gtest/gtest.h>

namespace popnet::probe {
namespace {

std::string read(std::string_view page, const JsonFields& fields) {
  const auto figures = read_json_load(page, fields);
  if (!figures) return figures.error().message;
  const auto text = [](const std::optional<double>& v) { return v ? std::to_string(*v).substr(0, 4) : "-"; };
  return text(figures->cpu) + " " + text(figures->memory);
}

TEST(JsonLoad, FollowsThePointers) {
  EXPECT_EQ(read(R"({"cpu": 0.25, "memory": 0.5})", {"/cpu", "/memory", 1}), "0.25 0.50");
  EXPECT_EQ(read(R"({"load": {"cpu": 25, "mem": [0, 50]}})", {"/load/cpu", "/load/mem/1", 100}), "0.25 0.50");
  EXPECT_EQ(read(R"({"a/b": {"c~d": 1}})", {"/a~1b/c~0d", "", 1}), "1.00 -");
  EXPECT_EQ(read(R"([3, 1])", {"", "/0", 4}), "- 0.75");
}

TEST(JsonLoad, SaysWhatIsMissing) {
  EXPECT_EQ(read("{\"cpu\": 0.25", {"/cpu", "", 1}), "the page is not JSON");
  EXPECT_EQ(read("<html>", {"/cpu", "", 1}), "the page is not JSON");
  EXPECT_EQ(read("", {"/cpu", "", 1}), "the page is not JSON");
  EXPECT_EQ(read(R"({"cpu": 0.25})", {"/cpu", "/memory", 1}), "no number at /memory");
  EXPECT_EQ(read(R"({"cpu": "25%"})", {"/cpu", "", 1}), "no number at /cpu");
  EXPECT_EQ(read(R"({"cpu": [1]})", {"/cpu/1", "", 1}), "no number at /cpu/1");
  EXPECT_EQ(read(R"({"cpu": [1]})", {"/cpu/x", "", 1}), "no number at /cpu/x");
  EXPECT_EQ(read(R"({"cpu": 5})", {"/cpu/deeper", "", 1}), "no number at /cpu/deeper");
  EXPECT_EQ(read(R"({"cpu": -1})", {"/cpu", "", 100}), "-1 at /cpu, expected 0 to 100");
  EXPECT_EQ(read(R"({"cpu": 1e999})", {"/cpu", "", 1}), "the page is not JSON");
}

TEST(JsonLoad, DeepNestingIsHarmless) {
  EXPECT_EQ(read(std::string(60'000, '['), {"/cpu", "", 1}), "the page is not JSON");
  EXPECT_EQ(read(std::string(30'000, '[') + std::string(30'000, ']'), {"/cpu", "", 1}), "no number at /cpu");
}

TEST(JsonLoad, PointersAreChecked) {
  for (const char* fine : {"", "/", "/cpu", "/a~0b/~1", "/0"})
    EXPECT_TRUE(is_json_pointer(fine).ok()) << fine;
  for (const char* wrong : {"cpu", "/a~", "/a~2", "$.cpu"})
    EXPECT_FALSE(is_json_pointer(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace popnet::probe
