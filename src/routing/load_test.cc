#include "routing/load.h"

#include <gtest/gtest.h>

#include "routing/testing.h"

namespace popnet::routing {
namespace {

using namespace testing;
using model::Metric;

model::LoadModel cpu_and_http() {
  model::LoadModel load = cpu_only();
  load.cpu = 1;
  load.http = 3;
  load.http_reference = milliseconds(200);
  return load;
}

TEST(LoadTest, IsTheWeightedMeanOfSharesAndOfTimesByTheirReference) {
  std::vector<model::ServiceMetrics> targets(1);
  set(targets[0], Metric::cpu, 0.8);
  set(targets[0], Metric::http_ms, 50);
  const auto result = loads(cpu_and_http(), targets);
  EXPECT_DOUBLE_EQ(result[0].value, (1 * 0.8 + 3 * 0.25) / 4);
  EXPECT_TRUE(result[0].known);
}

TEST(LoadTest, MetricsThatTheModelDoesNotWeighDoNotCount) {
  std::vector<model::ServiceMetrics> targets(1);
  set(targets[0], Metric::cpu, 0.2);
  set(targets[0], Metric::memory, 1);
  set(targets[0], Metric::rtt_ms, 500);
  EXPECT_DOUBLE_EQ(loads(cpu_only(), targets)[0].value, 0.2);
}

TEST(LoadTest, ATargetThatHidesItsCpuLooksNoIdlerThanItsSiblings) {
  std::vector<model::ServiceMetrics> targets(3);
  set(targets[0], Metric::cpu, 0.9);
  set(targets[1], Metric::cpu, 0.7);
  for (auto& target : targets) set(target, Metric::http_ms, 20);
  const auto result = loads(cpu_and_http(), targets);
  EXPECT_GT(result[2].value, result[1].value);
  EXPECT_LT(result[2].value, result[0].value);
  EXPECT_TRUE(result[2].known);
}

TEST(LoadTest, WhatNobodyKnowsIsLeftOut) {
  std::vector<model::ServiceMetrics> targets(2);
  set(targets[0], Metric::http_ms, 100);
  set(targets[1], Metric::http_ms, 20);
  const auto result = loads(cpu_and_http(), targets);
  EXPECT_DOUBLE_EQ(result[0].value, 0.5);
  EXPECT_DOUBLE_EQ(result[1].value, 0.1);
}

TEST(LoadTest, ATargetOfWhichNothingIsKnownStandsAtTheMean) {
  std::vector<model::ServiceMetrics> targets(3);
  set(targets[0], Metric::cpu, 0.2);
  set(targets[1], Metric::cpu, 0.6);
  const auto result = loads(cpu_only(), targets);
  EXPECT_DOUBLE_EQ(result[2].value, 0.4);
  EXPECT_FALSE(result[2].known);
  EXPECT_FALSE(loads(cpu_only(), std::vector<model::ServiceMetrics>(2))[0].known);
}

TEST(LoadTest, AbsurdValuesAreCut) {
  std::vector<model::ServiceMetrics> targets(1);
  set(targets[0], Metric::cpu, -3);
  set(targets[0], Metric::http_ms, 60000);
  EXPECT_DOUBLE_EQ(loads(cpu_and_http(), targets)[0].value, 3 * component_max / 4);
}

TEST(LoadTest, AFullUplinkFillsAPopWhateverItsCpu) {
  std::vector<model::ServiceMetrics> pops(2);
  set(pops[0], Metric::cpu, 0.1);
  set(pops[0], Metric::traffic, 0.95);
  set(pops[1], Metric::cpu, 0.5);
  set(pops[1], Metric::traffic, 0.3);
  const auto result = pop_loads(cpu_only(), pops);
  EXPECT_DOUBLE_EQ(result[0].value, 0.95);
  EXPECT_DOUBLE_EQ(result[1].value, 0.5);
}

TEST(LoadTest, AFullCpuFillsAPopHoweverQuicklyItAnswers) {
  std::vector<model::ServiceMetrics> pops(1);
  set(pops[0], Metric::cpu, 0.98);
  set(pops[0], Metric::http_ms, 1);
  EXPECT_DOUBLE_EQ(pop_loads(cpu_and_http(), pops)[0].value, 0.98);
  model::LoadModel blind = cpu_and_http();
  blind.cpu = 0;
  EXPECT_LT(pop_loads(blind, pops)[0].value, 0.1) << "weight 0: the CPU is none of popnet's business";
}

}  // namespace
}  // namespace popnet::routing
