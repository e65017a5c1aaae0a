// Plays: a zone (test_world.h), a question, the message that the RFCs want.
#include "dns/server/answer.h"

#include <gmock/gmock.h>

#include <set>

#include "dns/server/test_world.h"

namespace popnet::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const TestWorld& world() {
  static const TestWorld w;
  return w;
}
TestAnswer ask(std::string_view name, uint16_t type) {
  return world().ask(TestQuery(name, type));
}

constexpr const char* soa =
    "example.com. 60 IN SOA ns1.example.com. hostmaster.example.com. 2024010101 3600 600 604800 60";
constexpr const char* www80 = ".example.com. 600 IN A 192.0.2.80";
constexpr const char* www81 = ".example.com. 600 IN A 192.0.2.81";

void expect_nodata(const TestReply& reply) {
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, IsEmpty());
  EXPECT_THAT(reply.authority, ElementsAre(soa));
}
void expect_nxdomain(const TestReply& reply) {
  EXPECT_EQ(reply.rcode, 3);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, IsEmpty());
  EXPECT_THAT(reply.authority, ElementsAre(soa));
}
void expect_refused(const TestReply& reply) {
  EXPECT_EQ(reply.rcode, 5);
  EXPECT_EQ(reply.flags, "qr rd");
  EXPECT_THAT(reply.answer, IsEmpty());
  EXPECT_THAT(reply.authority, IsEmpty());
}

// ---- RFC 1034 section 4.3.2

TEST(StaticAnswer, TheSetOfThatNameAndTypeAndNothingElse) {
  const TestAnswer reply = ask("www.example.com", type::a);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, UnorderedElementsAre("www" + std::string(www80), "www" + std::string(www81)));
  EXPECT_THAT(reply.authority, IsEmpty());
  EXPECT_THAT(reply.additional, IsEmpty());
}

TEST(StaticAnswer, TheQuestionComesBackInItsOwnCase) {
  const TestAnswer reply = ask("wWw.ExamPLE.com", type::a);
  EXPECT_THAT(reply.question, ElementsAre("wWw.ExamPLE.com. IN A"));
  EXPECT_THAT(reply.answer, SizeIs(2));
  EXPECT_THAT(ask("mixed.example.com", type::txt).answer,
              ElementsAre("mixed.example.com. 300 IN TXT \"case\" \"kept\""));
}

TEST(StaticAnswer, ApexSoaAndNs) {
  EXPECT_THAT(
      ask("example.com", type::soa).answer,
      ElementsAre(
          "example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 2024010101 3600 600 604800 60"));
  EXPECT_THAT(ask("example.com", type::ns).answer,
              UnorderedElementsAre("example.com. 300 IN NS ns1.example.com.",
                                   "example.com. 300 IN NS ns2.example.net."));
}

TEST(StaticAnswer, UnknownTypesAreServedAsTheyAre) {
  EXPECT_THAT(ask("unknown.example.com", 65400).answer,
              ElementsAre("unknown.example.com. 300 IN TYPE65400 \\# 3 010203"));
}

TEST(Negative, NoSuchNameIsNxdomainWithTheSoaForItsTtl) {
  expect_nxdomain(ask("nowhere.example.com", type::a));
  expect_nxdomain(ask("very.deep.in.the.nowhere.example.com", type::a));
  expect_nxdomain(ask("below.www.example.com", type::a));
}

TEST(Negative, NoSuchTypeIsNodata) {
  expect_nodata(ask("www.example.com", type::aaaa));
}

// RFC 4592 section 2.2.2, RFC 8020: a name above existing names exists.
TEST(Negative, EmptyNonTerminalsExist) {
  expect_nodata(ask("deep.example.com", type::a));
  expect_nodata(ask("b.deep.example.com", type::a));
  expect_nxdomain(ask("c.deep.example.com", type::a));
}

