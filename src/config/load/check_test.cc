#include "config/load/draft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/test_load.h"

namespace popnet::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Zones, KeysNeedAFolder) {
  EXPECT_THAT(problems_of("zones:\n  - {name: a.example, file: x, dnssec: {enabled: true}}\nnode: "
                          "{dns_listen: 127.0.0.1:53}\n"),
              ElementsAre("a.yaml:2:50: zones.0.dnssec.enabled: the keys need a folder, write node.key_dir, "
                          "or node.state_dir"));
  EXPECT_THAT(problems_of("zones:\n  - {name: a.example, file: x, dnssec: {enabled: true}}\n"
                          "node: {dns_listen: 127.0.0.1:53, key_dir: k}\n"),
              IsEmpty());
}

TEST(Zones, AreAnsweredSomewhere) {
  const std::string zone = "zones:\n  - {name: a.example, file: x}\n";
  EXPECT_THAT(
      problems_of(zone),
      ElementsAre("a.yaml:2:3: zones: warning: nobody answers for them, as this node does not say where DNS "
                  "queries arrive: write node.dns_listen like 192.0.2.1:53, or node.dns: false"));
  for (const char* told : {"node: {dns_listen: 192.0.2.1:53}\n", "node: {dns: false}\n",
                           "node: {dns_listen: []}\n", "pops: [{name: ams, addresses: 192.0.2.1}]\n"})
    EXPECT_THAT(problems_of(zone + told), IsEmpty()) << told;
}

TEST(Zones, SignaturesOutlastCaches) {
  const auto with = [](const std::string& options) {
    return problems_of("zones:\n  - {name: a.example, file: x, dnssec: {enabled: true" + options +
                       "}}\nnode: {dns_listen: 127.0.0.1:53, key_dir: k}\n");
  };
  EXPECT_THAT(
      with(", validity: 95h"),
      ElementsAre("a.yaml:2:66: zones.0.dnssec.validity: warning: caches may keep records of `zone_ttl_max` "
                  "when their signatures have ended, write 4d or more, or a lower zone_ttl_max"));
  EXPECT_THAT(with(", validity: 4d"), IsEmpty());
  EXPECT_THAT(with(", validity: 1h, zone_ttl_max: 15m"), IsEmpty());
}

TEST(Zones, TransfersNeedAKeyThatIsThere) {
  const auto with = [](const std::string& transfer, const std::string& dnssec = "false") {
    return problems_of(
        "dns: {tsig_keys: [{name: k.example, secret: QUJD}]}\n"
        "node: {dns_listen: 127.0.0.1:53, key_dir: k}\n"
        "zones:\n  - {name: a.example, file: x, dnssec: {enabled: " +
        dnssec + "}, transfer: " + transfer + "}\n");
  };
  EXPECT_THAT(with("{to: 192.0.2.1, key: k.example, notify: 192.0.2.1:53}"), IsEmpty());
  EXPECT_THAT(with("{key: l.example}"),
              ElementsAre(testing::HasSubstr("'l.example' is no key of dns.tsig_keys")));
  EXPECT_THAT(with("{notify: 192.0.2.1:53}"), ElementsAre(testing::HasSubstr("write `to` or `key` too")));
  EXPECT_THAT(with("{to: 192.0.2.1}", "true"), IsEmpty());
  EXPECT_THAT(problems_of("dns: {tsig_keys: [{name: k, secret: QUJD}, {name: k, secret: QUJD}]}\n"),
              ElementsAre(testing::HasSubstr("is already a key")));
  EXPECT_THAT(problems_of("dns: {tsig_keys: [{name: k, secret: no}]}\n"),
              ElementsAre(testing::HasSubstr("base64")));
}

TEST(Pops, NamesAndAddressesStandOnce) {
  EXPECT_THAT(
      problems_of("pops:\n  - {name: ams, addresses: 192.0.2.1}\n  - {name: ams, addresses: 192.0.2.1}\n"
                  "node: {pop: ams}\n"),
      ElementsAre(
          "a.yaml:3:12: pops.1.name: 'ams' is already the name of a POP (line 2), write another",
          "a.yaml:3:28: pops.1.addresses.0: '192.0.2.1:80' is already where a POP answers (line 2), write "
          "another"));
}

