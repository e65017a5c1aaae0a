// What an operator writes, and what popnet says about it. Answers are tested in dns/server/answer_test.cc.
#include "dns/zone/make_names.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "dns/wire/protocol.h"

namespace popnet::dns {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MakeNames : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "popnet-zones-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    config_.pops.resize(1);
    config_.pops[0].name = "ams";
    config_.pops[0].addresses = {IpAddress::v4(192, 0, 2, 1)};
    config_.network.ttl = std::chrono::seconds(60);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  void zone(const std::string& name, const std::string& text) {
    config_.zones.push_back({name, file(name == "." ? "root" : name, text), {}});
  }
  void hostname(const std::string& name) {
    if (config_.sites.empty()) config_.sites.emplace_back().name = "shop";
    auto& host = config_.sites[0].hostnames.emplace_back();
    host.name = name;
  }

  std::shared_ptr<const Names> made() {
    auto names = make_names(config_, &problems_);
    EXPECT_TRUE(names.ok()) << (names.ok() ? "" : names.error().message);
    return names.ok() ? *names : nullptr;
  }
  /// The problems, without the folder.
  std::vector<std::string> problems() {
    EXPECT_FALSE(make_names(config_, &problems_).ok());
    for (std::string& line : problems_)
      for (size_t at; (at = line.find(folder_ + "/")) != line.npos;) line.erase(at, folder_.size() + 1);
    return problems_;
  }

  std::string folder_;
  model::Config config_;
  std::vector<std::string> problems_;
};

constexpr const char* good = "@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns.example.net.\n";
Name name(std::string_view text) {
  return parse_name(text).value();
}

TEST_F(MakeNames, AConfigWithoutNamesServesNothing) {
  const auto names = made();
  EXPECT_EQ(names->find(name("example.com")).kind, MatchKind::not_ours);
  EXPECT_EQ(names->find(name(".")).kind, MatchKind::not_ours);
  EXPECT_EQ(names->name_count(), 0U);
}

TEST_F(MakeNames, FindsNodesEmptyNonTerminalsWildcardsAndCuts) {
  zone("example.com",
       std::string(good) +
           "a.b 60 IN A 192.0.2.7\n*.w 60 IN TXT x\nsub 60 IN NS ns.sub\nns.sub 60 IN A 192.0.2.8\n");
  const auto names = made();
  const auto kind = [&](const char* text) { return names->find(name(text)).kind; };
  EXPECT_EQ(kind("A.B.Example.COM"), MatchKind::exact);
  EXPECT_EQ(kind("b.example.com"), MatchKind::exact);
  EXPECT_EQ(names->find(name("b.example.com")).node.rrsets(), 0U);
  EXPECT_EQ(kind("c.example.com"), MatchKind::missing);
  EXPECT_EQ(kind("x.y.w.example.com"), MatchKind::wildcard);
  EXPECT_EQ(kind("sub.example.com"), MatchKind::delegation);
  EXPECT_EQ(kind("ns.sub.example.com"), MatchKind::delegation);
  EXPECT_EQ(kind("com"), MatchKind::not_ours);
  EXPECT_EQ(names->name_count(), 6U);  // apex, a.b, b, w, *.w, sub
}

TEST_F(MakeNames, TheRootZoneIsAZone) {
  zone(".",
       "@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.7\ncom 60 IN NS "
       "ns.com\nns.com 60 IN A 192.0.2.8\n");
  const auto names = made();
  EXPECT_EQ(names->find(name(".")).kind, MatchKind::exact);
  EXPECT_EQ(names->find(name("www.example.com")).kind, MatchKind::delegation);
  EXPECT_EQ(names->find(name("org")).kind, MatchKind::missing);
}

