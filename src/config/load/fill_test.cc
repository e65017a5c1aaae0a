#include "config/load/fill.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/test_load.h"

namespace popnet::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Options, UnknownKeyWithTheNearest) {
  EXPECT_THAT(problems_of("node:\n  log_levle: info\n"),
              ElementsAre("a.yaml:2:3: node.log_levle: unknown option, did you mean 'log_level'?"));
  EXPECT_THAT(problems_of("nodes: {}\n"),
              ElementsAre("a.yaml:1:1: nodes: unknown option, did you mean 'node'?"));
}

TEST(Options, UnknownKeyWithNothingNear) {
  EXPECT_THAT(
      problems_of("bus:\n  retries: 3\n"),
      ElementsAre("a.yaml:2:3: bus.retries: unknown option, known here are kind, url, follow_config"));
}

TEST(Options, DuplicateKey) {
  EXPECT_THAT(problems_of("node:\n  threads: 1\n  threads: 2\n"),
              ElementsAre("a.yaml:3:3: node.threads: stands twice, first in line 2; write it once"));
}

TEST(Options, WrongForms) {
  EXPECT_THAT(problems_of("just words\n"),
              ElementsAre("a.yaml:1:1: config: found one value, write options like network: ..."));
  EXPECT_THAT(problems_of("node: 1\n"),
              ElementsAre("a.yaml:1:7: node: found one value, write options like pop: ..."));
  EXPECT_THAT(problems_of("node: {threads: [1]}\n"),
              ElementsAre("a.yaml:1:17: node.threads: found a list, write one value: whole number"));
  EXPECT_THAT(problems_of("pops: {name: ams}\n"),
              ElementsAre("a.yaml:1:7: pops: found a mapping, write a list, each element begun with '- '"));
  EXPECT_THAT(problems_of("zones: [example.com]\n"),
              ElementsAre("a.yaml:1:9: zones.0: found one value, write options like name: ..."));
  EXPECT_THAT(problems_of("node: {dns_listen: [{a: b}]}\n"),
              ElementsAre("a.yaml:1:21: node.dns_listen.0: found a mapping, write one value: address:port"));
}

TEST(Options, WrongValues) {
  EXPECT_THAT(
      problems_of("node:\n  threads: many\n"),
      ElementsAre(
          "a.yaml:2:12: node.threads: 'many' is not a whole number, write a whole number from 0 to 1024"));
  EXPECT_THAT(
      problems_of("node:\n  cache_memory: 512\n"),
      ElementsAre(
          "a.yaml:2:17: node.cache_memory: '512' is not a size, write one like 64KiB, 512MiB or 20GB, from "
          "1MiB to 16TiB"));
  EXPECT_THAT(
      problems_of("node:\n  http_listen: [127.0.0.1:80, 8080]\n"),
      ElementsAre("a.yaml:2:31: node.http_listen.1: '8080' is not an address with a port, write one like "
                  "192.0.2.1:80 or [2001:db8::1]:80"));
  EXPECT_THAT(problems_of("bus: {kind: redis}\n"),
              ElementsAre("a.yaml:1:13: bus.kind: 'redis' is not known here, write one of memory, nats"));
  EXPECT_THAT(problems_of("network:\n  ttl: 1500ms\n"),
              ElementsAre("a.yaml:2:8: network.ttl: DNS counts whole seconds, write one like 20s"));
  EXPECT_THAT(problems_of("network:\n  zone: under score.example\n"),
              ElementsAre("a.yaml:2:9: network.zone: 'under score.example' is not a DNS name, write one like "
                          "www.example.com, of letters, digits, '-' and '_'"));
}

TEST(Options, TooManyElements) {
  EXPECT_THAT(problems_of("pops: [{name: ams, addresses: [192.0.2.1, 192.0.2.2, 192.0.2.3]}]\n"),
              ElementsAre("a.yaml:1:31: pops.0.addresses: has 3 elements, write at most 2"));
  std::string many = "[";
  for (int i = 0; i < 17; ++i) many += "{kind: tcp},";
  EXPECT_THAT(problems_of(site + "    probes: " + many + "]\n"),
              ElementsAre("a.yaml:5:13: sites.0.probes: has 17 elements, write at most 16"));
}