TEST(Negative, WhatIsNotOursIsRefused) {
  expect_refused(ask("www.example.org", type::a));
  expect_refused(ask("com", type::ns));
  expect_refused(ask(".", type::ns));
  expect_refused(world().ask(TestQuery("www.example.com", type::a, 3)));  // class CH
}

TEST(Negative, TransfersOfZonesThatAreNotOursHaveACodeOfTheirOwn) {  // RFC 5936 section 2.2.1
  expect_refused(ask("example.com", type::axfr));
  expect_refused(ask("example.com", type::ixfr));
  for (const char* name : {"example.org", "www.example.com", "nowhere.example.com", "."}) {
    const TestAnswer reply = world().ask(TestQuery(name, type::axfr).edns());
    EXPECT_EQ(reply.rcode, 9) << name;
    EXPECT_EQ(reply.flags, "qr rd");
    EXPECT_THAT(reply.edns_options, ElementsAre(0, edns::extended_error, 0, 2, 0, 20));
  }
}

// ---- aliases

TEST(Alias, TheChainIsFollowedInsideOurZones) {
  const TestAnswer reply = ask("alias2.example.com", type::a);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, ElementsAre("alias2.example.com. 300 IN CNAME alias.example.com.",
                                        "alias.example.com. 300 IN CNAME www.example.com.",
                                        "www" + std::string(www80), "www" + std::string(www81)));
}

TEST(Alias, AskedForItselfItIsNotFollowed) {
  EXPECT_THAT(ask("alias.example.com", type::cname).answer,
              ElementsAre("alias.example.com. 300 IN CNAME www.example.com."));
}

// RFC 6604 section 3: the rcode is that of the last name.
TEST(Alias, ToNowhereIsNxdomainWithTheAliasInTheAnswer) {
  const TestAnswer reply = ask("dangling.example.com", type::a);
  EXPECT_EQ(reply.rcode, 3);
  EXPECT_THAT(reply.answer, ElementsAre("dangling.example.com. 300 IN CNAME nowhere.example.com."));
  EXPECT_THAT(reply.authority, ElementsAre(soa));
}

TEST(Alias, ToANameWithoutThatTypeIsNodata) {
  const TestAnswer reply = ask("alias.example.com", type::mx);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_THAT(reply.answer, SizeIs(1));
  EXPECT_THAT(reply.authority, ElementsAre(soa));
}

TEST(Alias, OutOfOurZonesTheResolverGoesOnItself) {
  const TestAnswer reply = ask("outside.example.com", type::a);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_THAT(reply.answer, ElementsAre("outside.example.com. 300 IN CNAME www.example.org."));
  EXPECT_THAT(reply.authority, IsEmpty());
}

TEST(Alias, LoopsEnd) {
  const TestAnswer reply = ask("loop1.example.com", type::a);
  EXPECT_TRUE(reply.readable);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_THAT(reply.answer, SizeIs(2)) << "each alias once";
}

TEST(Alias, IntoADelegationGivesTheReferral) {
  const TestAnswer reply = ask("to-sub.example.com", type::a);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, ElementsAre("to-sub.example.com. 300 IN CNAME host.sub.example.com."));
  EXPECT_THAT(reply.authority, SizeIs(3));
  EXPECT_THAT(reply.authority, ::testing::Contains("sub.example.com. 300 IN NS ns.sub.example.com."));
  EXPECT_THAT(reply.additional, ::testing::Contains("ns.sub.example.com. 300 IN A 192.0.2.54"));
}

TEST(Alias, IntoAWildcard) {
  EXPECT_THAT(ask("to-wild.example.com", type::mx).answer,
              ElementsAre("to-wild.example.com. 300 IN CNAME x.wild.example.com.",
                          "x.wild.example.com. 300 IN MX 5 mail.example.com."));
}

