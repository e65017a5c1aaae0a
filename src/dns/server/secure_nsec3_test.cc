// Denials with NSEC3, judged by ldns (RFC 5155 section 8), and that nothing else depends on how is denied.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "dns/server/test_secure.h"
#include "dns/sign/nsec3.h"
#include "dns/zone/test_validator.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

namespace popnet::dns {
namespace {

/// ldns_dnssec_verify_denial_nsec3 of ldns 1.8 leaks the names that it puts together: not our leaks.
class LeaksOfLdns {
#ifdef __SANITIZE_ADDRESS__
  __lsan::ScopedDisabler disabler_;
#endif
 public:
  LeaksOfLdns() {}
};

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Hashed : public ::testing::Test {
 protected:
  const SignedWorld world{model::DnssecAlgorithm::ecdsa_p256, false, model::Denial::nsec3};
  TestValidator validator{[this](const std::string& zone) { return world.ask(zone, type::dnskey); },
                          SignedWorld::now()};

  /// What ldns thinks of the proof in the authority section.
  static std::string judge(const TestReply& reply, const Asked& asked) {
    ldns_pkt* raw = nullptr;
    if (ldns_wire2pkt(&raw, reply.bytes.data(), reply.bytes.size()) != LDNS_STATUS_OK) return "unreadable";
    const std::unique_ptr<ldns_pkt, void (*)(ldns_pkt*)> packet(raw, ldns_pkt_free);
    const RrList proofs(ldns_pkt_rr_list_by_type(raw, LDNS_RR_TYPE_NSEC3, LDNS_SECTION_AUTHORITY),
                        ldns_rr_list_deep_free);
    const RrList signatures(ldns_pkt_rr_list_by_type(raw, LDNS_RR_TYPE_RRSIG, LDNS_SECTION_AUTHORITY),
                            ldns_rr_list_deep_free);
    ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(raw), 0);
    const LeaksOfLdns allowed;
    const ldns_status status =
        ldns_dnssec_verify_denial_nsec3(question, proofs.get(), signatures.get(), ldns_pkt_get_rcode(raw),
                                        static_cast<ldns_rr_type>(asked.type), ldns_pkt_ancount(raw) == 0);
    return ldns_get_errorstr_by_id(status);
  }
  static size_t count(const TestReply& reply, std::string_view what) {
    size_t found = 0;
    for (const std::string& line : reply.authority) found += line.find(what) != line.npos;
    return found;
  }
};

// Where they are made for the query, too: the NSEC3 record of the name says that there are some.
TEST_F(Hashed, SignaturesAreAnsweredWhereThereAreSome) {
  const std::pair<const char*, const char*> of[] = {{"www.example.com", " IN RRSIG A 13 3 "},
                                                    {"www.shop.test", " IN RRSIG NS 13 3 "},
                                                    {"static.example.com", " 20 IN RRSIG A 13 3 "},
                                                    {"x.wild.example.com", " IN RRSIG A 13 4 "}};
  for (const auto& [name, signature] : of) {
    const TestReply reply = world.ask(name, type::rrsig);
    EXPECT_THAT(reply.answer, ElementsAre(HasSubstr(std::string(name) + "."))) << name;
    EXPECT_THAT(reply.answer.empty() ? "" : reply.answer[0], HasSubstr(signature));
    EXPECT_THAT(reply.authority, IsEmpty());
  }
  EXPECT_THAT(world.ask("deep.example.com", type::rrsig).answer, IsEmpty());
  EXPECT_THAT(world.ask_plainly("static.example.com", type::rrsig).answer, IsEmpty());
}

TEST_F(Hashed, NamesAreHashedAsOthersDo) {
  for (const char* text : {"example.com", "a.b.c.example.com", "*.example.com", "."}) {
    const Name name = parse_name(text).value();
    uint8_t room[64];
    ByteWriter out(room);
    sign::write_hash_label(out, sign::hash_for_nsec3(name.bytes()));
    ldns_rdf* owner = ldns_dname_new_frm_str(text);
    ldns_rdf* hash = ldns_nsec3_hash_name(owner, 1, 0, 0, nullptr);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(room), out.size()),
              std::string(reinterpret_cast<const char*>(ldns_rdf_data(hash)), 33));
    EXPECT_EQ(sign::read_hash_label(out.written()), sign::hash_for_nsec3(name.bytes()));
    ldns_rdf_deep_free(hash);
    const std::vector<uint8_t> salt = {0xaa, 0xbb, 0xcc};
    hash = ldns_nsec3_hash_name(owner, 1, 7, 3, salt.data());
    ByteWriter salted(room);
    sign::write_hash_label(salted, sign::hash_for_nsec3(name.bytes(), 7, salt));
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(room), salted.size()),
              std::string(reinterpret_cast<const char*>(ldns_rdf_data(hash)), 33));
    ldns_rdf_deep_free(hash);
    ldns_rdf_deep_free(owner);
  }
  EXPECT_FALSE(sign::read_hash_label(parse_name("www.example.com").value().bytes()));
  EXPECT_FALSE(sign::read_hash_label(parse_name("b4um86eghhds6nea196smvmlo4ors99z.example").value().bytes()));
  sign::NameHash last;
  last.fill(0xff);
  EXPECT_EQ(sign::hash_behind(last), sign::NameHash{});
  EXPECT_EQ(sign::hash_before(sign::NameHash{}), last);
}