TEST(Pops, AddressesAreThoseOfMachines) {
  EXPECT_THAT(
      problems_of("pops: [{name: ams, addresses: [0.0.0.0, 'ff02::1']}]\n"),
      ElementsAre(
          "a.yaml:1:32: pops.0.addresses.0: '0.0.0.0' is no address of a machine, write the one users reach",
          "a.yaml:1:41: pops.0.addresses.1: 'ff02::1' is no address of a machine, write the one users "
          "reach"));
  EXPECT_THAT(
      problems_of("pops: [{name: ams, addresses: [192.0.2.1, 192.0.2.2]}]\n"),
      ElementsAre(
          "a.yaml:1:43: pops.0.addresses.1: the second IPv4 address, write at most one of each family"));
  EXPECT_THAT(problems_of("pops: [{name: ams, addresses: []}]\n"),
              ElementsAre("a.yaml:1:31: pops.0.addresses: empty, write at least one address"));
}

TEST(Pops, DnsNeedsARealAddressToTell) {
  EXPECT_THAT(
      problems_of("network: {zone: cdn.example}\nnode: {dns_listen: 0.0.0.0:53}\n"),
      ElementsAre(
          "a.yaml:1:1: pops: missing, write one POP with the address that DNS is to tell users: the node "
          "listens on all"));
}

TEST(Listens, StandOnce) {
  EXPECT_THAT(
      problems_of("node:\n  http_listen: [127.0.0.1:80, 127.0.0.1:80]\n  admin_listen: 0.0.0.0:80\n"),
      ElementsAre(
          "a.yaml:2:31: node.http_listen.1: '127.0.0.1:80' is taken by node.http_listen.0, write another "
          "address or port",
          "a.yaml:3:17: node.admin_listen: '0.0.0.0:80' is taken by node.http_listen.0, write another "
          "address or port"));
  config_of("node: {http_listen: [127.0.0.1:0, 127.0.0.1:0]}\n");
}

TEST(Names, HostnamesStandOnceInTheWholeNetwork) {
  EXPECT_THAT(
      problems_of(site + R"(  - name: news
    hostnames: [{name: WWW.shop.example.}, {name: content.example}]
    origins: [{address: 192.0.2.1:80}]
network: {content_hostname: content.example}
)"),
      ElementsAre(
          "a.yaml:6:24: sites.1.hostnames.0.name: 'www.shop.example' is already a hostname (line 3), write "
          "another",
          "a.yaml:6:51: sites.1.hostnames.1.name: 'content.example' is already a hostname (line 8), write "
          "another"));
}

TEST(Names, AZoneStandsOnce) {
  EXPECT_THAT(
      problems_of(
          "zones:\n  - {name: a.example, file: x}\n  - {name: A.example., file: y}\nnode: {dns: false}\n"),
      ElementsAre("a.yaml:3:12: zones.1.name: 'a.example' is already a zone (line 2), write another"));
  EXPECT_THAT(
      problems_of(
          "network: {zone: cdn.example}\nzones: [{name: cdn.example, file: x}]\nnode: {dns: false}\n"),
      ElementsAre())
      << "the network's zone may have a file too";
}

TEST(Names, AHostnameMustNotBeThatOfAPop) {
  EXPECT_THAT(
      problems_of(
          "network: {zone: cdn.example}\npops: [{name: ams, addresses: 192.0.2.9}]\n"
          "sites: [{name: a, hostnames: [{name: ams.cdn.example}], origins: [{address: 192.0.2.1:80}]}]\n"),
      ElementsAre(
          "a.yaml:3:38: sites.0.hostnames.0.name: 'ams.cdn.example' is already a hostname (line 2), write "
          "another"));
}

