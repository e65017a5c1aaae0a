// Which names of a zone are in its chain, what its copy signs, and that ldns believes all of it.
#include "dns/zone/signed_copy.h"

#include <gmock/gmock.h>
#include <ldns/ldns.h>

#include <map>
#include <set>

#include "dns/sign/nsec3.h"
#include "dns/wire/protocol.h"
#include "dns/zone/version.h"

namespace popnet::dns {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr sign::Seconds now = 1'700'000'000;
constexpr uint32_t ttl = 300, negative_ttl = 60;
const std::vector<uint8_t> address = {192, 0, 2, 1}, text = {1, 'x'}, digest = {0, 1, 13, 2, 9};

Name full(const std::string& name) {
  return *parse_name(name.empty() ? "zone.test" : name + ".zone.test");
}
std::vector<uint8_t> bytes_of(const Name& name) {
  return {name.bytes().begin(), name.bytes().end()};
}
std::vector<sign::Key> one_key() {
  sign::Times times;
  times.created = times.publish = times.activate = now - 10;
  return {sign::Key(*sign::Secret::generate(sign::Algorithm::ecdsa_p256), sign::Role::csk, times)};
}

/// A link of the chain: to where, and the types at its name.
struct Link {
  std::string next;
  std::set<uint16_t> types;
  bool operator==(const Link&) const = default;
};

std::set<uint16_t> read_types(std::span<const uint8_t> map) {
  std::set<uint16_t> types;
  for (ByteReader in(map); in.left() > 0;) {
    const unsigned window = in.u8();
    const auto bits = in.take(in.u8());
    for (size_t i = 0; i < bits.size() * 8; ++i)
      if ((bits[i / 8] & 0x80 >> i % 8) != 0) types.insert(static_cast<uint16_t>(window << 8 | i));
  }
  return types;
}

class CopyTest : public ::testing::Test {
 protected:
  CopyTest() {
    std::vector<uint8_t> soa = {0, 0};
    for (const uint32_t v : {7U, 3600U, 600U, 604800U, negative_ttl})
      for (const int shift : {24, 16, 8, 0}) soa.push_back(static_cast<uint8_t>(v >> shift));
    add("", type::soa, soa);
    add("", type::ns, bytes_of(full("ns")));
    add("", type::dnskey, keys_[0].dnskey);
    add("ns", type::a, address);
  }
  void add(const std::string& name, uint16_t type, std::span<const uint8_t> data, uint32_t of_ttl = ttl) {
    records_.add(full(name), type, of_ttl, data, {});
  }
  void mark(const std::string& name, uint16_t type) { add(name, type, index_data(0)); }
  /// What the tests have in common.
  void add_odd_names() {
    add("b", type::a, address), add("aaa", type::a, address);  // by canonical order aaa is first, by sizes b
    add("x.y.empty", type::txt, text);
    add("*.wild", type::a, address);
    add("secure", type::ns, bytes_of(full("ns.secure"))), add("secure", type::ds, digest);
    add("plain", type::ns, bytes_of(full("ns.plain"))), add("plain", type::a, address);
    add("ns.plain", type::a, address), add("ns.secure", type::a, address);
    add("deep.below.plain", type::txt, text);
    add("tree", type::dname, bytes_of(full("ns"))), add("under.tree", type::a, address);
    mark("nested", type_zone_begins);
    mark("only", type_decided), mark("beside", type_decided), add("beside", type::txt, text);
  }
  const SignedCopy& make(model::Denial denial, bool with_decided = false) {
    records_.sort();
    signer_ = std::make_shared<sign::ZoneSigner>(full(""), keys_, now, 14 * 86400, 3600, denial);
    copy_.emplace(sign_copy(records_, *signer_, store_, now, with_decided));
    return *copy_;
  }
  /// Of a copy with NSEC, in canonical order.
  std::vector<std::pair<std::string, Link>> names_chain() {
    std::vector<std::pair<std::string, Link>> chain;
    std::map<std::string, Link> links;
    for (size_t i = 0; i < copy_->records.size(); ++i) {
      const Record r = copy_->records[i];
      if (r.type != type::nsec) continue;
      EXPECT_EQ(r.ttl, negative_ttl);
      const size_t size = measure_name(r.data).size;
      links[owner_name(r.owner).to_text()] = {to_text(r.data.first(size)), read_types(r.data.subspan(size))};
    }
    std::string at = "zone.test.";
    for (size_t i = 0; i < links.size(); ++i, at = chain.back().second.next)
      chain.emplace_back(at, links[at]);
    EXPECT_EQ(at, "zone.test.") << "it is a circle";
    return chain;
  }
  /// What has signatures, as "name type".
  std::set<std::string> signed_sets() {
    std::set<std::string> found;
    for (size_t i = 0; i < copy_->records.size(); ++i)
      if (const Record r = copy_->records[i]; r.type == type::rrsig)
        found.insert(owner_name(r.owner).to_text() + " " + std::to_string(r.data[0] << 8 | r.data[1]));
    return found;
  }
  void verify_all();