TEST(Options, ProblemsEndWhereTheyStopHelping) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "x" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(problems_of(text).size(), Problems::count_max);
}

TEST(Options, MissingOnes) {
  EXPECT_THAT(problems_of("dns:\n  tsig_keys:\n  - name: a.example\n  - secret: QUJD\n"),
              ElementsAre("a.yaml:3:5: dns.tsig_keys.0.secret: missing, write 'secret: <text>'",
                          "a.yaml:4:5: dns.tsig_keys.1.name: missing, write 'name: <DNS name>'"));
  EXPECT_THAT(problems_of("dns:\n  tsig_keys:\n  - name: a.example\n    secret:\n"),
              ElementsAre("a.yaml:4:5: dns.tsig_keys.0.secret: missing, write 'secret: <text>'"));
}

TEST(Options, AllProblemsAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(
      problems_of("node:\n  threads: x\n  dns: maybe\nbus:\n  kind: x\nzone: {}\n"),
      ElementsAre("a.yaml:2:12: node.threads: 'x' is not a whole number, write a whole number from 0 to 1024",
                  "a.yaml:3:8: node.dns: 'maybe' is neither true nor false, write true or false",
                  "a.yaml:5:9: bus.kind: 'x' is not known here, write one of memory, nats",
                  "a.yaml:6:1: zone: unknown option, did you mean 'zones'?"));
}

TEST(Options, KeyWithNothingBehindItIsNotWritten) {
  const auto config = config_of("node:\n  threads:\nbus:\n");
  EXPECT_EQ(config->node.threads, 0);
  EXPECT_EQ(config->bus.url, "nats://127.0.0.1:4222");
}

TEST(Probes, ReadGenericAndOwnOptionsFromOneMapping) {
  const auto config =
      config_of(site + "    probes: [{kind: http, path: /up, interval: 1s, timeout: 500ms, rise: 3}]\n");
  const model::ProbeSpec& probe = config->sites.at(0).origins.at(0).probes.at(0);
  EXPECT_EQ(probe.interval, 1s);
  EXPECT_EQ(probe.timeout, 500ms);
  EXPECT_EQ(probe.rise, 3);
  EXPECT_EQ(probe.fall, 2);
  EXPECT_EQ(probe.max_age, 3500ms);
  EXPECT_TRUE(probe.affects_health);
  EXPECT_EQ(dynamic_cast<const TestHttp&>(*probe.options).path, "/up");
}

TEST(Probes, AListThatIsWrittenStandsInPlaceOfItsDefault) {
  const auto config = config_of(site + "    probes: [{kind: http}, {kind: http, status: [200, 204]}]\n");
  const auto status = [&](size_t i) {
    return dynamic_cast<const TestHttp&>(*config->sites.at(0).origins.at(0).probes.at(i).options).status;
  };
  EXPECT_THAT(status(0), ElementsAre("200-399"));
  EXPECT_THAT(status(1), ElementsAre("200", "204"));
}

TEST(Probes, TimeoutDefaultsToTheIntervalWhereThatIsShort) {
  const auto config = config_of(site + "    probes: [{kind: http, interval: 1s}, {kind: load}]\n");
  const auto& probes = config->sites.at(0).origins.at(0).probes;
  EXPECT_EQ(probes.at(0).timeout, 1s);
  EXPECT_EQ(probes.at(1).timeout, 2s);
  EXPECT_EQ(probes.at(1).max_age, 32s);
}

TEST(Probes, KindsThatMeasureLoadLeaveHealthAlone) {
  const auto config = config_of(site + "    probes: [{kind: load}, {kind: load, affects_health: true}]\n");
  EXPECT_FALSE(config->sites.at(0).probes.at(0).affects_health);
  EXPECT_TRUE(config->sites.at(0).probes.at(1).affects_health);
}