TEST(Sites, NeedAWebServer) {
  EXPECT_THAT(problems_of("sites:\n  - name: a\n    hostnames: [{name: a.example}]\n"),
              ElementsAre("a.yaml:2:5: sites.0.origins: missing, write 'origins:' and a list below it"));
  EXPECT_THAT(problems_of("sites:\n  - name: a\n    any_host: true\n    origins: []\n"),
              ElementsAre("a.yaml:4:14: sites.0.origins: empty, write at least one web server"));
}

TEST(Sites, NeedANameToBeAskedBy) {
  EXPECT_THAT(problems_of("sites:\n  - name: a\n    origins: [{address: 192.0.2.1:80}]\n"),
              ElementsAre("a.yaml:2:5: sites.0.hostnames: missing, write a hostname, or content_prefix, or "
                          "'any_host: true'"));
}

TEST(Sites, NamesPrefixesAndTheCatchAllStandOnce) {
  EXPECT_THAT(
      problems_of(R"(network: {content_hostname: content.example}
sites:
  - {name: a, content_prefix: p, any_host: true, origins: [{address: 192.0.2.1:80}]}
  - {name: a, content_prefix: p, any_host: true, origins: [{address: 192.0.2.1:80}]}
)"),
      ElementsAre(
          "a.yaml:4:12: sites.1.name: 'a' is already the name of a site (line 3), write another",
          "a.yaml:4:31: sites.1.content_prefix: 'p' is already the prefix of a site (line 3), write another",
          "a.yaml:4:44: sites.1.any_host: 'true' is said already of a site (line 3), write another"));
}

TEST(Sites, HowToSpeakHttpsToAnOriginIsSaidOnlyWhereHttpsIsSpoken) {
  const std::string origin = "sites:\n  - {name: a, any_host: true, origins: [{address: 192.0.2.1:443, ";
  EXPECT_THAT(problems_of(origin + "tls: true, tls_name: b.example, tls_verify: false}]}\n"),
              ::testing::IsEmpty());
  EXPECT_THAT(problems_of(origin + "tls_name: b.example}]}\n"),
              ElementsAre(::testing::HasSubstr(
                  "sites.0.origins.0.tls_name: means nothing without `tls: true`, write that too")));
}

TEST(Sites, APrefixNeedsTheSharedHostname) {
  EXPECT_THAT(
      problems_of(site + "    content_prefix: shop\n"),
      ElementsAre(
          "a.yaml:5:21: sites.0.content_prefix: is of no use without network.content_hostname, write that "
          "too"));
}

TEST(Sites, LatencyIsKnownOfPopsOnly) {
  EXPECT_THAT(
      problems_of("sites:\n  - name: a\n    hostnames: [{name: a.example, select: latency}]\n"
                  "    origins: [{address: 192.0.2.1:80}]\n"),
      ElementsAre(
          "a.yaml:3:43: sites.0.hostnames.0.select: 'latency' is known for POPs only, write least_load, "
          "weighted or failover"));
}

TEST(Zones, ComeFromAFileOrFromPrimaries) {
  const auto with = [](const std::string& zone) {
    return problems_of(
        "dns: {tsig_keys: [{name: k.example, secret: QUJD}]}\n"
        "node: {dns_listen: 127.0.0.1:53, state_dir: s}\n"
        "zones:\n  - {name: a.example, " +
        zone + "}\n");
  };
  EXPECT_THAT(with("secondary: {primaries: ['192.0.2.1:53'], key: k.example}"), IsEmpty());
  EXPECT_THAT(with("dnssec: {enabled: true}"),
              ElementsAre(testing::HasSubstr("comes from nowhere, write `file`")));
  EXPECT_THAT(with("file: x, secondary: {primaries: ['192.0.2.1:53']}"),
              ElementsAre(testing::HasSubstr("means nothing for a zone that is fetched")));
  EXPECT_THAT(with("secondary: {key: k.example}"), ElementsAre(testing::HasSubstr("fetched from nobody")));
  EXPECT_THAT(with("secondary: {primaries: ['0.0.0.0:53']}"),
              ElementsAre(testing::HasSubstr(
                  "zones.0.secondary.primaries.0: '0.0.0.0:53' is no address of a name server")));
  EXPECT_THAT(with("secondary: {primaries: ['192.0.2.1:53'], key: l.example}"),
              ElementsAre(testing::HasSubstr("'l.example' is no key of dns.tsig_keys")));
  EXPECT_THAT(
      problems_of("node: {dns_listen: 127.0.0.1:53}\nzones:\n  - {name: a.example, secondary: {primaries: "
                  "['192.0.2.1:53']}}\n"),
      ElementsAre(testing::HasSubstr("without node.state_dir no copy is kept")));
}

