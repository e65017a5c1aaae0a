// Hostnames with chains as resolvers see them: address, TTL and scope (RFC 7871) by rule, also at the end of a CNAME chain and
// where there is nothing.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include <algorithm>

#include "common/random.h"
#include "dns/server/answer.h"
#include "dns/server/test_world.h"

namespace popnet::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::ChainRule rule(std::vector<uint16_t> targets, const char* client = nullptr) {
  model::ChainRule rule;
  for (const uint16_t target : targets) rule.targets.push_back({target, 1});
  if (client != nullptr) rule.clients = {Prefix::parse(client).value()};
  rule.select = model::Select::failover;
  return rule;
}

/// www.shop.test: clients in 203.0.113.0/26 get web3 for five minutes, who has no IPv6; all others web1, or over IPv6 web4.
const TestWorld& world() {
  static const TestWorld w = [] {
    model::Config config = test_config();
    model::Origin v6 = config.sites[0].origins[0];
    v6.name = "web4";
    v6.endpoint.address = IpAddress::parse("2001:db8::4").value();
    config.sites[0].origins.push_back(v6);
    auto& chain = config.sites[0].hostnames[0].chain;
    chain = {rule({2}, "203.0.113.0/26"), rule({0, 1, 3})};
    chain[0].ttl = std::chrono::seconds(300);
    model::link_chains(config);
    return TestWorld(test_zone, std::move(config));
  }();
  return w;
}

struct Asked {
  std::vector<std::string> answer;
  int scope = -1;
};
Asked ask(const char* name, uint16_t type, const std::string& subnet) {
  const TestAnswer reply = world().ask(TestQuery(name, type).edns().subnet(subnet));
  return {reply.answer, reply.edns_options.size() > 7 ? int{reply.edns_options[7]} : -1};
}

// RFC 8482 section 4.1: one set, and all of it.
TEST(Chain, AnyGetsWhatAGetsOrAaaaWhereThereIsNoA) {
  model::Config config = test_config();
  model::Origin v6 = config.sites[0].origins[0];
  v6.endpoint.address = IpAddress::parse("2001:db8::4").value();
  config.sites[0].origins.push_back(v6);
  auto& hosts = config.sites[0].hostnames;
  hosts[0].chain = {rule({3, 0, 1})};
  hosts[0].chain[0].answers_max = 2;
  hosts.push_back(test_hostname("six.shop.test", model::Resolve::origin));
  hosts.back().chain = {rule({3})};
  model::link_chains(config);
  const TestWorld dual(test_zone, std::move(config));
  const auto answer = [&](const char* name, uint16_t type) {
    return dual.ask(TestQuery(name, type).edns()).answer;
  };
  ASSERT_FALSE(answer("www.shop.test", type::a).empty());
  ASSERT_FALSE(answer("www.shop.test", type::aaaa).empty());
  EXPECT_EQ(answer("www.shop.test", type::any), answer("www.shop.test", type::a));
  EXPECT_THAT(answer("six.shop.test", type::any), ElementsAre("six.shop.test. 20 IN AAAA 2001:db8::4"));
}

TEST(Chain, ADenialThatIsTheSameByEveryRuleHasTheScopeOfAllClients) {
  model::Config config = test_config();
  config.sites[0].hostnames[0].chain = {rule({2}, "203.0.113.0/26"), rule({0, 1})};
  model::link_chains(config);
  const TestWorld no_v6(test_zone, std::move(config));
  for (const char* name : {"www.shop.test", "to-page.example.com"})
    for (const uint16_t type : {type::aaaa, type::a}) {
      const TestAnswer reply = no_v6.ask(TestQuery(name, type).edns().subnet("203.0.113.7/32"));
      EXPECT_EQ(reply.edns_options.at(7), type == type::a ? 26 : 0) << name;
    }
}

TEST(Chain, AddressTtlAndScopeAreThoseOfTheRule) {
  const auto near = ask("www.shop.test", type::a, "203.0.113.7/32");
  EXPECT_THAT(near.answer, ElementsAre("www.shop.test. 300 IN A 198.51.100.3"));
  EXPECT_EQ(near.scope, 26);
  const auto beside = ask("www.shop.test", type::a, "203.0.113.64/32");
  EXPECT_THAT(beside.answer, ElementsAre("www.shop.test. 20 IN A 198.51.100.1"));
  EXPECT_EQ(beside.scope, 26) << "the other half of 203.0.113.0/25";
  EXPECT_EQ(ask("www.shop.test", type::a, "8.8.8.0/24").scope, 1);
  EXPECT_EQ(ask("www.shop.test", type::a, "2001:db8::/48").scope, 0) << "no rule tells IPv6 clients apart";
}