TEST(Alias, IntoADecidedName) {
  const TestAnswer reply =
      world().ask(TestQuery("to-page.example.com", type::a).edns().subnet("203.0.113.0/24"));
  ASSERT_GE(reply.answer.size(), 2U);
  EXPECT_EQ(reply.answer[0], "to-page.example.com. 300 IN CNAME www.shop.test.");
  EXPECT_THAT(reply.answer[1], ::testing::StartsWith("www.shop.test. 20 IN A 198.51.100."));
}

// ---- wildcards, RFC 4592

// Section 2.2.2: "*.wild" exists because "*.*.wild" does, and so makes names, without records.
TEST(Wildcard, ThatIsAnEmptyNonTerminalMakesNamesWithoutRecords) {
  const TestWorld small("@ 60 SOA ns1 h 1 2 3 4 60\n@ 60 NS ns1.example.net.\n*.*.wild 60 A 192.0.2.1\n");
  const TestAnswer reply = small.ask(TestQuery("deep.new.wild.example.com", type::a));
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_THAT(reply.answer, IsEmpty());
  EXPECT_THAT(reply.authority, SizeIs(1));
}

TEST(Wildcard, MakesWhatDoesNotExistBelowItsParent) {
  EXPECT_THAT(ask("x.wild.example.com", type::a).answer,
              ElementsAre("x.wild.example.com. 300 IN A 192.0.2.99"));
  EXPECT_THAT(ask("x.y.wild.example.com", type::a).answer,
              ElementsAre("x.y.wild.example.com. 300 IN A 192.0.2.99"));
  EXPECT_THAT(ask("x.y.wild.example.com", type::mx).answer,
              ElementsAre("x.y.wild.example.com. 300 IN MX 5 mail.example.com."));
}

TEST(Wildcard, AskedLiterallyIsItself) {
  EXPECT_THAT(ask("*.wild.example.com", type::a).answer,
              ElementsAre("*.wild.example.com. 300 IN A 192.0.2.99"));
}

TEST(Wildcard, LeavesAloneWhatExists) {
  expect_nodata(ask("exact.wild.example.com", type::a));
  expect_nxdomain(ask("below.exact.wild.example.com", type::a));
  expect_nodata(ask("wild.example.com", type::a));
}

TEST(Wildcard, WithoutTheTypeIsNodata) {
  expect_nodata(ask("x.wild.example.com", type::txt));
}

TEST(Wildcard, MayBeAnAlias) {
  const TestAnswer reply = ask("some.thing.walias.example.com", type::a);
  EXPECT_THAT(reply.answer, ElementsAre("some.thing.walias.example.com. 300 IN CNAME www.example.com.",
                                        "www" + std::string(www80), "www" + std::string(www81)));
}

// ---- delegations

TEST(Referral, NsInTheAuthorityWithAllGlueAndNoAa) {
  for (const char* name :
       {"www.sub.example.com", "sub.example.com", "ns.sub.example.com", "x.y.z.sub.example.com"}) {
    const TestAnswer reply = ask(name, type::a);
    EXPECT_EQ(reply.rcode, 0);
    EXPECT_EQ(reply.flags, "qr rd") << name;
    EXPECT_THAT(reply.answer, IsEmpty());
    EXPECT_THAT(reply.authority, UnorderedElementsAre("sub.example.com. 300 IN NS ns.example.net.",
                                                      "sub.example.com. 300 IN NS ns.other.example.com.",
                                                      "sub.example.com. 300 IN NS ns.sub.example.com."));
    EXPECT_THAT(reply.additional, UnorderedElementsAre("ns.sub.example.com. 300 IN A 192.0.2.54",
                                                       "ns.sub.example.com. 300 IN AAAA 2001:db8::54",
                                                       "ns.other.example.com. 300 IN A 192.0.2.56"));
  }
}