std::string site_with_origins(const std::string& origins, const std::string& resolve = "pop") {
  return "sites:\n  - name: a\n    hostnames: [{name: a.example, resolve: " + resolve + "}]\n    origins:\n" +
         origins;
}

TEST(Origins, AreRealAddresses) {
  EXPECT_THAT(
      problems_of(site_with_origins("      - {address: 0.0.0.0:80}\n      - {address: 192.0.2.1:0}\n"
                                    "      - {address: 224.0.0.1:80}\n")),
      ElementsAre(
          "a.yaml:5:19: sites.0.origins.0.address: '0.0.0.0:80' is no address of a web server, write one "
          "like "
          "192.0.2.1:80",
          "a.yaml:6:19: sites.0.origins.1.address: '192.0.2.1:0' is no address of a web server, write one "
          "like 192.0.2.1:80",
          "a.yaml:7:19: sites.0.origins.2.address: '224.0.0.1:80' is no address of a web server, write one "
          "like 192.0.2.1:80"));
}

TEST(Origins, StandOnce) {
  EXPECT_THAT(
      problems_of(site_with_origins("      - {name: x, address: 192.0.2.1:80}\n"
                                    "      - {name: y, address: 192.0.2.1:80}\n"
                                    "      - {name: x, address: 192.0.2.2:80}\n")),
      ElementsAre(
          "a.yaml:6:28: sites.0.origins.1.address: '192.0.2.1:80' is already an origin of this site (line "
          "5), "
          "write another",
          "a.yaml:7:16: sites.0.origins.2.name: 'x' is already an origin of this site (line 5), write "
          "another"));
}

TEST(Origins, AreNotOurOwnEdge) {
  EXPECT_THAT(
      problems_of("pops: [{name: ams, addresses: 192.0.2.1}]\n" +
                  site_with_origins("      - {address: 192.0.2.1:80}\n")),
      ElementsAre(
          "a.yaml:6:19: sites.0.origins.0.address: '192.0.2.1:80' is the edge of POP 'ams', and requests "
          "would go round in circles; write the customer's web server"));
}

TEST(Origins, WarnsWhereDnsCannotTellThemApart) {
  EXPECT_THAT(
      problems_of(site_with_origins(
          "      - {name: x, address: 192.0.2.1:80}\n      - {name: y, address: 192.0.2.1:81}\n", "origin")),
      ElementsAre("a.yaml:6:28: sites.0.origins.1.address: warning: same address as origin 'x', which DNS "
                  "cannot tell "
                  "apart: it names no ports"));
}

TEST(Origins, WarnsOfLoopbackAddressesThatUsersWouldBeTold) {
  EXPECT_THAT(
      problems_of("pops: [{name: ams, addresses: 192.0.2.9}]\n" +
                  site_with_origins("      - {address: 127.0.0.1:8000}\n", "origin")),
      ElementsAre(
          "a.yaml:6:19: sites.0.origins.0.address: warning: a loopback address, which DNS would tell users; "
          "write one that they reach"));
}

TEST(Origins, OwnProbesAreCheckedToo) {
  EXPECT_THAT(
      problems_of(
          site_with_origins("      - address: 192.0.2.1:80\n"
                            "        probes: [{kind: tcp}, {kind: http, interval: 1s, timeout: 2s}]\n")),
      ElementsAre(
          "a.yaml:6:67: sites.0.origins.0.probes.1.timeout: warning: longer than the interval, so attempts "
          "overlap; write a shorter timeout or a longer interval"));
}

