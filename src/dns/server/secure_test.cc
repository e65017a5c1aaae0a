// What a resolver that checks signatures gets, and that others get what they always got.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "dns/server/test_secure.h"
#include "dns/zone/test_validator.h"

namespace popnet::dns {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr uint16_t compact_ok = 0x4000;

class Secured : public ::testing::TestWithParam<std::pair<model::DnssecAlgorithm, bool>> {
 protected:
  const SignedWorld world{GetParam().first, GetParam().second};
  TestValidator validator{[this](const std::string& zone) { return world.ask(zone, type::dnskey); },
                          SignedWorld::now()};
};
INSTANTIATE_TEST_SUITE_P(Keys, Secured,
                         ::testing::Values(std::pair{model::DnssecAlgorithm::ecdsa_p256, false},
                                           std::pair{model::DnssecAlgorithm::ecdsa_p256, true},
                                           std::pair{model::DnssecAlgorithm::ed25519, false},
                                           std::pair{model::DnssecAlgorithm::ed25519, true}));

TEST_P(Secured, EverySetOfAnAnswerIsSigned) {
  for (const Asked& q : answered) {
    SCOPED_TRACE(fmt::format("{} {}", q.name, q.type));
    const auto reply = world.ask(q.name, q.type);
    EXPECT_EQ(reply.rcode, 0);
    EXPECT_THAT(reply.answer, Not(IsEmpty()));
    EXPECT_THAT(validator.unsigned_sets(reply), IsEmpty());
  }
}

TEST_P(Secured, ANewSignatureAndOneFromTheCacheAreTheSame) {
  for (const char* name : {"www.shop.test", "x.wild.example.com", "nowhere.example.com"})
    EXPECT_EQ(world.ask(name, type::a).bytes, world.ask(name, type::a).bytes) << name;
}

/// The types in the NSEC record for that name.
std::string types_of(const TestReply& reply, const std::string& name) {
  for (const std::string& line : reply.authority)
    if (line.starts_with(name + ". ") && line.find(" IN NSEC ") != line.npos)
      return line.substr(line.find(" IN NSEC ")) + " ";
  return "none";
}

TEST_P(Secured, AMissingTypeIsDenied) {
  for (const Asked& q : no_such_type) {
    SCOPED_TRACE(fmt::format("{} {}", q.name, q.type));
    const auto reply = world.ask(q.name, q.type);
    EXPECT_EQ(reply.rcode, 0);
    EXPECT_THAT(reply.answer, IsEmpty());
    EXPECT_THAT(validator.unsigned_sets(reply), IsEmpty());
    char* text = ldns_rr_type2str(static_cast<ldns_rr_type>(q.type));
    const std::string types = types_of(reply, q.name);
    EXPECT_THAT(types, Not(HasSubstr(fmt::format(" {} ", text))));
    EXPECT_THAT(types, HasSubstr(fmt::format(" \\000.{}. ", q.name)));
    EXPECT_THAT(types, HasSubstr(" RRSIG NSEC "));
    EXPECT_THAT(types, Not(HasSubstr("TYPE128")));
    std::free(text);
  }
}

TEST_P(Secured, AMissingNameIsDeniedAsOneWithoutAnything) {
  for (const Asked& q : no_such_name) {
    SCOPED_TRACE(q.name);
    const auto reply = world.ask(q.name, q.type);
    EXPECT_EQ(reply.rcode, 0) << "to the proof, the name exists";
    EXPECT_EQ(types_of(reply, q.name), fmt::format(" IN NSEC \\000.{}. RRSIG NSEC TYPE128 ", q.name));
    EXPECT_THAT(validator.unsigned_sets(reply), IsEmpty());
    EXPECT_EQ(world.ask(q.name, q.type, compact_ok).rcode, 3) << "for those who know (RFC 9824 section 5)";
    EXPECT_EQ(world.ask_plainly(q.name, q.type).rcode, 3);
  }
}

// A denial says that NSEC and RRSIG are there: who asks for these must get them, not a denial that contradicts itself.
TEST_P(Secured, NsecAndRrsigAreThereAtEveryName) {
  for (const char* name : {"www.example.com", "deep.example.com", "x.wild.example.com", "*.wild.example.com",
                           "w.walias.example.com", "www.shop.test", "static.example.com",
                           "nowhere.example.com", "nowhere.cdn.test"}) {
    SCOPED_TRACE(name);
    const auto nsec = world.ask(name, type::nsec);
    EXPECT_EQ(nsec.rcode, 0);
    EXPECT_THAT(nsec.flags, HasSubstr("aa"));
    ASSERT_EQ(nsec.answer.size(), 2U);
    EXPECT_THAT(nsec.answer[0], StartsWith(std::string(name) + ". "));
    EXPECT_THAT(nsec.answer[0], HasSubstr(fmt::format(" IN NSEC \\000.{}. ", name)));
    EXPECT_THAT(nsec.answer[0] + " ", HasSubstr(" RRSIG NSEC "));
    EXPECT_THAT(nsec.answer[1], HasSubstr(" IN RRSIG NSEC "));
    EXPECT_THAT(nsec.authority, IsEmpty());
    EXPECT_THAT(validator.unsigned_sets(nsec), IsEmpty());
    const auto rrsig = world.ask(name, type::rrsig);
    EXPECT_EQ(rrsig.rcode, 0);
    EXPECT_THAT(rrsig.answer, ElementsAre(HasSubstr(" IN RRSIG ")));
    EXPECT_THAT(rrsig.authority, IsEmpty());
  }
  EXPECT_THAT(world.ask("nowhere.example.com", type::nsec).answer[0], HasSubstr(" RRSIG NSEC TYPE128"));
  EXPECT_THAT(world.ask("x.wild.example.com", type::nsec).answer[0], HasSubstr(" A MX RRSIG NSEC"));
  EXPECT_THAT(world.ask("static.example.com", type::nsec).answer[0], HasSubstr(".com. A AAAA RRSIG NSEC"));
}

TEST_P(Secured, ADelegationHasItsDsOrAProofOfNone) {
  const auto with = world.ask("www.sub.example.com", type::a);
  EXPECT_THAT(validator.unsigned_sets(with), ElementsAre("sub.example.com. 2"));
  EXPECT_THAT(with.authority, Contains(HasSubstr(" IN DS 12345 ")));
  EXPECT_THAT(with.additional, Contains("ns.sub.example.com. 300 IN A 192.0.2.54"));
  EXPECT_THAT(with.flags, Not(HasSubstr("aa")));
  const auto without = world.ask("www.other.example.com", type::a);
  EXPECT_THAT(validator.unsigned_sets(without), ElementsAre("other.example.com. 2"));
  EXPECT_THAT(types_of(without, "other.example.com"), HasSubstr(" NS RRSIG NSEC"));
}

TEST_P(Secured, ADnamesAliasNeedsNoSignature) {
  const auto reply = world.ask("oak.tree.example.com", type::a);
  EXPECT_THAT(validator.unsigned_sets(reply), ElementsAre("oak.tree.example.com. 5"));
}

TEST_P(Secured, TheParentIsToldOfTheKeyWhenItIsKnownEverywhere) {
  EXPECT_THAT(world.ask("example.com", 59).answer, IsEmpty()) << "CDS of a key that caches may not know";
  EXPECT_THAT(validator.unsigned_sets(world.ask("example.com", 59)), IsEmpty());
}

// Whoever does not ask for signatures must not notice them.
TEST_P(Secured, WithoutDoNothingChanges) {
  const TestWorld plain(test_zone, SignedWorld::names());
  const auto same = [&](const Asked& q) {
    SCOPED_TRACE(fmt::format("{} {}", q.name, q.type));
    const auto a = plain.ask(TestQuery(q.name, q.type).edns(), Transport::tcp);
    const auto b = world.ask_plainly(q.name, q.type);
    EXPECT_EQ(b.rcode, a.rcode);
    EXPECT_EQ(b.flags, a.flags);
    EXPECT_EQ(b.answer, a.answer);
    EXPECT_EQ(b.authority, a.authority);
    EXPECT_THAT(b.additional, ::testing::UnorderedElementsAreArray(a.additional));
  };
  for (const Asked& q : answered)
    if (q.type != type::dnskey) same(q);
  for (const Asked& q : no_such_type) same(q);
  for (const Asked& q : no_such_name) same(q);
  same({"www.sub.example.com", type::a});
  same({"deep.example.com", type::any});
  same({"unknown.example.com", type::any});  // NSEC comes before it in the order of types
}

TEST(Secure, NxnameIsNothingToAskFor) {
  const TestReply explicitly = SignedWorld().ask("www.example.com", type::nxname);
  EXPECT_EQ(explicitly.rcode, 1) << "RFC 9824 section 3.5";
  EXPECT_THAT(explicitly.edns_options, ElementsAre(0, edns::extended_error, 0, 2, 0, 30));
}

// Random names use up what may be signed; names that were asked before, and names that exist, are answered
// on.
TEST(Secure, RandomNamesFindTheBudgetEmpty) {
  const SignedWorld world;
  (void)world.ask("nowhere.example.com", type::a, 0, Transport::udp);
  while (world.view().signing->for_random.take()) {
  }
  while (world.view().signing->for_random_tcp.take()) {
  }
  const auto cut = world.ask("random1.example.com", type::a, 0, Transport::udp);
  EXPECT_EQ(cut.flags, "qr aa tc rd") << "over TCP nobody can pretend to be another";
  EXPECT_THAT(cut.authority, IsEmpty());
  EXPECT_EQ(world.ask("random1.example.com", type::a, 0, Transport::tcp).rcode, 2);
  EXPECT_EQ(world.ask("nowhere.example.com", type::a, 0, Transport::udp).flags, "qr aa rd")
      << "from the cache";
  EXPECT_EQ(world.ask("www.example.com", type::aaaa, 0, Transport::udp).flags, "qr aa rd")
      << "signed when loaded";
  EXPECT_EQ(world.ask("www.shop.test", type::a, 0, Transport::udp).flags, "qr aa rd")
      << "a budget of its own";
  EXPECT_EQ(world.ask_plainly("random1.example.com", type::a).rcode, 3) << "costs no signature";
}

// As where four of sixty addresses are picked for each client network, and strangers make up the networks.
TEST(Secure, DecisionsWithoutEndLeaveTcpItsBudget) {
  const SignedWorld world;
  while (world.view().signing->for_answers.take()) {
  }
  EXPECT_EQ(world.ask("www.shop.test", type::a, 0, Transport::udp).flags, "qr aa tc rd");
  EXPECT_EQ(world.ask("www.shop.test", type::a, 0, Transport::tcp).flags, "qr aa rd");
  EXPECT_EQ(world.ask("wWw.SHOP.test", type::a, 0, Transport::udp).flags, "qr aa rd") << "signed already";
  while (world.view().signing->for_answers_tcp.take()) {
  }
  EXPECT_EQ(world.ask("img.shop.test", type::a, 0, Transport::tcp).rcode, 2);
}

// The proof, and glue behind it, stand farther than compression pointers reach.
TEST(SignedReferral, ALargeOneIsWhole) {
  std::string zone = test_zone;
  std::vector<std::string> glue;
  for (int i = 0; i < 500; ++i) {
    const std::string server = fmt::format("name-server-number-{}.sites", i);
    zone += fmt::format("huge IN NS {0}\n{0} IN A 192.0.2.7\n", server);
    glue.push_back(server + ".example.com. 300 IN A 192.0.2.7");
  }
  for (const auto denial : {model::Denial::compact, model::Denial::nsec3}) {
    const SignedWorld world(model::DnssecAlgorithm::ecdsa_p256, false, denial, SignedWorld::names(), zone);
    TestValidator validator([&](const std::string& at) { return world.ask(at, type::dnskey); },
                            SignedWorld::now());
    const auto reply = world.ask("www.huge.example.com", type::a);
    EXPECT_TRUE(reply.readable);
    EXPECT_EQ(reply.flags, "qr rd");
    EXPECT_THAT(reply.additional, ::testing::IsSupersetOf(glue));
    EXPECT_THAT(validator.unsigned_sets(reply), ElementsAre("huge.example.com. 2"));
    EXPECT_THAT(world.ask_plainly("www.huge.example.com", type::a).additional, ::testing::IsSupersetOf(glue));
  }
}

}  // namespace
}  // namespace popnet::dns