// RFC 9471: a referral without all of its glue is truncated.
TEST(Referral, ThatDoesNotFitIsTruncated) {
  std::string zone = test_zone;
  for (int i = 0; i < 30; ++i)
    zone += "huge IN NS server" + std::to_string(i) + ".huge\nserver" + std::to_string(i) +
            ".huge IN A 192.0.2.7\n";
  const TestWorld w(zone);
  const TestAnswer cut = w.ask(TestQuery("x.huge.example.com", type::a));
  EXPECT_EQ(cut.flags, "qr tc rd");
  EXPECT_THAT(cut.authority, IsEmpty());
  EXPECT_THAT(cut.additional, IsEmpty());
  EXPECT_THAT(w.ask(TestQuery("x.huge.example.com", type::a), Transport::tcp).additional, SizeIs(30));
}

// Names far into a message are compressed too, as far as pointers reach, and survive that the records are
// moved.
TEST(Referral, ALargeOneBehindAChainOfAliasesIsWhole) {
  std::string zone = test_zone;
  std::vector<std::string> servers, glue;
  for (int i = 0; i < 600; ++i) {
    const std::string server = "name-server-number-" + std::to_string(i) + ".huge";
    zone += "huge IN NS " + server + "\n" + server + " IN A 192.0.2.7\n";
    servers.push_back("huge.example.com. 300 IN NS " + server + ".example.com.");
    glue.push_back(server + ".example.com. 300 IN A 192.0.2.7");
  }
  const std::string padding = std::string(60, 'x') + "." + std::string(60, 'y') + "." + std::string(60, 'z');
  for (int i = 0; i < 6; ++i)
    zone += "chain" + std::to_string(i) + "." + padding + " IN CNAME chain" + std::to_string(i + 1) + "." +
            padding + "\n";
  zone += "chain6." + padding + " IN CNAME www.huge\n";
  const TestWorld w(zone);
  const TestAnswer reply = w.ask(TestQuery("chain0." + padding + ".example.com", type::a), Transport::tcp);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, SizeIs(7));
  EXPECT_THAT(reply.authority, ::testing::UnorderedElementsAreArray(servers));
  EXPECT_THAT(reply.additional, ::testing::UnorderedElementsAreArray(glue));
  EXPECT_GT(reply.bytes.size(), 16384U + 8192U);
}

// RFC 4035 section 3.1.4.1
TEST(Referral, DsIsAnsweredByTheParent) {
  const TestAnswer reply = ask("sub.example.com", type::ds);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, SizeIs(1));
  expect_nodata(ask("other.example.com", type::ds));
  EXPECT_EQ(ask("below.sub.example.com", type::ds).flags, "qr rd")
      << "below the cut it is no business of ours";
}

TEST(Referral, AZoneOfOursInsideAnotherAnswersForItself) {
  model::Config config = test_config();
  config.network.zone = "child.example.com";
  const TestWorld nested(test_zone, config);
  EXPECT_THAT(nested.ask(TestQuery("ams.child.example.com", type::a)).answer,
              ElementsAre("ams.child.example.com. 3600 IN A 192.0.2.1"));
  EXPECT_EQ(nested.ask(TestQuery("www.child.example.com", type::a)).rcode, 3)
      << "the parent's data below the child's apex";
  EXPECT_THAT(nested.ask(TestQuery("child.example.com", type::ds)).authority, ElementsAre(soa))
      << "DS is the parent's";
  EXPECT_THAT(nested.ask(TestQuery("child.example.com", type::txt)).authority,
              ElementsAre(::testing::StartsWith("child.example.com. 3600 IN SOA ams.child.example.com.")));
}

// A zone that is fetched, and was not yet: others may have it, and what the parent says of it they cannot.
TEST(Referral, DsIsAnsweredByTheParentOfAZoneThatIsNotThere) {
  model::Config config = test_config();
  model::Zone& sub = config.zones.emplace_back();
  sub.name = "sub.example.com";
  sub.secondary.primaries = {{IpAddress::v4(192, 0, 2, 53), 53}};
  const TestWorld nested(test_zone, config);
  const TestAnswer reply = nested.ask(TestQuery("sub.example.com", type::ds));
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_THAT(reply.answer, SizeIs(1));
  EXPECT_EQ(nested.ask(TestQuery("sub.example.com", type::soa)).rcode, 2);
  EXPECT_EQ(nested.ask(TestQuery("x.sub.example.com", type::ds)).rcode, 2);
}