TEST(Rules, ThatAreNeverReached) {
  EXPECT_THAT(problems_of(site + "    rules:\n      - {path: '*'}\n      - {path: /a}\n"),
              ElementsAre("a.yaml:7:16: sites.0.rules.1.path: never reached, the rule '*' before it takes "
                          "all; write it above "
                          "that"));
  EXPECT_THAT(
      problems_of(site + "    rules:\n      - {path: /a}\n      - {path: /a}\n"),
      ElementsAre("a.yaml:7:16: sites.0.rules.1.path: '/a' has a rule already (line 6), write another"));
}

TEST(Rules, WarnsOfOptionsWithoutEffect) {
  EXPECT_THAT(
      problems_of(site + "    rules:\n      - {path: /a, action: deny, ttl: 1s, redirect_host: b.example}\n"),
      ElementsAre(
          "a.yaml:6:39: sites.0.rules.0.ttl: warning: has no effect here, it goes with 'action: cache'",
          "a.yaml:6:58: sites.0.rules.0.redirect_host: warning: has no effect here, it goes with 'action: "
          "redirect'"));
}

TEST(Cache, WarnsOfObjectsThatNeverFit) {
  const auto problems = [](const std::string& node, const std::string& cache) {
    return problems_of(site + "    cache: {" + cache + "}\n" + node);
  };
  EXPECT_THAT(problems("node: {pop: ams, cache_memory: 100MiB}\n", "object_size_max: 51MiB"),
              ElementsAre("a.yaml:5:30: sites.0.cache.object_size_max: warning: more than half of "
                          "node.cache_memory, beyond which nothing is stored; write 50MiB or less, or more "
                          "memory, or 'slice'"));
  EXPECT_THAT(problems("", "object_size_max: 128MiB"), IsEmpty());
  EXPECT_THAT(problems("", "object_size_max: 1GiB, slice: 8MiB"), IsEmpty());
  EXPECT_THAT(problems("node: {cache_memory: 1MiB}\n", "ignore_query: true"), IsEmpty())
      << "a default that nobody has chosen";
}

TEST(Clients, WrongOnes) {
  EXPECT_THAT(
      problems_of(two_pops + "node: {pop: ams}\nclients:\n"
                             "  - {network: 198.51.100.0/24, latency: {fra: 7ms, ams: 7, ams: 8ms}}\n"
                             "  - {network: 198.51.100.0/24, location: {latitude: 91}}\n"),
      ElementsAre(
          "a.yaml:6:47: clients.0.latency.fra: 'fra' is no POP of this config, write one of ams, nyc",
          "a.yaml:6:57: clients.0.latency.ams: '7' is not a duration, write one like 500ms, 20s or 1h30m, "
          "from 0 to 10s",
          "a.yaml:6:60: clients.0.latency.ams: stands twice, write it once",
          "a.yaml:7:15: clients.1.network: '198.51.100.0/24' is described already (line 6), write another",
          "a.yaml:7:42: clients.1.location.longitude: missing, write 'longitude: <number>'",
          "a.yaml:7:53: clients.1.location.latitude: '91' is out of bounds, write a number from -90 to 90"));
}

TEST(Check, ABusThatIsFollowedNeedsToBeRemembered) {
  EXPECT_THAT(
      problems_of("bus: {kind: nats, follow_config: true}\n"),
      testing::Contains(testing::HasSubstr("bus.follow_config: warning: started while the bus is away")));
  EXPECT_THAT(problems_of("bus: {kind: nats, follow_config: true}\nnode: {state_dir: state}\n"),
              testing::Not(testing::Contains(testing::HasSubstr("bus.follow_config"))));
  EXPECT_THAT(problems_of("bus: {follow_config: true}\n"),
              ElementsAre(testing::HasSubstr(
                  "bus.follow_config: warning: a bus of kind memory holds no config to follow")));
}

}  // namespace
}  // namespace popnet::config
