#include "config/load/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/test_load.h"
#include "config/load/yaml.h"

namespace popnet::config {
namespace {

using namespace std::chrono_literals;

TEST(Load, WhatIsNotWrittenIsTheDefault) {
  LoadInput input = input_of("node: {}");
  input.generation = 7;
  const auto config = config_of(input);
  EXPECT_EQ(config->generation, 7U);
  EXPECT_EQ(config->network.name, "popnet");
  EXPECT_EQ(config->network.ttl, 300s);
  EXPECT_EQ(config->network.client_latency.ipv4_prefix, 24);
  EXPECT_EQ(config->node.admin_listen.to_string(), "127.0.0.1:8500");
  EXPECT_EQ(config->node.cache_memory, uint64_t{256} << 20);
  EXPECT_EQ(config->node.log_level, "info");
  EXPECT_EQ(config->bus.kind, model::BusKind::memory);
}

TEST(Load, RefusesAKindThatHidesAGenericOption) {
  struct Clash : model::KindOptions {
    Duration interval{};
  };
  static const Table<Clash> table("clash", "", {option("interval", &Clash::interval).duration("1s", "2s")});
  const std::vector<KindTable> kinds{kind_table(table)};
  LoadInput input = input_of("node: {}");
  input.kinds = kinds;
  EXPECT_THROW((void)load(input), std::logic_error);
}

TEST(Load, WhatOtherPartsSayOfAKeyGetsItsPlace) {
  const Loaded loaded = load(input_of("node: {}\nzones:\n  - {name: example.com, file: a.zone}\n"));
  ASSERT_NE(loaded.config, nullptr);
  const auto text = [&](std::string_view said) {
    const auto problem = located(loaded, said);
    return problem ? to_string(*problem) : "";
  };
  EXPECT_EQ(text("zones.0.name: zone example.com: is configured twice"),
            "a.yaml:3:12: zones.0.name: zone example.com: is configured twice");
  EXPECT_EQ(text("zones.0.file.x: is not there"), "a.yaml:3:31: zones.0.file.x: is not there")
      << "of the nearest above";
  EXPECT_EQ(text("a.zone:3:1: zone example.com.: has no SOA record"), "");
  EXPECT_EQ(text("example.com: says something"), "") << "no section of the config";
  EXPECT_EQ(text("zones"), "");
}

TEST(Load, NamesWhatWaitsForARestart) {
  const std::string text =
      "node: {threads: 2, http_listen: 127.0.0.1:80, log_level: info}\nbus: {kind: memory}\n";
  const auto running = config_of(text);
  EXPECT_THAT(waiting_for_restart(*running, *config_of(text)), testing::IsEmpty());
  const auto loaded =
      config_of(text, {"node.threads=3", "node.log_level=debug", "node.http_listen.1=127.0.0.1:81",
                       "bus.kind=nats", "network.name=other", "node.dns_server.dnstap.file=tap",
                       "node.dns_server.query_log.sample=0.5", "dns.tcp_idle=20s", "dns.cookies=off"});
  EXPECT_THAT(
      waiting_for_restart(*running, *loaded),
      testing::ElementsAre("network.name", "node.threads", "node.http_listen", "dns.tcp_idle",
                           "node.dns_server.dnstap.file", "node.dns_server.query_log.sample", "bus.kind"));
}

TEST(Load, ShowsWhatWasReadInAFormThatReadsTheSame) {
  const std::string text =
      "network: {name: \"null\", ttl: 20s}  # a comment\nnode:\n  pop: \"~\"\n  state_dir:\n  threads: 2\n"
      "pops: [{name: \"~\", addresses: [192.0.2.1, \"2001:db8::1\"]}]\n";
  Problems none;
  const auto once = write_yaml(*read_yaml(text, "a.yaml", none));
  EXPECT_EQ(write_yaml(*read_yaml(once, "b.yaml", none)), once);
  EXPECT_FALSE(none.has_errors());
  EXPECT_THAT(once, testing::HasSubstr("name: \"null\""));
  EXPECT_THAT(once, testing::HasSubstr("state_dir: ~"));
}

TEST(Load, ShowsSetsAndNoPasswords) {
  const auto config =
      config_of("bus: {kind: nats, url: \"nats://a:secret@192.0.2.1:4222,nats://192.0.2.2:4222\"}\n",
                {"node.threads=3"});
  EXPECT_EQ(
      config->source,
      "bus:\n  kind: nats\n  url: nats://***@192.0.2.1:4222,nats://192.0.2.2:4222\nnode:\n  threads: 3\n");
}

TEST(Load, ShowsNoSecrets) {
  const auto config = config_of(
      "dns: {cookie_secrets: [0f1e2d3c4b5a69788796a5b4c3d2e1f0], tsig_keys: [{name: k, secret: QUJD}, {name: "
      "l, secret: QUJE}]}\n");
  EXPECT_EQ(config->dns.tsig_keys[1].secret, "QUJE");
  for (const char* secret : {"0f1e", "QUJD", "QUJE"})
    EXPECT_EQ(config->source.find(secret), std::string::npos) << secret;
  EXPECT_THAT(config->source, testing::HasSubstr("***"));
}

TEST(Load, AnEmptyFileIsAMistake) {
  for (const char* text : {"", "# nothing yet\n", "---\n"})
    EXPECT_THAT(problems_of(text),
                testing::ElementsAre("a.yaml:1:1: config: the file is empty, write options like sites: ..."));
  LoadInput input = input_of("");
  input.sets = {"node.threads=2"};
  EXPECT_EQ(config_of(input)->node.threads, 2);
}

TEST(ReadFile, SaysWhyNot) {
  EXPECT_EQ(read_file("/nonexistent/popnet.yaml").error().message,
            "cannot be read: No such file or directory, write the path of a YAML file");
  EXPECT_EQ(read_file("/nonexistent/popnet.yaml").error().code, ErrorCode::not_found);
  EXPECT_EQ(read_file("/").error().message, "cannot be read: Is a directory, write the path of a YAML file");
}

TEST(Files, WhatCannotBeReadIsToldWhereItIsNamed) {
  LoadInput input = input_of(
      "zones:\n  - {name: a.example, file: a.zone}\n  - {name: b.example, file: /b.zone}\n"
      "node: {dns_server: {tls_key: key.pem}}\n",
      {"zones.1.file=b.zone"});
  input.file = "conf/a.yaml";
  std::vector<std::string> asked;
  input.unreadable = [&](const std::string& path) {
    asked.push_back(path);
    return path == "conf/key.pem" ? std::string() : "No such file or directory";
  };
  EXPECT_THAT(
      problems_of(input),
      testing::ElementsAre("conf/a.yaml:2:29: zones.0.file: 'conf/a.zone' cannot be read: No such "
                           "file or directory, write the path of a master file",
                           "--set zones.1.file=b.zone: zones.1.file: 'b.zone' cannot be read: No such "
                           "file or directory, write the path of a master file"));
  EXPECT_THAT(asked, testing::UnorderedElementsAre("conf/a.zone", "b.zone", "conf/key.pem"));
}

TEST(Files, OneThatIsThereCanBeRead) {
  EXPECT_EQ(why_unreadable(std::string(POPNET_SOURCE_DIR) + "/examples/zone.yaml"), "");
  EXPECT_EQ(why_unreadable("/nonexistent.pem"), "No such file or directory");
  EXPECT_EQ(why_unreadable("/"), "Is a directory");
  EXPECT_EQ(why_unreadable("/dev/zero"), "it is a device, no file");
}

}  // namespace
}  // namespace popnet::config