TEST_F(Hashed, EverySetOfAnAnswerIsSigned) {
  for (const Asked& q : answered) {
    SCOPED_TRACE(fmt::format("{} {}", q.name, q.type));
    const auto reply = world.ask(q.name, q.type);
    EXPECT_EQ(reply.rcode, std::string_view(q.name) == "dangling.example.com" ? 3 : 0);
    EXPECT_THAT(reply.answer, Not(IsEmpty()));
    EXPECT_THAT(validator.unsigned_sets(reply), IsEmpty());
  }
  EXPECT_THAT(world.ask("example.com", type::nsec3param).answer,
              ::testing::Contains(HasSubstr("example.com. 0 IN NSEC3PARAM 1 0 0 -")));
}

TEST_F(Hashed, AMissingTypeIsDenied) {
  for (const Asked& q : no_such_type) {
    SCOPED_TRACE(fmt::format("{} {}", q.name, q.type));
    const auto reply = world.ask(q.name, q.type);
    EXPECT_EQ(reply.rcode, 0);
    EXPECT_EQ(judge(reply, q), "All OK");
    EXPECT_EQ(count(reply, " IN NSEC3 1 0 0 - "), 1U);
    EXPECT_THAT(validator.unsigned_sets(reply), IsEmpty());
  }
  EXPECT_EQ(count(world.ask("www.example.com", type::nsec), " IN NSEC3 "), 1U) << "there is no NSEC";
}

TEST_F(Hashed, AMissingNameIsDenied) {
  for (const Asked& q : no_such_name) {
    SCOPED_TRACE(q.name);
    const auto reply = world.ask(q.name, q.type);
    EXPECT_EQ(reply.rcode, 3);
    EXPECT_EQ(judge(reply, q), "All OK");
    EXPECT_EQ(count(reply, " IN NSEC3 1 0 0 - "), 3U);
    EXPECT_THAT(validator.unsigned_sets(reply), IsEmpty());
    EXPECT_EQ(world.ask_plainly(q.name, q.type).authority.size(), 1U);
  }
}

TEST_F(Hashed, ADelegationHasItsDsOrAProofOfNone) {
  const auto with = world.ask("www.sub.example.com", type::a);
  EXPECT_THAT(validator.unsigned_sets(with), ElementsAre("sub.example.com. 2"));
  EXPECT_EQ(count(with, " IN NSEC3 "), 0U);
  const auto without = world.ask("www.other.example.com", type::a);
  EXPECT_THAT(validator.unsigned_sets(without), ElementsAre("other.example.com. 2"));
  EXPECT_EQ(count(without, " IN NSEC3 1 0 0 - "), 1U);
  for (const std::string& line : without.authority)
    if (line.find(" IN NSEC3 ") != line.npos) {
      EXPECT_THAT(line, ::testing::EndsWith(" NS"));
    }
  EXPECT_THAT(without.additional, ::testing::Contains("ns.other.example.com. 300 IN A 192.0.2.56"));
}

// The network zone stands in example.com, whose file does not delegate it. Without NS, validators would see no cut there.
TEST(HashedCut, WhereAZoneOfOursBeginsIsACut) {
  model::Config config = SignedWorld::names();
  config.network.zone = "cdn.example.com";
  const SignedWorld world(model::DnssecAlgorithm::ecdsa_p256, false, model::Denial::nsec3, config);
  const auto reply = world.ask("cdn.example.com", type::ds);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_THAT(reply.authority,
              ::testing::Contains(::testing::AllOf(HasSubstr(".example.com. 60 IN NSEC3 1 0 0 - "),
                                                   ::testing::EndsWith(" NS"))));
}

TEST_F(Hashed, RandomNamesFindTheBudgetEmpty) {
  (void)world.ask("nowhere.example.com", type::a, 0, Transport::udp);
  while (world.view().signing->for_random.take()) {
  }
  EXPECT_EQ(world.ask("random1.example.com", type::a, 0, Transport::udp).flags, "qr aa tc rd");
  EXPECT_EQ(world.ask("nowhere.example.com", type::a, 0, Transport::udp).flags, "qr aa rd")
      << "from the cache";
  EXPECT_EQ(world.ask("www.example.com", type::aaaa, 0, Transport::udp).flags, "qr aa rd")
      << "a budget of its own";
}

}  // namespace
}  // namespace popnet::dns
