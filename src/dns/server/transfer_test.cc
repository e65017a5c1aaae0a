// Copies of a zone that popnet signs and decides names in, message by message.
#include "dns/server/transfer.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "dns/server/policy.h"
#include "dns/server/test_world.h"
#include "dns/zone/test_validator.h"

namespace popnet::dns {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

constexpr sign::Seconds now = 1'700'000'000;
constexpr const char* zone =
    "$TTL 300\n@ SOA ns1 hostmaster 7 3600 600 604800 60\n@ NS ns1\nns1 A 192.0.2.53\nh1 TXT \"beside\"\n";

class SignedTransfer : public ::testing::TestWithParam<model::Denial> {
 protected:
  SignedTransfer() : file_(zone) {
    std::string folder = (std::filesystem::temp_directory_path() / "popnet-keys-XXXXXX").string();
    folder_ = mkdtemp(folder.data());
    model::Config config = test_config();
    config.sites[0].origins.resize(2);
    config.sites[0].origins[1].endpoint.address = IpAddress::parse("2001:db8::7").value();
    config.sites[0].hostnames.clear();
    for (int i = 0; i < hosts; ++i)
      config.sites[0].hostnames.push_back(
          test_hostname("h" + std::to_string(i) + ".zone.test", model::Resolve::origin));
    config.sites[0].hostnames[3].https_alpn = {"h2"};
    model::Zone& served = config.zones.emplace_back();
    served.name = "zone.test";
    served.file = file_.path();
    served.transfer.to = {Prefix::parse("192.0.2.0/24").value()};
    served.transfer.decided = true;
    served.dnssec.enabled = true;
    served.dnssec.denial = GetParam();
    served.dnssec.validity = std::chrono::hours(24 * 14);
    served.dnssec.dnskey_ttl = served.dnssec.zone_ttl_max = std::chrono::hours(24);
    keeper_ = std::make_unique<sign::KeyKeeper>(folder_, true);
    keeper_->begin(now);
    auto shared = std::make_shared<model::Config>(std::move(config));
    view_.names = make_names(*shared, nullptr, keeper_.get(), &history_).value();
    view_.snapshot = test_snapshot(shared);
    view_.signing = std::make_shared<sign::Online>(1000);
    view_.policy = make_policy(*shared, 1, 1);
    view_.now = now;
  }
  ~SignedTransfer() { std::filesystem::remove_all(folder_); }

  /// The messages, and for each whether what follows it should wait.
  std::vector<std::pair<TestReply, bool>> fetch(const TestQuery& asked, const char* from = "192.0.2.53") {
    std::vector<std::pair<TestReply, bool>> messages;
    Query query;
    parse_query(asked, query);
    Transfer transfer(view_, asked, query, {IpAddress::parse(from).value(), Transport::tcp}, now);
    std::vector<uint8_t> room(message_size_max);
    while (transfer.admitted() && !transfer.done()) {
      const size_t size = transfer.next(room, now);
      messages.emplace_back(TestReply::read(std::span(room).first(size)), transfer.was_costly());
      EXPECT_TRUE(messages.back().first.readable);
    }
    return messages;
  }
  /// From a secondary that has this version.
  static TestQuery ixfr(uint16_t version) {
    TestQuery query("zone.test", type::ixfr);
    query.set_word(8, 1);
    query.words({pointer_to_question, type::soa, class_in, 0, 0, 2 + 20})
        .words({0, 0, version, 0, 0, 0, 0, 0, 0, 0, 0});
    return query;
  }
  static constexpr int hosts = 20;
  static constexpr uint16_t serial = 8;  // the file's, and one for the first keys

  TempFile file_;
  std::string folder_;
  std::unique_ptr<sign::KeyKeeper> keeper_;
  ZoneHistory history_;
  View view_;
};
INSTANTIATE_TEST_SUITE_P(Denials, SignedTransfer,
                         ::testing::Values(model::Denial::compact, model::Denial::nsec3));

TEST_P(SignedTransfer, ADecidedNameIsSignedAndFewAreSignedAtOnce) {
  const auto messages = fetch(TestQuery("zone.test", type::axfr));
  ASSERT_THAT(messages, SizeIs(AllOf(Ge(3U), Le(5U))));
  std::set<std::string> all;
  TestValidator validator(
      [&](const std::string&) {
        TestReply keys;
        for (const auto& [reply, costly] : messages)
          keys.answer.insert(keys.answer.end(), reply.answer.begin(), reply.answer.end());
        return keys;
      },
      now);
  for (const auto& [reply, costly] : messages) {
    std::set<std::string> decided;
    for (const std::string& line : reply.answer) {
      all.insert(line);
      if (line.find(" IN A 198.51.100.1") != line.npos) decided.insert(line.substr(0, line.find(' ')));
    }
    EXPECT_LE(decided.size(), 8U);
    EXPECT_EQ(costly, !decided.empty());
    std::vector<std::string> without_signature = validator.unsigned_sets(reply);
    std::erase(without_signature, "zone.test. 6");  // it ends with the SOA alone
    EXPECT_THAT(without_signature, IsEmpty());
  }
  size_t v6 = 0, denials = 0;
  for (const std::string& line : all) {
    v6 += line.find(" IN AAAA 2001:db8::7") != line.npos ? 1 : 0;
    denials += line.find(" IN NSEC") != line.npos && line.find("NSEC3PARAM  ") == line.npos ? 1 : 0;
  }
  EXPECT_EQ(v6, hosts);
  EXPECT_EQ(
      std::ranges::count_if(
          all, [](const std::string& line) { return line.starts_with("h3.zone.test. 20 IN HTTPS 1 . "); }),
      1);
  const size_t nsec3param = GetParam() == model::Denial::nsec3 ? 1 : 0;
  EXPECT_EQ(denials, hosts + 2 + nsec3param) << "of the apex and ns1, too";
}

// RFC 7314 section 3.2.
TEST_P(SignedTransfer, TellsTheAgeOfTheZoneToWhoAsks) {
  const auto told = [&](TestQuery query) { return fetch(query).at(0).first.edns_options; };
  const std::vector<uint8_t> expire = {0, edns::expire, 0, 4, 0, 0x09, 0x3a, 0x80};  // 604800
  EXPECT_EQ(told(TestQuery("zone.test", type::axfr).edns().option(edns::expire, {})), expire);
  EXPECT_EQ(told(ixfr(serial).edns().option(edns::expire, {})), expire);
  EXPECT_THAT(told(TestQuery("zone.test", type::axfr).edns()), IsEmpty());
}

TEST_P(SignedTransfer, SignaturesAreMadeOnce) {
  fetch(TestQuery("zone.test", type::axfr));
  const uint64_t made = view_.signing->made;
  EXPECT_EQ(made, 3U * hosts + 1);
  fetch(TestQuery("zone.test", type::axfr));
  EXPECT_EQ(view_.signing->made, made);
}

TEST_P(SignedTransfer, WhoHasAnotherVersionGetsAllOfIt) {
  const auto all = [](const auto& messages) {
    size_t records = 0;
    for (const auto& [reply, costly] : messages) records += reply.answer.size();
    return records;
  };
  EXPECT_EQ(all(fetch(ixfr(serial))), 1U) << "it is the newest";
  EXPECT_EQ(all(fetch(ixfr(serial - 1))), all(fetch(TestQuery("zone.test", type::axfr))));
  EXPECT_THAT(fetch(TestQuery("zone.test", type::axfr), "198.51.100.1"), IsEmpty());
}

}  // namespace
}  // namespace popnet::dns