  std::vector<sign::Key> keys_ = one_key();
  Records records_{full(""), "test"};
  sign::SignatureStore store_;
  std::shared_ptr<sign::ZoneSigner> signer_;
  std::optional<SignedCopy> copy_;
};

using RrList = std::unique_ptr<ldns_rr_list, void (*)(ldns_rr_list*)>;

ldns_rr* as_rr(const Record& record) {
  std::vector<uint8_t> room(name_size_max + 10 + record.data.size());
  ByteWriter out(room);
  out.bytes(owner_name(record.owner).bytes());
  out.u16(record.type), out.u16(class_in), out.u32(record.ttl);
  out.u16(static_cast<uint16_t>(record.data.size())), out.bytes(record.data);
  ldns_rr* rr = nullptr;
  size_t position = 0;
  EXPECT_EQ(ldns_wire2rr(&rr, room.data(), out.size(), &position, LDNS_SECTION_ANSWER), LDNS_STATUS_OK);
  return rr;
}

/// Each signature, with the set that it covers.
void CopyTest::verify_all() {
  const auto list = [] { return RrList(ldns_rr_list_new(), ldns_rr_list_deep_free); };
  const RrList keys = list();
  std::map<std::string, RrList> sets;
  const Records& all = copy_->records;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].type == type::dnskey) ldns_rr_list_push_rr(keys.get(), as_rr(all[i]));
    auto& set =
        sets.try_emplace(std::string(all[i].owner) + std::to_string(all[i].type), list()).first->second;
    if (all[i].type != type::rrsig) ldns_rr_list_push_rr(set.get(), as_rr(all[i]));
  }
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].type != type::rrsig) continue;
    const RrList one = list(), good(ldns_rr_list_new(), ldns_rr_list_free);
    ldns_rr_list_push_rr(one.get(), as_rr(all[i]));
    const auto covered = std::to_string(all[i].data[0] << 8 | all[i].data[1]);
    const auto set = sets.find(std::string(all[i].owner) + covered);
    ASSERT_NE(set, sets.end());
    EXPECT_EQ(ldns_verify_time(set->second.get(), one.get(), keys.get(), now, good.get()), LDNS_STATUS_OK)
        << owner_name(all[i].owner).to_text() << " " << covered;
    EXPECT_EQ(all[i].ttl, ldns_rr_ttl(ldns_rr_list_rr(set->second.get(), 0)));
  }
}

TEST_F(CopyTest, TheChainHasWhatIsOursInCanonicalOrder) {
  add_odd_names();
  make(model::Denial::compact);
  std::vector<std::string> names;
  std::map<std::string, std::set<uint16_t>> types;
  for (const auto& [name, link] : names_chain()) {
    names.push_back(name);
    types[name] = link.types;
  }
  EXPECT_THAT(names, ElementsAre("zone.test.", "aaa.zone.test.", "b.zone.test.", "beside.zone.test.",
                                 "x.y.empty.zone.test.", "ns.zone.test.", "plain.zone.test.",
                                 "secure.zone.test.", "tree.zone.test.", "*.wild.zone.test."));
  EXPECT_THAT(types["zone.test."], ElementsAre(type::ns, type::soa, type::rrsig, type::nsec, type::dnskey));
  EXPECT_THAT(types["plain.zone.test."], ElementsAre(type::ns, type::rrsig, type::nsec))
      << "no address: that is glue";
  EXPECT_THAT(types["secure.zone.test."], ElementsAre(type::ns, type::ds, type::rrsig, type::nsec));
  EXPECT_THAT(types["tree.zone.test."], ElementsAre(type::dname, type::rrsig, type::nsec));
  EXPECT_THAT(types["beside.zone.test."], ElementsAre(type::txt, type::rrsig, type::nsec));
  EXPECT_THAT(copy_->decided, IsEmpty());
  verify_all();
}

TEST_F(CopyTest, SignsWhatIsOurs) {
  add_odd_names();
  make(model::Denial::compact);
  std::set<std::string> static_sets;
  for (const std::string& set : signed_sets())
    if (!set.ends_with(" " + std::to_string(type::nsec))) static_sets.insert(set);
  EXPECT_THAT(static_sets,
              ElementsAre("*.wild.zone.test. 1", "aaa.zone.test. 1", "b.zone.test. 1", "beside.zone.test. 16",
                          "ns.zone.test. 1", "secure.zone.test. 43", "tree.zone.test. 39",
                          "x.y.empty.zone.test. 16", "zone.test. 2", "zone.test. 48", "zone.test. 6"));
  std::set<std::string> sent;
  for (size_t i = 0; i < copy_->records.size(); ++i)
    sent.insert(owner_name(copy_->records[i].owner).to_text());
  for (const char* also : {"ns.plain.zone.test.", "deep.below.plain.zone.test.", "under.tree.zone.test."})
    EXPECT_THAT(sent, Contains(also)) << "goes along";
  for (const char* marked : {"nested.zone.test.", "only.zone.test."})
    EXPECT_THAT(sent, Not(Contains(marked)));
}