// The table must hold at any fill, and ancestors must be found from any depth.
TEST_F(MakeNames, ManyNamesAreAllFoundAndNoOthers) {
  std::string text = good;
  for (int i = 0; i < 3000; ++i) text += fmt::format("host{} 60 IN A 192.0.2.{}\n", i, i % 250);
  zone("example.com", text);
  const auto names = made();
  for (int i = 0; i < 3000; ++i) {
    const Match match = names->find(name(fmt::format("host{}.example.com", i)));
    ASSERT_EQ(match.kind, MatchKind::exact);
    EXPECT_EQ(match.node.find(type::a).bytes.back(), i % 250);
    EXPECT_EQ(names->find(name(fmt::format("other{}.a.b.c.example.com", i))).kind, MatchKind::missing);
  }
  EXPECT_LT(names->memory() / names->name_count(), 100U) << "bytes a name";
}

TEST_F(MakeNames, TtlOriginIncludeAndParenthesesOfMasterFiles) {
  file("hosts", "$ORIGIN in\nhost IN A 192.0.2.9\n");
  file("mail", "@ IN MX 5 mx\n");
  zone("example.com", std::string(good) +
                          "$TTL 77\n$INCLUDE hosts\n$INCLUDE \"mail\" post ; with an origin\nafter IN TXT ( "
                          "\"a\"\n  \"b\" )\n");
  const auto names = made();
  EXPECT_EQ(names->find(name("host.in.example.com")).kind, MatchKind::exact);
  EXPECT_EQ(names->find(name("post.example.com")).node.find(type::mx).records, 1U);
  const RRset txt = names->find(name("after.example.com")).node.find(type::txt);
  EXPECT_EQ(txt.bytes[9], 77);
}

TEST_F(MakeNames, EqualRecordsAreOne) {
  zone("example.com",
       std::string(good) + "www 60 IN A 192.0.2.7\nwww 60 IN A 192.0.2.7\nWWW 50 IN A 192.0.2.8\n");
  const auto names = made();
  const RRset set = names->find(name("www.example.com")).node.find(type::a);
  EXPECT_EQ(set.records, 2U);
  EXPECT_EQ(set.bytes[9], 50) << "of different TTLs the lowest serves all (RFC 2181 section 5.2)";
}

TEST_F(MakeNames, EveryWrongLineIsReportedWithItsPlace) {
  zone("example.com",
       "@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns.example.net.\n"
       "bad 60 IN A 300.1.2.3\n"
       "www.example.org. 60 IN A 192.0.2.1\n"
       "; a comment\n\n"
       "www 60 CH TXT x\n"
       "$INCLUDE nowhere.zone\n"
       "www 60 IN TXT \"open\n"
       "www 60 IN TXT ( open\n\n");
  EXPECT_THAT(
      problems(),
      ElementsAre(AllOf(HasSubstr("example.com:3:1: zone example.com.: "),
                        HasSubstr(", write one like www 300 IN A 192.0.2.1")),
                  "example.com:4:1: zone example.com.: www.example.org. is not in the zone, write a "
                  "name at or below example.com.",
                  "example.com:7:1: zone example.com.: only class IN is served, write IN",
                  "nowhere.zone:1:1: zone example.com.: cannot be read: No such file or directory, "
                  "write the path of a master file",
                  HasSubstr("example.com:9:1: zone example.com.: a quote or a parenthesis that opens"),
                  HasSubstr("example.com:10:1: zone example.com.: a quote or a parenthesis that")));
}

TEST_F(MakeNames, AnIncludeOfItselfEnds) {
  zone("example.com", std::string(good) + "$INCLUDE example.com\n");
  EXPECT_THAT(problems(), ::testing::Contains(HasSubstr(
                              "example.com:3:1: zone example.com.: $INCLUDE is nested more than 8 deep")));
}

TEST_F(MakeNames, AFileThatIsNotThereIsTheOnlyProblem) {
  config_.zones.push_back({"example.com", folder_ + "/missing", {}});
  EXPECT_THAT(problems(),
              ElementsAre(HasSubstr("missing:1:1: zone example.com.: cannot be read: No such file")));
  config_.zones[0].file = folder_;
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("cannot be read: Is a directory")));
}