// ---- DNAME, RFC 6672

TEST(Dname, RenamesWhatIsBelowItButNotItself) {
  EXPECT_THAT(ask("oak.tree.example.com", type::a).answer,
              ElementsAre("tree.example.com. 300 IN DNAME forest.example.example.com.",
                          "oak.tree.example.com. 300 IN CNAME oak.forest.example.example.com.",
                          "oak.forest.example.example.com. 300 IN A 192.0.2.200"));
  EXPECT_THAT(ask("tree.example.com", type::txt).answer, SizeIs(1));
  EXPECT_EQ(ask("elm.tree.example.com", type::a).rcode, 3);
  EXPECT_THAT(ask("elm.tree.example.com", type::cname).answer, SizeIs(2))
      << "the CNAME it makes is the answer";
}

TEST(Dname, ANameThatGetsTooLongIsYxdomain) {
  std::string name(63, 'x');
  name += "." + std::string(63, 'x') + "." + std::string(63, 'x') + "." + std::string(40, 'x') +
          ".tree.example.com";
  const TestAnswer reply = ask(name, type::a);
  EXPECT_EQ(reply.rcode, 6);
  EXPECT_THAT(reply.answer, SizeIs(1));
}

// ---- ANY, RFC 8482

TEST(Any, OneSetIsEnough) {
  EXPECT_THAT(ask("example.com", type::any).answer, SizeIs(2));
  EXPECT_THAT(ask("deep.example.com", type::any).answer, IsEmpty());
  const TestAnswer renamed = ask("oak.tree.example.com", type::any);
  EXPECT_THAT(renamed.answer, SizeIs(2)) << "DNAME and CNAME";
  EXPECT_EQ(renamed.rcode, 0) << "nothing is left to follow";
  EXPECT_THAT(renamed.authority, IsEmpty());
  EXPECT_FALSE(ask("www.shop.test", type::any).answer.empty());
}

// ---- EDNS and sizes

TEST(Edns, IsAnsweredWithOurOwnSize) {
  const TestAnswer reply = world().ask(TestQuery("www.example.com", type::a).edns(4096));
  EXPECT_TRUE(reply.edns);
  EXPECT_EQ(reply.edns_size, udp_reply_max);
  EXPECT_FALSE(ask("www.example.com", type::a).edns);
}

// RFC 8906 section 8.2
TEST(Edns, LaterVersionsGetBadversAndNoAnswer) {
  const TestAnswer reply = world().ask(TestQuery("example.com", type::soa).edns(1232, 1));
  EXPECT_EQ(reply.rcode, 16);
  EXPECT_TRUE(reply.edns);
  EXPECT_THAT(reply.answer, IsEmpty());
}

TEST(Truncation, WhatDoesNotFitOverUdpComesOverTcp) {
  const TestQuery plain("big.example.com", type::txt);
  const TestAnswer cut = world().ask(plain);
  EXPECT_EQ(cut.flags, "qr aa tc rd");
  EXPECT_THAT(cut.answer, IsEmpty());
  EXPECT_TRUE(cut.outcome.truncated);
  EXPECT_THAT(world().ask(TestQuery("big.example.com", type::txt).edns(1232)).answer, SizeIs(5));
  const TestReply whole = world().ask(plain, Transport::tcp);
  EXPECT_EQ(whole.flags, "qr aa rd");
  EXPECT_THAT(whole.answer, SizeIs(5));
}

// ---- RFC 8906: what is broken or unknown