TEST_F(CopyTest, ASetHasOneTtlAndItsSignaturesToo) {
  const uint8_t other[] = {192, 0, 2, 2};
  add("b", type::a, address, 600), add("b", type::a, other, 120);
  make(model::Denial::compact);
  verify_all();
  std::vector<uint32_t> ttls;
  for (size_t i = 0; i < copy_->records.size(); ++i)
    if (const Record r = copy_->records[i]; r.type == type::a && owner_name(r.owner) == full("b"))
      ttls.push_back(r.ttl);
  EXPECT_THAT(ttls, ElementsAre(120U, 120U));
}

TEST_F(CopyTest, HashesHaveEmptyNamesAndUnsignedDelegations) {
  add_odd_names();
  add("", type::nsec3param, sign::nsec3_parameters, 0);
  make(model::Denial::nsec3);
  const std::map<std::string, std::set<uint16_t>> expected = {
      {"", {type::ns, type::soa, type::rrsig, type::dnskey, type::nsec3param}},
      {"aaa", {type::a, type::rrsig}},
      {"b", {type::a, type::rrsig}},
      {"beside", {type::txt, type::rrsig}},
      {"empty", {}},
      {"y.empty", {}},
      {"x.y.empty", {type::txt, type::rrsig}},
      {"ns", {type::a, type::rrsig}},
      {"plain", {type::ns}},
      {"secure", {type::ns, type::ds, type::rrsig}},
      {"tree", {type::dname, type::rrsig}},
      {"wild", {}},
      {"*.wild", {type::a, type::rrsig}},
  };
  std::map<sign::NameHash, std::set<uint16_t>> by_hash;
  for (const auto& [name, types] : expected) by_hash[sign::hash_for_nsec3(full(name).bytes())] = types;
  std::map<sign::NameHash, std::pair<sign::NameHash, std::set<uint16_t>>> found;
  for (size_t i = 0; i < copy_->records.size(); ++i) {
    const Record r = copy_->records[i];
    if (r.type != type::nsec3) continue;
    sign::NameHash next;
    std::copy_n(r.data.begin() + 6, next.size(), next.begin());
    found[*sign::read_hash_label(owner_name(r.owner).bytes())] = {next, read_types(r.data.subspan(26))};
  }
  ASSERT_EQ(found.size(), by_hash.size());
  for (auto at = by_hash.begin(); at != by_hash.end(); ++at) {
    const auto next = std::next(at) == by_hash.end() ? by_hash.begin() : std::next(at);
    ASSERT_TRUE(found.contains(at->first));
    EXPECT_EQ(found[at->first].first, next->first);
    EXPECT_EQ(found[at->first].second, at->second);
  }
  verify_all();
}

TEST_F(CopyTest, DecidedNamesHaveAPlaceInTheChain) {
  add_odd_names();
  for (const auto denial : {model::Denial::compact, model::Denial::nsec3}) {
    make(denial, true);
    ASSERT_THAT(copy_->decided, SizeIs(2));
    std::map<std::string, DecidedOwner> by_name;
    for (const DecidedOwner& owner : copy_->decided) by_name.emplace(owner.name.to_text(), owner);
    const DecidedOwner& beside = by_name.at("beside.zone.test.");
    const auto types_of = [&](const std::vector<uint16_t>& types, bool has_signatures) {
      const auto data = denial_data(beside.head, types, denial, has_signatures);
      return read_types(std::span(data).subspan(beside.head.size()));
    };
    EXPECT_THAT(beside.types, ElementsAre(type::txt));
    EXPECT_THAT(by_name.at("only.zone.test.").types, IsEmpty());
    EXPECT_EQ(beside.denial_ttl, negative_ttl);
    if (denial == model::Denial::compact) {
      EXPECT_EQ(beside.denial.to_text(), "beside.zone.test.");
      EXPECT_EQ(to_text(beside.head), "x.y.empty.zone.test.");
      EXPECT_THAT(types_of({type::a}, true), ElementsAre(type::a, type::rrsig, type::nsec));
      EXPECT_THAT(types_of({}, false), ElementsAre(type::rrsig, type::nsec));
    } else {
      EXPECT_EQ(sign::read_hash_label(beside.denial.bytes()), sign::hash_for_nsec3(full("beside").bytes()));
      EXPECT_THAT(types_of({type::a}, true), ElementsAre(type::a, type::rrsig));
      EXPECT_THAT(types_of({}, false), IsEmpty());
    }
  }
}

TEST_F(CopyTest, SignaturesAreMadeOnce) {
  add_odd_names();
  make(model::Denial::nsec3);
  const size_t made = store_.size();
  const Records before = copy_->records;
  make(model::Denial::nsec3);
  EXPECT_EQ(store_.size(), made);
  ASSERT_EQ(copy_->records.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_TRUE(std::ranges::equal(copy_->records[i].data, before[i].data)) << i;
}

}  // namespace
}  // namespace popnet::dns