TEST(Chain, ACnameThatEndsInItHasItsScope) {
  const auto near = ask("to-page.example.com", type::a, "203.0.113.7/32");
  EXPECT_THAT(near.answer, ElementsAre("to-page.example.com. 300 IN CNAME www.shop.test.",
                                       "www.shop.test. 300 IN A 198.51.100.3"));
  EXPECT_EQ(near.scope, 26);
}

TEST(Chain, NodataHasTheScopeToo) {
  const auto near = ask("www.shop.test", type::aaaa, "203.0.113.7/32");
  EXPECT_THAT(near.answer, IsEmpty());
  EXPECT_EQ(near.scope, 26);
  EXPECT_THAT(ask("www.shop.test", type::aaaa, "8.8.8.0/24").answer,
              ElementsAre("www.shop.test. 20 IN AAAA 2001:db8::4"));
  const auto alias = ask("to-page.example.com", type::aaaa, "203.0.113.7/32");
  EXPECT_EQ(alias.answer.size(), 1U) << "the CNAME alone";
  EXPECT_EQ(alias.scope, 26);
}

TEST(Chain, StaticDataIsForEverybody) {
  EXPECT_EQ(ask("www.example.com", type::a, "203.0.113.7/32").scope, 0);
  EXPECT_EQ(ask("www.shop.test", type::ns, "203.0.113.7/32").scope, 0);
  EXPECT_EQ(ask("www.shop.test", type::txt, "203.0.113.7/32").scope, 0);
  EXPECT_EQ(ask("alias2.example.com", type::a, "203.0.113.7/32").scope, 0);
}