TEST(Rfc8906, EachFaultGetsItsRcodeOrSilence) {
  const auto rcode = [](const TestQuery& q) { return world().ask(q).rcode; };
  EXPECT_EQ(rcode(TestQuery("example.com", type::soa).set_flags(15 << 11)), 4);
  EXPECT_EQ(rcode(TestQuery("example.com", type::soa).set_word(4, 0).cut_to(12)), 1);
  EXPECT_EQ(rcode(TestQuery("example.com", type::soa).byte(7)), 1);
  EXPECT_EQ(rcode(TestQuery("example.com", 65000)), 0);
  EXPECT_EQ(rcode(TestQuery("example.com", type::soa).edns(1232, 0, 0x40)), 0)
      << "unknown EDNS flags are ignored";
  EXPECT_EQ(rcode(TestQuery("example.com", type::soa).edns().option(100, {1})), 0) << "unknown options too";
  EXPECT_EQ(world().ask(TestQuery("example.com", type::soa).set_flags(0x8000)).outcome.size, 0U) << "a reply";
  EXPECT_EQ(world().ask(TestQuery("example.com", type::soa).cut_to(11)).outcome.size, 0U);
}

// ---- names made from the config

TEST(NetworkZone, NamesThePopsAsItsServers) {
  EXPECT_THAT(ask("cdn.test", type::ns).answer, UnorderedElementsAre("cdn.test. 3600 IN NS ams.cdn.test.",
                                                                     "cdn.test. 3600 IN NS nyc.cdn.test."));
  EXPECT_THAT(
      ask("cdn.test", type::soa).answer,
      ElementsAre("cdn.test. 3600 IN SOA ams.cdn.test. noc\\.team.example.net. 7 3600 600 604800 3600"));
  EXPECT_THAT(ask("ams.cdn.test", type::a).answer, ElementsAre("ams.cdn.test. 3600 IN A 192.0.2.1"));
  EXPECT_THAT(ask("ams.cdn.test", type::aaaa).answer,
              ElementsAre("ams.cdn.test. 3600 IN AAAA 2001:db8:1::1"));
  EXPECT_EQ(ask("sfo.cdn.test", type::a).rcode, 3);
}

TEST(OwnZone, AHostnameOutsideAllZonesIsAZone) {
  EXPECT_THAT(ask("www.shop.test", type::ns).answer,
              UnorderedElementsAre("www.shop.test. 3600 IN NS ams.cdn.test.",
                                   "www.shop.test. 3600 IN NS nyc.cdn.test."));
  EXPECT_THAT(ask("www.shop.test", type::soa).answer, SizeIs(1));
  EXPECT_EQ(ask("nothing.www.shop.test", type::a).rcode, 3);
  expect_refused(ask("shop.test", type::a));
}

TEST(OwnZone, WithoutANetworkZoneThePopsHaveNamesInIt) {
  model::Config config = test_config();
  config.network.zone.clear();
  config.network.content_hostname.clear();
  const TestWorld lonely("", config);
  EXPECT_THAT(lonely.ask(TestQuery("www.shop.test", type::ns)).answer,
              UnorderedElementsAre("www.shop.test. 3600 IN NS ams.www.shop.test.",
                                   "www.shop.test. 3600 IN NS nyc.www.shop.test."));
  EXPECT_THAT(lonely.ask(TestQuery("ams.www.shop.test", type::a)).answer, SizeIs(1));
}

// ---- decided names

std::set<std::string> targets(const TestReply& reply) {
  std::set<std::string> found;
  for (const std::string& line : reply.answer) found.insert(line.substr(line.rfind(' ') + 1));
  return found;
}

TEST(Decided, APageIsAnsweredWithOriginsAndTheShortTtl) {
  const TestAnswer reply = ask("www.shop.test", type::a);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, SizeIs(2)) << "two good targets, so that browsers fail over by themselves";
  for (const auto& line : reply.answer)
    EXPECT_THAT(line, ::testing::StartsWith("www.shop.test. 20 IN A 198.51.100."));
  EXPECT_EQ(reply.outcome.decided, Outcome::Decided::origin);
}

