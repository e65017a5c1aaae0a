// Zones that come signed: the answers of RFC 4035 appendix B and RFC 5155 appendix B, from the zones of their appendix A.
#include <gmock/gmock.h>

#include "dns/server/test_carried.h"
#include "dns/wire/protocol.h"
#include "dns/zone/make_names.h"

namespace popnet::dns {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// Owner and type of each record; of a signature what it covers: "xx.example. RRSIG(A)".
std::vector<std::string> short_form(const std::vector<std::string>& records) {
  std::vector<std::string> all;
  for (const std::string& record : records) {
    const auto word = [&record](int n) {
      size_t at = 0;
      for (; n > 0; --n) at = record.find(' ', at) + 1;
      return record.substr(at, record.find(' ', at) - at);
    };
    const std::string type = word(3);
    all.push_back(word(0) + " " + (type == "RRSIG" ? "RRSIG(" + word(4) + ")" : type));
  }
  return all;
}

/// Owners of the denials, each of which has its signature.
std::vector<std::string> denials(const TestAnswer& reply, const std::string& type) {
  std::vector<std::string> owners;
  const auto all = short_form(reply.authority);
  for (const std::string& one : all) {
    const std::string owner = one.substr(0, one.find(' '));
    if (one != owner + " " + type) continue;
    EXPECT_THAT(all, Contains(owner + " RRSIG(" + type + ")"));
    owners.push_back(owner.substr(0, owner.size() == 41 ? 4 : owner.size()));  // hashes by their beginning
  }
  return owners;
}

class CarriedNsec : public ::testing::Test {
 protected:
  std::vector<std::string> proof(const char* name, uint16_t type, int rcode = 0) const {
    const auto reply = world.ask(name, type);
    EXPECT_EQ(reply.rcode, rcode) << name;
    return denials(reply, "NSEC");
  }
  const CarriedWorld world{nsec_zone};
};

TEST_F(CarriedNsec, AnswersHaveTheirSignatures) {
  EXPECT_THAT(short_form(world.ask("x.w.example", type::mx).answer),
              UnorderedElementsAre("x.w.example. MX", "x.w.example. RRSIG(MX)"));
  EXPECT_THAT(world.ask("x.w.example", type::mx).authority, IsEmpty());
  EXPECT_THAT(short_form(world.ask("example", type::dnskey).answer),
              UnorderedElementsAre("example. DNSKEY", "example. RRSIG(DNSKEY)"));
}

TEST_F(CarriedNsec, NamesThatAreNotThereAreDeniedWithTheirWildcard) {
  EXPECT_THAT(proof("ml.example", type::a, 3), UnorderedElementsAre("b.example.", "example."));
  EXPECT_THAT(proof("a.xx.example", type::a, 3), ElementsAre("xx.example.")) << "one for both, once";
  EXPECT_THAT(short_form(world.ask("ml.example", type::a).authority), Contains("example. RRSIG(SOA)"));
}

TEST_F(CarriedNsec, TypesThatAreNotThereAreDeniedAtTheName) {
  EXPECT_THAT(proof("ns1.example", type::mx), ElementsAre("ns1.example."));
  EXPECT_THAT(proof("y.w.example", type::a), ElementsAre("x.w.example.")) << "the next name is below it";
  EXPECT_THAT(proof("example", type::ds), ElementsAre("example."));
}

TEST_F(CarriedNsec, ReferralsHaveTheDsSetOrItsDenial) {
  EXPECT_THAT(short_form(world.ask("mc.a.example", type::mx).authority),
              UnorderedElementsAre("a.example. NS", "a.example. DS", "a.example. RRSIG(DS)"));
  const auto unsigned_one = world.ask("mc.b.example", type::mx);
  EXPECT_THAT(short_form(unsigned_one.authority),
              UnorderedElementsAre("b.example. NS", "b.example. NSEC", "b.example. RRSIG(NSEC)"));
  EXPECT_THAT(short_form(unsigned_one.additional), Contains("ns1.b.example. A"));
  EXPECT_THAT(proof("b.example", type::ds), ElementsAre("b.example."));
}

TEST_F(CarriedNsec, WildcardsProveThatNothingIsNearer) {
  const auto made = world.ask("a.z.w.example", type::mx);
  EXPECT_THAT(short_form(made.answer), UnorderedElementsAre("a.z.w.example. MX", "a.z.w.example. RRSIG(MX)"));
  EXPECT_THAT(denials(made, "NSEC"), ElementsAre("x.y.w.example."));
  EXPECT_THAT(proof("a.z.w.example", type::aaaa), UnorderedElementsAre("x.y.w.example.", "*.w.example."));
  EXPECT_THAT(world.ask("*.w.example", type::mx).authority, IsEmpty()) << "it is there itself";
}

TEST_F(CarriedNsec, AChainOfWildcardsProvesEach) {
  const auto chain = world.ask("X.alias.example", type::mx);
  EXPECT_THAT(short_form(chain.answer), ElementsAre("X.alias.example. CNAME", "X.alias.example. RRSIG(CNAME)",
                                                    "a.z.w.example. MX", "a.z.w.example. RRSIG(MX)"));
  EXPECT_THAT(denials(chain, "NSEC"), UnorderedElementsAre("*.alias.example.", "x.y.w.example."));
}

TEST_F(CarriedNsec, AWildcardsProofStandsBeforeTheGlueOfADelegationThatItLeadsTo) {
  const auto reply = world.ask("x.out.example", type::a);
  EXPECT_THAT(short_form(reply.authority),
              UnorderedElementsAre("*.out.example. NSEC", "*.out.example. RRSIG(NSEC)", "sub.example.com. NS",
                                   "sub.example.com. NS", "sub.example.com. NS"));
  EXPECT_THAT(short_form(reply.additional), Contains("ns.sub.example.com. A"));
}

TEST_F(CarriedNsec, ThereAreNoSignaturesForWhoDoesNotAskForThem) {
  EXPECT_THAT(short_form(world.ask_plainly("ml.example", type::a).authority), ElementsAre("example. SOA"));
  EXPECT_THAT(short_form(world.ask_plainly("a.z.w.example", type::mx).authority), IsEmpty());
  EXPECT_THAT(short_form(world.ask_plainly("xx.example", type::rrsig).answer),
              ElementsAre("xx.example. RRSIG(A)"));
  EXPECT_THAT(short_form(world.ask_plainly("xx.example", type::nsec).answer),
              ElementsAre("xx.example. NSEC"));
}

class CarriedNsec3 : public ::testing::Test {
 protected:
  std::vector<std::string> proof(const char* name, uint16_t type, int rcode = 0) const {
    const auto reply = world.ask(name, type);
    EXPECT_EQ(reply.rcode, rcode) << name;
    return denials(reply, "NSEC3");
  }
  const CarriedWorld world{nsec3_zone};
};

TEST_F(CarriedNsec3, TheProofsAreThoseOfRfc5155) {
  EXPECT_THAT(proof("a.c.x.w.example", type::a, 3), UnorderedElementsAre("0p9m", "b4um", "35mt")) << "B.1";
  EXPECT_THAT(proof("ns1.example", type::mx), ElementsAre("2t7b")) << "B.2";
  EXPECT_THAT(proof("y.w.example", type::a), ElementsAre("ji6n")) << "B.2.1";
  EXPECT_THAT(proof("mc.c.example", type::mx), UnorderedElementsAre("35mt", "0p9m")) << "B.3";
  EXPECT_THAT(proof("a.z.w.example", type::mx), ElementsAre("q04j")) << "B.4";
  EXPECT_THAT(proof("a.z.w.example", type::aaaa), UnorderedElementsAre("k8ud", "q04j", "r53b")) << "B.5";
  EXPECT_THAT(proof("example", type::ds), ElementsAre("0p9m")) << "B.6";
}

TEST_F(CarriedNsec3, OptOutDeniesTheDsSetOfADelegation) {
  EXPECT_THAT(proof("c.example", type::ds), UnorderedElementsAre("35mt", "0p9m"));
  EXPECT_THAT(short_form(world.ask("mc.a.example", type::mx).authority),
              UnorderedElementsAre("a.example. NS", "a.example. DS", "a.example. RRSIG(DS)"));
}

// What validators take for the closest encloser is the longest name above that has a record: its wildcard is denied, not that of a
// name which opt-out has left out (RFC 5155 section 8.4).
TEST_F(CarriedNsec3, ANameBelowOneThatOptOutHasLeftOutIsDenied) {
  EXPECT_THAT(proof("x.e.example", type::a, 3), UnorderedElementsAre("0p9m", "koha", "gjeq"));
  EXPECT_THAT(proof("e.example", type::a), UnorderedElementsAre("0p9m", "koha"));
}

TEST_F(CarriedNsec3, TheNamesOfDenialsAreNoNames) {
  EXPECT_EQ(world.ask("b4um86eghhds6nea196smvmlo4ors995.example", type::nsec3).rcode, 3);
  const auto real = world.ask("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example", type::a);
  EXPECT_THAT(short_form(real.answer),
              UnorderedElementsAre("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. A",
                                   "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. RRSIG(A)"));
}

std::string refusal(const std::string& text) {
  const TempFile file(text);
  model::Config config;
  config.zones.push_back({"example", file.path(), {}});
  const auto names = make_names(config);
  return names.ok() ? "" : names.error().message;
}

TEST(CarriedZone, WhatCannotDenyIsRefused) {
  EXPECT_THAT(refusal(signed_text(common_zone)),
              HasSubstr(":1:1: zone example.: comes signed, but has neither"));
  EXPECT_THAT(refusal(signed_text(std::string(common_zone) + "example. 3600 IN NSEC3PARAM 1 0 0 -\n")),
              HasSubstr("has no NSEC3 records that fit"));
  EXPECT_THAT(refusal(signed_text(std::string(common_zone) + "example. 3600 IN NSEC3PARAM 1 0 151 -\n")),
              HasSubstr("hashed 151 times more"));
  EXPECT_THAT(
      refusal(signed_text(std::string(common_zone) + nsec_zone + "xx.example. 3600 IN NSEC a.example. A\n")),
      HasSubstr("has a second NSEC record"));
  EXPECT_EQ(refusal(signed_text(std::string(common_zone) + nsec_zone)), "");
}

TEST(CarriedZone, GlueThatFitsIntoNoMessageIsRefused) {
  std::string zone = std::string(common_zone) + nsec_zone;
  for (int i = 0; i < 5000; ++i)
    zone += fmt::format("ns1.b.example. 3600 IN A 10.0.{}.{} ; not signed\n", i / 250, i % 250);
  EXPECT_THAT(refusal(signed_text(zone)), HasSubstr("b.example. has 5001 addresses of name servers (glue)"));
}

TEST(CarriedZone, DecidedNamesInItAreRefused) {
  const TempFile file(signed_text(std::string(common_zone) + nsec_zone));
  model::Config config = test_config();
  config.zones.push_back({"example", file.path(), {}});
  config.sites[0].hostnames.push_back(test_hostname("shop.example", model::Resolve::origin));
  const auto names = make_names(config);
  ASSERT_FALSE(names.ok());
  EXPECT_THAT(names.error().message, HasSubstr("its zone comes signed"));
}

}  // namespace
}  // namespace popnet::dns
