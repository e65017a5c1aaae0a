#include "config/load/override.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/test_load.h"

namespace popnet::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Set, OverridesWhatIsWritten) {
  const auto config =
      config_of(site, {"sites.0.origins.0.address=127.0.0.1:8000", "sites.0.name=x", "sites.0.name=y"});
  EXPECT_EQ(config->sites.at(0).origins.at(0).endpoint.to_string(), "127.0.0.1:8000");
  EXPECT_EQ(config->sites.at(0).name, "y");
}

TEST(Set, MakesWhatIsMissing) {
  const auto config = config_of("", {"node.http_listen.0=127.0.0.1:1", "node.http_listen.1=127.0.0.1:2",
                                     "zones.0.name=example.com", "zones.0.file=x=y", "node.dns=false",
                                     "bus.url="
                                     "nats://127.0.0.2:4222"});
  EXPECT_EQ(config->node.http_listen.size(), 2U);
  EXPECT_EQ(config->zones.at(0).file, "x=y");
  EXPECT_EQ(config->bus.url, "nats://127.0.0.2:4222");
}

TEST(Set, ALoneValueIsAListOfOne) {
  const auto config = config_of("node: {http_listen: 127.0.0.1:1}\n",
                                {"node.http_listen.1=127.0.0.1:2", "node.dns_listen=127.0.0.1:3"});
  EXPECT_EQ(config->node.http_listen.at(1).port, 2);
  EXPECT_EQ(config->node.dns_listen.at(0).port, 3);
}

TEST(Set, ChangesOneUseOfAnAliasOnly) {
  const auto config = config_of(R"(
sites:
  - {name: a, any_host: true, origins: &servers [{address: 192.0.2.1:80}]}
  - {name: b, hostnames: [{name: b.example}], origins: *servers}
)",
                                {"sites.1.origins.0.address=192.0.2.2:80"});
  EXPECT_EQ(config->sites.at(0).origins.at(0).endpoint.to_string(), "192.0.2.1:80");
  EXPECT_EQ(config->sites.at(1).origins.at(0).endpoint.to_string(), "192.0.2.2:80");
}

TEST(Set, ProblemsNameTheSetting) {
  EXPECT_THAT(problems_of(site, {"node.threads=x"}),
              ElementsAre("--set node.threads=x: node.threads: 'x' is not a whole number, write a whole "
                          "number from 0 to 1024"));
  EXPECT_THAT(problems_of(site, {"node.thread=1"}),
              ElementsAre("--set node.thread=1: node.thread: unknown option, did you mean 'threads'?"));
  EXPECT_THAT(problems_of(site, {"sites.0.origins.3.address=x"}),
              ElementsAre("--set sites.0.origins.3.address=x: sites.0.origins.3.address: 'sites.0.origins' "
                          "has 1 element, write "
                          "an index from 0 to 1"));
  EXPECT_THAT(
      problems_of(site, {"sites.shop.name=x"}),
      ElementsAre("--set sites.shop.name=x: sites.shop.name: 'sites' is a list, which has no 'shop' in it"));
  for (const std::string set : {"node.threads", "=x", "node..threads=1", ".=1", ""})
    EXPECT_THAT(problems_of(site, {set}), ElementsAre("--set " + set + ": " + set.substr(0, set.find('=')) +
                                                      ": not a setting, write path=value like node.pop=ams"));
}

TEST(Merge, TheNetworksDocumentReplacesAllButTheNodesOwnSections) {
  LoadInput input = input_of(site +
                             "node: {pop: nyc, state_dir: s}\nbus: {kind: nats, follow_config: true}\nzones: "
                             "[{name: z.example, file: z}]\n");
  input.network_text =
      two_pops +
      "sites: [{name: news, hostnames: [{name: news.example}], origins: [{address: 192.0.2.7:80}]}]\n"
      "node: {pop: ams}\n";
  const auto config = config_of(input);
  ASSERT_EQ(config->sites.size(), 1U);
  EXPECT_EQ(config->sites[0].name, "news");
  EXPECT_EQ(config->node.pop, "nyc");
  EXPECT_EQ(config->bus.kind, model::BusKind::nats);
  EXPECT_EQ(config->zones.at(0).name, "z.example") << "a section that the network's document lacks stays";
  for (const char* shown : {"pop: nyc", "follow_config: true", "name: z.example", "name: ams", "name: news"})
    EXPECT_THAT(config->source, HasSubstr(shown)) << "the whole is shown";
  EXPECT_THAT(config->source, Not(HasSubstr("shop"))) << "and only what counts";
}

TEST(Merge, ProblemsPointIntoTheOtherDocument) {
  LoadInput input = input_of(
      "node: {dns: false}\nzones: [{name: a.example, file: x}]\nclients:\n  - {network: 192.0.2.0/24}\n");
  input.network_text =
      "sites:\n  - {name: a, hostnames: [{name: content.example}], origins: [{address: 192.0.2.1:80}]}\n";
  input.sets = {"network.content_hostname=content.example"};
  EXPECT_THAT(
      problems_of(input),
      ElementsAre("bus:2:34: sites.0.hostnames.0.name: 'content.example' is already a hostname (--set "
                  "network.content_hostname=content.example), write another"));
}

TEST(Merge, TheNetworksDocumentNamesNoPrivateOriginsUnlessTheNodeAllowsIt) {
  const std::string private_site =
      "sites: [{name: a, hostnames: [{name: a.example, resolve: pop}], origins: [{address: 10.0.0.1:80}]}]\n";
  EXPECT_THAT(problems_of(input_of(private_site)), ElementsAre()) << "the node's own file does";
  LoadInput input = input_of("node: {dns_listen: 127.0.0.1:53}\n");
  input.network_text = private_site;
  EXPECT_THAT(
      problems_of(input),
      ElementsAre("bus:1:85: sites.0.origins.0.address: 10.0.0.1 is a private address, which the network's "
                  "document may not name; write a public one, or let the node's own file allow it in "
                  "node.private_origins"));
  input.text = "node: {private_origins: [192.168.0.0/16, 10.0.0.0/24]}\n";
  EXPECT_THAT(problems_of(input), ElementsAre());
  input.text = "node: {private_origins: 192.168.0.0/16}\n";
  input.network_text = private_site + "node: {private_origins: 0.0.0.0/0}\n";
  EXPECT_EQ(problems_of(input).size(), 1U) << "the document cannot allow itself";
  input.sets = {"sites.0.origins.0.address=10.0.0.9:80"};
  EXPECT_THAT(problems_of(input), ElementsAre()) << "who writes the command line may";
}

TEST(Merge, ProblemsNameTheirDocument) {
  LoadInput input = input_of("node:\n  threads: x\n");
  input.network_text = "network:\n  ttl: x\n";
  EXPECT_THAT(
      problems_of(input),
      ElementsAre(
          "a.yaml:2:12: node.threads: 'x' is not a whole number, write a whole number from 0 to 1024",
          "bus:2:8: network.ttl: 'x' is not a duration, write one like 500ms, 20s or 1h30m, from 0 to 7d"));
  input.network_text = "network: [";
  EXPECT_THAT(problems_of(input),
              ElementsAre("bus:1:1: yaml: a list begun with '[' does not end, close it with ']'"));
}

}  // namespace
}  // namespace popnet::config