TEST(Decided, ContentIsAnsweredWithThePopThatIsNearTheClientSubnet) {
  for (const char* name : {"img.shop.test", "static.example.com", "all.cdn.test"}) {
    const TestAnswer reply = world().ask(TestQuery(name, type::a).edns().subnet("203.0.113.0/24"));
    ASSERT_FALSE(reply.answer.empty()) << name;
    EXPECT_THAT(reply.answer[0], ::testing::EndsWith("192.0.2.2"));
    EXPECT_EQ(reply.outcome.decided, Outcome::Decided::pop);
    EXPECT_EQ(reply.outcome.target, 1);
  }
  EXPECT_THAT(world().ask(TestQuery("img.shop.test", type::a), Transport::udp, "203.0.113.9").answer[0],
              ::testing::EndsWith("192.0.2.2"))
      << "without a subnet the resolver's own network counts";
}

TEST(Decided, TheScopeSaysForWhomTheAnswerHolds) {
  const auto scope = [](const char* name, uint16_t type) {
    const TestAnswer reply = world().ask(TestQuery(name, type).edns().subnet("203.0.113.0/24"));
    EXPECT_THAT(reply.edns_options, SizeIs(11));
    return reply.edns_options.size() == 11 ? int{reply.edns_options[7]} : -1;
  };
  EXPECT_GT(scope("www.shop.test", type::a), 0);
  EXPECT_GT(scope("to-page.example.com", type::a), 0) << "a chain has the scope of its decided part";
  EXPECT_EQ(scope("www.shop.test", type::aaaa), 0) << "no target has IPv6, whoever asks";
  EXPECT_GT(scope("img.shop.test", type::a), 0);
  EXPECT_EQ(scope("img.shop.test", type::aaaa), 0) << "one POP alone has IPv6: everybody gets that";
  EXPECT_EQ(scope("www.example.com", type::a), 0);
  EXPECT_EQ(scope("nowhere.example.com", type::a), 0);
}

TEST(Decided, AFamilyThatNoTargetHasIsNodata) {
  const TestAnswer reply = ask("www.shop.test", type::aaaa);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_EQ(reply.flags, "qr aa rd");
  EXPECT_THAT(reply.answer, IsEmpty());
  EXPECT_THAT(reply.authority,
              ElementsAre(::testing::StartsWith("www.shop.test. 3600 IN SOA ams.cdn.test.")));
}

TEST(Decided, OtherTypesAreNodata) {
  const TestAnswer reply = ask("static.example.com", type::txt);
  expect_nodata(reply);
  EXPECT_EQ(reply.outcome.decided, Outcome::Decided::no);
}

TEST(Decided, ClientsSpreadOverTheOrigins) {
  std::set<std::string> seen;
  for (int i = 0; i < 64; ++i) {
    const std::string subnet = "10.9." + std::to_string(i) + ".0/24";
    const auto found = targets(world().ask(TestQuery("www.shop.test", type::a).edns().subnet(subnet)));
    seen.insert(found.begin(), found.end());
  }
  EXPECT_THAT(seen, UnorderedElementsAre("198.51.100.1", "198.51.100.2", "198.51.100.3"));
}

// RFC 7871 section 7.1.2: a source length of 0 asks not to look at the client.
TEST(Decided, AnEmptySubnetMeansTheResolverItself) {
  for (const std::vector<uint8_t>& option :
       {std::vector<uint8_t>{0, 1, 0, 0}, std::vector<uint8_t>{0, 0, 0, 0}}) {
    const TestQuery query = TestQuery("img.shop.test", type::a).edns().option(edns::subnet, option);
    const TestAnswer reply = world().ask(query, Transport::udp, "203.0.113.9");
    EXPECT_THAT(reply.answer.at(0), ::testing::EndsWith("192.0.2.2"));
    EXPECT_EQ(reply.edns_options.at(7), 0) << "the scope may not be longer than what was told";
  }
}

}  // namespace
}  // namespace popnet::dns