TEST(Chain, Ipv4AsIpv6IsDecidedAsIpv4) {
  const auto as_v6 = [](const char* name, uint8_t length, std::vector<uint8_t> address) {
    std::vector<uint8_t> data = {0, 2, length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    data.insert(data.end(), address.begin(), address.end());
    return world().ask(TestQuery(name, type::a).edns().option(edns::subnet, data));
  };
  const TestAnswer near = as_v6("www.shop.test", 120, {203, 0, 113});
  EXPECT_THAT(near.answer, ElementsAre("www.shop.test. 300 IN A 198.51.100.3"));
  EXPECT_EQ(near.edns_options.at(7), 96 + 26);
  const TestAnswer unknown = as_v6("www.shop.test", 96, {});
  EXPECT_THAT(unknown.answer, ElementsAre("www.shop.test. 20 IN A 198.51.100.1"));
  EXPECT_EQ(unknown.edns_options.at(7), 96) << "IPv6 has rules of its own";
  EXPECT_EQ(as_v6("www.example.com", 120, {203, 0, 113}).edns_options.at(7), 0) << "static";
}

TEST(Chain, WhoMayNotBeKnownGetsARuleForEverybodyOrTheResolversOwn) {
  const TestQuery query =
      TestQuery("www.shop.test", type::a).edns().option(edns::subnet, std::vector<uint8_t>{0, 1, 0, 0});
  EXPECT_THAT(world().ask(query, Transport::udp, "203.0.113.9").answer,
              ElementsAre("www.shop.test. 300 IN A 198.51.100.3"));
  EXPECT_THAT(world().ask(query, Transport::udp, "192.0.2.9").answer,
              ElementsAre("www.shop.test. 20 IN A 198.51.100.1"));
}

/// RFC 7871 section 7.2.1: whoever is in the network of the scope gets the same records.
TEST(Chain, AllClientsInTheScopeGetTheSameRecords) {
  Random random(5);
  const auto text = [](uint32_t address, int length) {
    return Prefix(IpAddress::v4(static_cast<uint8_t>(address >> 24), static_cast<uint8_t>(address >> 16),
                                static_cast<uint8_t>(address >> 8), static_cast<uint8_t>(address)),
                  length)
        .to_string();
  };
  for (int i = 0; i < 2000; ++i) {
    const auto near = static_cast<uint32_t>(0xcb007100 + random.below(512));
    const auto client = random.below(2) == 0 ? near : static_cast<uint32_t>(random.next());
    for (const char* name : {"www.shop.test", "img.shop.test", "to-page.example.com", "static.example.com"}) {
      const auto first = ask(name, type::a, text(client, 32));
      const uint32_t inside = first.scope == 0 ? UINT32_MAX : (uint32_t{1} << (32 - first.scope)) - 1;
      const auto other = (client & ~inside) | (static_cast<uint32_t>(random.next()) & inside);
      const auto second = ask(name, type::a, text(other, 32));
      ASSERT_EQ(first.answer, second.answer) << name << " " << text(client, 32) << " " << text(other, 32);
      ASSERT_EQ(first.scope, second.scope);
    }
  }
}

/// The whole of a small world: for each client of a /24, and each kind of question, the answer; the scope is that of the largest
/// network around the client in which all get the same.
TEST(Chain, TheScopeIsTheLargestNetworkThatIsAnsweredAlike) {
  Random random(11);
  size_t denied = 0;
  for (int round = 0; round < 12; ++round) {
    model::Config config = test_config();
    model::Site& site = config.sites[0];
    for (int i = 4; i < 6; ++i) {
      site.origins.push_back(site.origins[0]);
      site.origins.back().endpoint.address = IpAddress::parse(fmt::format("2001:db8::{}", i)).value();
    }
    model::Hostname& page = site.hostnames[0];
    page.https_alpn = {"h2"};
    const auto targets = static_cast<uint64_t>(site.origins.size());
    for (int i = 0; i < 6; ++i) {
      const Prefix clients(IpAddress::v4(203, 0, 113, static_cast<uint8_t>(random.below(256))),
                           static_cast<int>(25 + random.below(6)));
      page.chain.push_back(rule({static_cast<uint16_t>(random.below(targets))}, clients.to_string().c_str()));
      if (random.below(2) == 0) page.chain.back().targets.push_back({static_cast<uint16_t>(targets - 1), 1});
      page.chain.back().ttl = std::chrono::seconds(100 + i);
    }
    page.chain.push_back(rule({static_cast<uint16_t>(random.below(targets))}));
    model::link_chains(config);
    const TestWorld small(test_zone, std::move(config));
    for (const auto& [name, type] :
         std::initializer_list<std::pair<const char*, uint16_t>>{{"www.shop.test", type::a},
                                                                 {"www.shop.test", type::aaaa},
                                                                 {"www.shop.test", type::https},
                                                                 {"to-page.example.com", type::aaaa}}) {
      std::vector<std::vector<uint8_t>> answers;
      std::vector<int> scopes;
      for (int i = 0; i < 256; ++i) {
        TestAnswer reply = small.ask(TestQuery(name, type).edns().subnet(fmt::format("203.0.113.{}/32", i)));
        denied += reply.answer.empty() ? 1 : 0;
        scopes.push_back(reply.edns_options.at(7));
        // What is left when the address and its scope are cut off, which end the reply.
        reply.bytes.erase(reply.bytes.end() - 5, reply.bytes.end());
        answers.push_back(reply.bytes);
      }
      for (size_t i = 0; i < 256; ++i) {
        int length = 32;
        const auto alike = [&](int bits) {
          const size_t size = size_t{1} << (32 - bits), first = i / size * size;
          return std::all_of(answers.begin() + static_cast<ptrdiff_t>(first),
                             answers.begin() + static_cast<ptrdiff_t>(first + size),
                             [&](const auto& other) { return other == answers[i]; });
        };
        while (length > 24 && alike(length - 1)) --length;
        // Beyond the /24 there is nobody but those of the last rule.
        if (length > 24)
          ASSERT_EQ(scopes[i], length) << name << " " << type << " 203.0.113." << i << " round " << round;
        else
          ASSERT_LE(scopes[i], 24) << name << " " << type;
      }
    }
  }
  EXPECT_GT(denied, 1000U);
}

/// RFC 9460: the protocols, and the addresses that A and AAAA questions of the same client get.
TEST(ServiceRecord, HintsAreWhatIsDecidedForTheClient) {
  model::Config config = test_config();
  model::Hostname& page = config.sites[0].hostnames[0];
  page.https_alpn = {"h2", "http/1.1"};
  page.chain = {rule({2}, "203.0.113.0/24"), rule({0})};
  page.chain[0].ttl = std::chrono::seconds(7);
  model::link_chains(config);
  const TestWorld with_https(test_zone, std::move(config));
  const auto asked = [&](const char* subnet) {
    return with_https.ask(TestQuery("www.shop.test", type::https).edns().subnet(subnet));
  };
  const auto data = [](uint8_t last) {  // SvcPriority 1, TargetName ., alpn, ipv4hint
    return std::vector<uint8_t>{0,   1,   0,   0,   1,   0, 12, 2, 'h', '2', 8,  'h', 't', 't',
                                'p', '/', '1', '.', '1', 0, 4,  0, 4,   198, 51, 100, last};
  };
  const auto has = [](const TestReply& reply, const std::vector<uint8_t>& bytes) {
    return std::search(reply.bytes.begin(), reply.bytes.end(), bytes.begin(), bytes.end()) !=
           reply.bytes.end();
  };
  const auto near = asked("203.0.113.0/24");
  ASSERT_EQ(near.answer.size(), 1U);
  EXPECT_THAT(near.answer[0], ::testing::StartsWith("www.shop.test. 7 IN "));
  EXPECT_TRUE(has(near, data(3)));
  EXPECT_EQ(near.edns_options.at(7), 24);
  EXPECT_TRUE(has(asked("192.0.2.0/24"), data(1)));
  EXPECT_TRUE(with_https.ask(TestQuery("img.shop.test", type::https)).answer.empty())
      << "only where it is asked for";
}

}  // namespace
}  // namespace popnet::dns