TEST(Probes, SiteWithoutGetsOneOverHttp) {
  const auto config = config_of(site);
  const auto& probes = config->sites.at(0).origins.at(0).probes;
  ASSERT_EQ(probes.size(), 1U);
  EXPECT_EQ(probes[0].kind, "http");
  EXPECT_EQ(probes[0].interval, 10s);
  EXPECT_EQ(probes[0].timeout, 2s);
  EXPECT_THAT(config_of(site + "    probes: []\n")->sites.at(0).origins.at(0).probes, IsEmpty());
}

TEST(Probes, OriginsOwnTakeThePlaceOfTheSitesOfThatKind) {
  const auto config = config_of(R"(
sites:
  - name: shop
    hostnames: [{name: www.shop.example}]
    probes: [{kind: http, path: /site}, {kind: load}]
    origins:
      - {address: 192.0.2.1:80, probes: [{kind: http, path: /own}]}
      - {address: 192.0.2.2:80}
)");
  const auto& origins = config->sites.at(0).origins;
  ASSERT_EQ(origins.at(0).probes.size(), 2U);
  EXPECT_EQ(origins[0].probes[0].kind, "load");
  EXPECT_EQ(dynamic_cast<const TestHttp&>(*origins[0].probes[1].options).path, "/own");
  EXPECT_EQ(dynamic_cast<const TestHttp&>(*origins.at(1).probes.at(0).options).path, "/site");
}

TEST(Probes, PopsWatchEachOthersHealthPageAndThemselves) {
  const auto config = config_of("node: {}");
  const auto& probes = config->network.pop_probes;
  ASSERT_EQ(probes.size(), 2U);
  EXPECT_EQ(dynamic_cast<const TestHttp&>(*probes[0].options).path, model::edge_health_path);
  EXPECT_EQ(probes[0].interval, 2s);
  EXPECT_EQ(probes[1].kind, "host");
  EXPECT_FALSE(probes[1].affects_health);
}

TEST(Probes, BuiltInOnesNeedTheirKind) {
  LoadInput input = input_of("node: {}");
  input.kinds = {};
  EXPECT_TRUE(config_of(input)->network.pop_probes.empty());
}

TEST(Probes, UnknownKind) {
  EXPECT_THAT(problems_of(site + "    probes: [{kind: htp, path: /}]\n"),
              ElementsAre("a.yaml:5:21: sites.0.probes.0.kind: 'htp' is no kind of probe, write one of http, "
                          "load, tcp, host"));
}

TEST(Probes, KindIsMissing) {
  EXPECT_THAT(problems_of(site + "    probes: [{interval: 1s}]\n"),
              ElementsAre("a.yaml:5:14: sites.0.probes.0.kind: missing, write 'kind: <text>'"));
}

TEST(Probes, OptionOfAnotherKind) {
  EXPECT_THAT(
      problems_of(site + "    probes: [{kind: http, port: 80}]\n"),
      ElementsAre(
          "a.yaml:5:27: sites.0.probes.0.port: unknown option, known here are kind, interval, timeout, rise, "
          "fall, jitter, max_age, affects_health, path, status"));
}

TEST(Probes, OwnConditionOfAKind) {
  EXPECT_THAT(
      problems_of(site + "    probes: [{kind: http, path: x}]\n"),
      ElementsAre(
          "a.yaml:5:33: sites.0.probes.0.path: 'x' is not a path, write one that begins with '/', like "
          "/status?full=1"));
}

TEST(Probes, WarnsOfTimesThatContradict) {
  const LoadInput input =
      input_of(site + "    probes: [{kind: http, interval: 1s, timeout: 5s, max_age: 500ms}]\n");
  EXPECT_THAT(
      problems_of(input),
      ElementsAre(
          "a.yaml:5:50: sites.0.probes.0.timeout: warning: longer than the interval, so attempts overlap; "
          "write a shorter timeout or a longer interval",
          "a.yaml:5:63: sites.0.probes.0.max_age: warning: shorter than the interval, so measurements are "
          "forgotten before the next; write a longer one"));
  EXPECT_NE(load(input).config, nullptr);
}

}  // namespace
}  // namespace popnet::config