TEST_F(MakeNames, AnApexNeedsOneSoaAndNs) {
  zone("empty.example", "");
  zone("nosoa.example", "@ 60 IN NS ns.example.net.\n");
  zone("nons.example", "@ 60 IN SOA ns hostmaster 1 2 3 4 5\n");
  zone("two.example", std::string(good) + "@ 60 IN SOA ns hostmaster 2 2 3 4 5\n");
  zone("below.example", std::string(good) + "x 60 IN SOA ns hostmaster 2 2 3 4 5\n");
  EXPECT_THAT(problems(),
              ::testing::UnorderedElementsAre(
                  "empty.example:1:1: zone empty.example.: has no records at its apex, write SOA and NS",
                  "nosoa.example:1:1: zone nosoa.example.: has no SOA record, write one at its apex",
                  "nons.example:1:1: zone nons.example.: has no NS record at its apex, write one",
                  "two.example:3:1: zone two.example.: has a second SOA record, write one only",
                  "below.example:3:1: zone below.example.: x.below.example. has a SOA record but is not the "
                  "zone's apex, remove it"));
}

TEST_F(MakeNames, ContradictionsAreRefused) {
  zone("example.com", std::string(good) +
                          "a 60 IN CNAME b\na 60 IN TXT x\n"
                          "c 60 IN CNAME d\nc 60 IN CNAME e\n"
                          "t 60 IN DNAME u\nx.t 60 IN A 192.0.2.1\n"
                          "*.w 60 IN NS ns.example.net.\n"
                          "sub 60 IN NS ns.sub\n");
  EXPECT_THAT(problems(),
              ::testing::UnorderedElementsAre(
                  HasSubstr("example.com:3:1: zone example.com.: a.example.com. has a CNAME beside other"),
                  HasSubstr("example.com:6:1: zone example.com.: c.example.com. has a second CNAME record"),
                  HasSubstr("example.com:8:1: zone example.com.: x.t.example.com. stands below the DNAME of "
                            "t.example.com."),
                  HasSubstr("example.com:9:1: zone example.com.: the wildcard *.w.example.com. has NS or"),
                  HasSubstr("example.com:10:1: zone example.com.: sub.example.com. is delegated to "
                            "ns.sub.example.com.")));
}

TEST_F(MakeNames, ADecidedHostnameMayNotHaveAddressesOrBeDelegated) {
  zone("example.com",
       std::string(good) +
           "www 60 IN A 192.0.2.1\nwww 60 IN TXT fine\nimg 60 IN CNAME x\nsub 60 IN NS n.example.\n");
  hostname("www.example.com");
  hostname("img.example.com");
  hostname("page.sub.example.com");
  EXPECT_THAT(
      problems(),
      ::testing::UnorderedElementsAre(
          "example.com:3:1: zone example.com.: the addresses of www.example.com. are decided query by query, "
          "remove this record",
          HasSubstr("example.com:5:1: zone example.com.: img.example.com. has a CNAME beside other records"),
          "site shop: hostname page.sub.example.com: zone example.com.: this hostname lies below a "
          "delegation "
          "of its zone, remove the NS records"));
}

TEST_F(MakeNames, AHostnameBelongsToOneSite) {
  hostname("www.shop.example");
  config_.sites.emplace_back().name = "other";
  config_.sites[1].hostnames = config_.sites[0].hostnames;
  EXPECT_THAT(
      problems(),
      ElementsAre("site other: hostname www.shop.example: is also site shop: hostname www.shop.example"));
}

TEST_F(MakeNames, HostnamesBelowOneAnotherShareAZone) {
  hostname("www.shop.example");
  hostname("shop.example");
  const auto names = made();
  EXPECT_EQ(names->zone_count(), 1U);
  EXPECT_EQ(names->find(name("www.shop.example")).node.decided(), 1U);
  EXPECT_TRUE(names->find(name("shop.example")).node.has(Node::apex));
}

TEST_F(MakeNames, TheMessageCountsTheRest) {
  zone("nosoa.example", "x 60 IN A 192.0.2.1\n@ 60 IN TXT x\n");
  const auto names = make_names(config_);
  ASSERT_FALSE(names.ok());
  EXPECT_EQ(names.error().code, ErrorCode::invalid);
  EXPECT_THAT(names.error().message, ::testing::EndsWith("(and 1 more)"));
}

}  // namespace
}  // namespace popnet::dns
