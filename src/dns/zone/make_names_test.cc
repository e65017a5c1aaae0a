// What an operator writes, and what popnet says about it. Answers are tested in dns/server/answer_test.cc.
#include "dns/zone/make_names.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "dns/wire/protocol.h"
#include "dns/zone/master_file.h"
#include "dns/zone/version.h"

namespace popnet::dns {
namespace {

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

/// As secondaries have them: else a difference takes from them what is still there, or what they do not have as it says.
TEST_F(MakeNames, SetsAreOneInTransfersToo) {
  zone("example.com",
       std::string(good) +
           "www 60 IN A 192.0.2.7\nwww 50 IN A 192.0.2.8\n@ 60 IN MX 10 Mail\n@ 60 IN MX 10 backup\n@ 60 IN "
           "MX "
           "10 mail\n@ 60 IN TXT a\n@ 60 IN TXT A\nalias 60 IN CNAME www\nalias 60 IN CNAME WWW\n");
  config_.zones[0].transfer.key = "some";
  ZoneHistory history;
  const auto names = make_names(config_, &problems_, nullptr, &history);
  ASSERT_TRUE(names.ok()) << problems_[0];
  const Records& records = (*names)->version(0)->records;
  std::map<uint16_t, size_t> counts;
  for (size_t i = 0; i < records.size(); ++i) {
    ++counts[records[i].type];
    if (records[i].type == type::a) {
      EXPECT_EQ(records[i].ttl, 50U);
    }
  }
  EXPECT_EQ(counts[type::a], 2U);
  EXPECT_EQ(counts[type::mx], 2U) << "names are equal in any case";
  EXPECT_EQ(counts[type::txt], 2U) << "text is not";
  EXPECT_EQ(counts[type::cname], 1U);
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
      ElementsAre("example.com:3:13: zone example.com.: A has the address 300.1.2.3, write an IPv4 address "
                  "like 192.0.2.1",
                  "example.com:4:1: zone example.com.: www.example.org. is not in the zone, write a "
                  "name at or below example.com.",
                  "example.com:7:8: zone example.com.: only class IN is served, write IN",
                  "example.com:8:10: zone example.com.: $INCLUDE: nowhere.zone cannot be read: No such file "
                  "or directory, write the path of a master file",
                  HasSubstr("example.com:9:1: zone example.com.: a quote or a parenthesis that opens"),
                  HasSubstr("example.com:10:1: zone example.com.: a quote or a parenthesis that")));
}

TEST_F(MakeNames, AnIncludeOfItselfEnds) {
  zone("example.com", std::string(good) + "$INCLUDE example.com\n");
  EXPECT_THAT(problems(), ::testing::Contains(HasSubstr(
                              "example.com:3:1: zone example.com.: $INCLUDE is nested more than 8 deep")));
}

TEST_F(MakeNames, FilesThatIncludeEachOtherManyTimesEnd) {
  std::string text = good;
  for (int i = 0; i < 20; ++i) text += "$INCLUDE example.com\n";
  zone("example.com", text);
  EXPECT_THAT(problems(),
              ::testing::Contains(HasSubstr("example.com:3:1: zone example.com.: $INCLUDE is nested")));
  std::string wide, narrow;
  for (int i = 0; i < 101; ++i) wide += "$INCLUDE narrow\n";
  for (int i = 0; i < 99; ++i) narrow += "$INCLUDE host\n";
  file("narrow", narrow);
  file("host", "www 60 IN A 192.0.2.1\n");
  config_.zones.clear();
  zone("example.com", std::string(good) + wide);
  EXPECT_THAT(
      problems(),
      ElementsAre(HasSubstr("example.com:103:1: zone example.com.: more than 10000 files are included")))
      << "reading ends there";
}

TEST_F(MakeNames, IncludedFilesAreBoundedInSize) {
  file("huge", "");
  std::filesystem::resize_file(folder_ + "/huge", include_bytes_max + 1);  // of nothing; it is not read
  zone("example.com", std::string(good) + "$INCLUDE huge\n$INCLUDE huge\n");
  EXPECT_THAT(
      problems(),
      ElementsAre("example.com:3:1: zone example.com.: with this file more than 1024 MiB are included, "
                  "write fewer or smaller ones"));
}

TEST_F(MakeNames, WhatAnIncludedFileSetsEndsWithIt) {
  file("sub", "$TTL 60\n$ORIGIN deep.example.com.\nin IN A 192.0.2.2\n");
  file("stated", "x 50 IN A 192.0.2.4\n");
  zone("example.com", "$TTL 77\n" + std::string(good) +
                          "$INCLUDE sub\nafter IN A 192.0.2.3\n$INCLUDE stated\nlast IN A 192.0.2.5\n");
  const auto names = made();
  const auto ttl_of = [&](const char* owner) { return names->find(name(owner)).node.find(type::a).ttl(); };
  EXPECT_EQ(ttl_of("in.deep.example.com"), 60U);
  EXPECT_EQ(ttl_of("after.example.com"), 77U);
  EXPECT_EQ(ttl_of("last.example.com"), 77U);
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

TEST_F(MakeNames, WhatLiesBelowADelegationIsCheckedToo) {
  zone("example.com", std::string(good) +
                          "sub 60 IN NS ns.example.net.\n"
                          "a.sub 60 IN SOA ns hostmaster 1 2 3 4 5\n"
                          "b.sub 60 IN CNAME x\nb.sub 60 IN TXT x\n"
                          "c.sub 60 IN DNAME x\nx.c.sub 60 IN A 192.0.2.1\n"
                          "d.sub 60 IN CNAME x\nd.sub 60 IN CNAME y\n"
                          "e.sub 60 IN DS 1 8 99 aa\n");
  EXPECT_THAT(
      problems(),
      ::testing::UnorderedElementsAre(
          HasSubstr("example.com:4:1: zone example.com.: a.sub.example.com. has a SOA record but is not"),
          HasSubstr("example.com:5:1: zone example.com.: b.sub.example.com. has a CNAME beside other"),
          HasSubstr("example.com:8:1: zone example.com.: x.c.sub.example.com. stands below the DNAME of"),
          HasSubstr("example.com:10:1: zone example.com.: d.sub.example.com. has a second CNAME"),
          HasSubstr("example.com:11:1: zone example.com.: e.sub.example.com. has a DS record but is no "
                    "delegation (RFC 4035 section 2.4), remove it")));
}

// As "popnet check" does, which has no keys.
TEST_F(MakeNames, WhatCannotBeSignedIsToldWithoutKeys) {
  zone("example.com",
       std::string(good) +
           "@ 60 IN RRSIG SOA 13 2 60 20300101000000 20200101000000 1 example.com. AAAA\n"
           "@ 60 IN NSEC @ SOA\n"
           "www 86401 IN A 192.0.2.1\nok 86400 IN A 192.0.2.1\nsub 86401 IN NS ns.example.net.\n");
  config_.zones[0].dnssec.enabled = true;
  config_.zones[0].dnssec.zone_ttl_max = std::chrono::hours(24);
  EXPECT_THAT(
      problems(),
      ::testing::UnorderedElementsAre(
          HasSubstr("example.com:3:1: zone example.com.: example.com. is signed already, remove RRSIG"),
          HasSubstr("example.com:4:1: zone example.com.: example.com. is signed already"),
          HasSubstr("example.com:5:1: zone example.com.: www.example.com. has a TTL of 86401 s, above the "
                    "zone's dnssec.zone_ttl_max of 86400 s, write less")));
}

constexpr const char* digest =
    "@ 60 IN ZONEMD 1 1 1 "
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
    "2d2e2f\n";

TEST_F(MakeNames, ADigestOfTheZoneIsServedWhereItCanBeRight) {
  zone("example.com", std::string(good) + digest);
  EXPECT_TRUE(made()->find(name("example.com")).node.find(type::zonemd));
  hostname("www.example.com");
  EXPECT_THAT(problems(),
              ElementsAre("example.com:3:1: zone example.com.: this ZONEMD record has the digest of a "
                          "zone without what popnet adds (decided hostnames), remove it"));
  config_.zones[0].dnssec.enabled = true;
  config_.zones[0].dnssec.zone_ttl_max = std::chrono::hours(24);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("what popnet adds (keys and signatures), remove it")));
}

TEST_F(MakeNames, ADigestThatAPrimarySendsIsLeftOutWhereItIsWrong) {
  zone("example.com", "");
  config_.zones[0].secondary.primaries = {{IpAddress::v4(192, 0, 2, 53), 53}};
  auto copy = std::make_shared<Records>(name("example.com"), "copy");
  Problems none;
  ASSERT_TRUE(read_master_file(file("copy", std::string(good) + digest), *copy, none));
  copy->sort();
  ZoneSources sources;
  sources.copies[owner_key(name("example.com").bytes())] = copy;
  const auto serves_it = [&] {
    const auto names = make_names(config_, &problems_, nullptr, nullptr, &sources).value();
    return bool{names->find(name("example.com")).node.find(type::zonemd)};
  };
  EXPECT_TRUE(serves_it());
  hostname("www.example.com");
  EXPECT_FALSE(serves_it());
}

TEST_F(MakeNames, ADsRecordBelongsToADelegation) {
  zone("example.com", std::string(good) +
                          "@ 60 IN DS 1 8 99 aa\nwww 60 IN DS 1 8 99 aa\nwww 60 IN A 192.0.2.1\n"
                          "sub 60 IN NS ns.example.net.\nsub 60 IN DS 1 8 99 aa\nown 60 IN DS 1 8 99 aa\n");
  zone("own.example.com", good);  // needs no NS records above
  EXPECT_THAT(
      problems(),
      ElementsAre(
          "example.com:3:1: zone example.com.: example.com. has a DS record but is the zone's apex: "
          "it belongs into the zone above (RFC 4035 section 2.4), remove it",
          HasSubstr("example.com:4:1: zone example.com.: www.example.com. has a DS record but is no")));
}

TEST_F(MakeNames, NameServersThatAreMadeUp) {
  zone("example.com",
       "@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns.address\n@ 60 IN NS ns.text\n@ 60 IN NS ns.alias\n"
       "@ 60 IN NS ns.dname\n@ 60 IN NS dname\n"
       "*.address 60 IN A 192.0.2.1\n*.text 60 IN TXT x\n*.alias 60 IN CNAME x\n"
       "dname 60 IN DNAME x\ndname 60 IN A 192.0.2.1\n"
       "sub 60 IN NS ns.dname\n");
  EXPECT_THAT(problems(),
              ::testing::UnorderedElementsAre(
                  HasSubstr("example.com:4:1: zone example.com.: the name server ns.alias.example.com. is an "
                            "alias (RFC 2181 section 10.3)"),
                  HasSubstr("example.com:5:1: zone example.com.: the name server ns.dname.example.com. is an "
                            "alias"),
                  HasSubstr("example.com:3:1: zone example.com.: the name server ns.text.example.com. has no "
                            "address in the zone"),
                  HasSubstr("example.com:12:1: zone example.com.: none of the name servers of "
                            "sub.example.com. can be found")));
}

TEST_F(MakeNames, NameServersMustBeFound) {
  zone("lost.example",
       "@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns\n@ 60 IN NS alias\n"
       "@ 60 IN NS ns.made\n@ 60 IN NS ns.x\nalias 60 IN CNAME ns\n*.made 60 IN A 192.0.2.1\n"
       "a 60 IN NS ns.b\nb 60 IN NS ns.c\nc 60 IN NS ns.a\n"                          // a circle
       "d 60 IN NS ns.a\n"                                                            // leads into it
       "e 60 IN NS ns.a\ne 60 IN NS ns.example.net.\n"                                // has a way out
       "f 60 IN NS ns.x\nx 60 IN NS ns.y\ny 60 IN NS ns.y\nns.y 60 IN A 192.0.2.2\n"  // leads on
       "g 60 IN NS nowhere\n");
  EXPECT_THAT(problems(), ::testing::UnorderedElementsAre(
                              HasSubstr("lost.example:2:1: zone lost.example.: the name server "
                                        "ns.lost.example. has no address in the zone"),
                              HasSubstr("lost.example:3:1: zone lost.example.: the name server "
                                        "alias.lost.example. is an alias (RFC 2181 section 10.3)"),
                              HasSubstr("lost.example:8:1: zone lost.example.: none of the name servers of "
                                        "a.lost.example. can be found"),
                              HasSubstr("lost.example:9:1: zone lost.example.: none of the name servers of "
                                        "b.lost.example. can be found"),
                              HasSubstr("lost.example:10:1: zone lost.example.: none of the name servers of "
                                        "c.lost.example. can be found"),
                              HasSubstr("lost.example:11:1: zone lost.example.: none of the name servers of "
                                        "d.lost.example. can be found"),
                              HasSubstr("lost.example:18:1: zone lost.example.: none of the name servers of "
                                        "g.lost.example. can be found")));
}

TEST_F(MakeNames, WrongDirectivesAndTypesAreReported) {
  zone("example.com",
       std::string(good) +
           "$TTL soon\n$ORIGIN a b\n$ORIGIN x..y\n$INCLUDE\n$INCLUDE a b c\n$GENERATE 1-2 a A 1\n"
           "a 60 IN OPT x\nb 60 IN TYPE250 \\# 0\nc 60 IN TYPE65400 \\# 3 0102\n"
           "d 60 IN A 192.0.2.1 192.0.2.2\ne 60 IN NONSENSE x\n" +
           std::string(64, 'x') + " 60 IN A 192.0.2.1\nf 60 IN HTTPS 1 . ipv4hint=2001:db8::1\n");
  ASSERT_EQ(problems().size(), 13U) << ::testing::PrintToString(problems_);
  for (size_t i = 0; i < problems_.size(); ++i)
    EXPECT_THAT(problems_[i], ::testing::StartsWith(fmt::format("example.com:{}:", i + 3)));
  EXPECT_THAT(problems_[0], HasSubstr("$TTL wants a length of time"));
  EXPECT_THAT(problems_[3], HasSubstr("$INCLUDE wants a file"));
  EXPECT_THAT(problems_[5], HasSubstr("$GENERATE is not known"));
}

TEST_F(MakeNames, SignaturesOfOthersAreNotServedWithoutDenials) {
  zone("example.com",
       std::string(good) + "@ 60 IN RRSIG SOA 13 2 60 20300101000000 20200101000000 1 example.com. AAAA\n");
  EXPECT_THAT(problems(),
              ::testing::UnorderedElementsAre(HasSubstr(
                  "example.com:1:1: zone example.com.: comes signed, but has neither an NSEC nor")));
}

TEST_F(MakeNames, ACnameMayNotStandAtTheApex) {
  zone("example.com", std::string(good) + "@ 60 IN CNAME www.example.net.\n");
  EXPECT_THAT(
      problems(),
      ElementsAre(HasSubstr("example.com:3:1: zone example.com.: example.com. has a CNAME beside other")));
}

TEST_F(MakeNames, DataOfEverySizeUpToAMessage) {
  std::string text = good;
  std::string strings;
  for (int i = 0; i < 200; ++i) strings += " \"" + std::string(255, 'x') + "\"";
  text += "one 60 IN TXT" + strings + "\n";
  for (int i = 0; i < 200; ++i) text += fmt::format("many 60 IN TXT \"{:0250}\"\n", i);
  text += "none 60 IN TXT \"\"\n";
  zone("example.com", text);
  const auto names = made();
  EXPECT_EQ(names->find(name("one.example.com")).node.find(type::txt).bytes.size(), 200U * 256 + 12);
  EXPECT_EQ(names->find(name("many.example.com")).node.find(type::txt).records, 200U);
  EXPECT_EQ(names->find(name("none.example.com")).node.find(type::txt).bytes.back(), 0U);
  config_.zones.clear();
  for (int i = 0; i < 100; ++i) text += fmt::format("many 60 IN TXT \"more {:0250}\"\n", i);
  zone("example.com", text);
  EXPECT_THAT(problems(),
              ElementsAre(HasSubstr(
                  "bytes, of which 61439 fit into a message beside question, signatures and EDNS")));
}

// RFC 3597 section 5: of a type that is known, data written as unknown is the same.
TEST_F(MakeNames, UnknownTypesAndUnknownWritingOfKnownTypes) {
  zone("example.com",
       std::string(good) +
           "a 60 IN TYPE1 \\# 4 c0000207\na 60 IN A 192.0.2.7\nb 60 CLASS1 TYPE65400 \\# ( 2\n 01 02 )\n"
           "c 60 IN TYPE65400 \\# 0\n");
  const auto names = made();
  EXPECT_EQ(names->find(name("a.example.com")).node.find(type::a).records, 1U);
  EXPECT_EQ(names->find(name("b.example.com")).node.find(65400).bytes.size(), 14U);
  EXPECT_EQ(names->find(name("c.example.com")).node.find(65400).bytes.size(), 12U);
}

TEST_F(MakeNames, ACopyTakesThePlaceOfAFile) {
  zone("example.com", "");
  config_.zones[0].secondary.primaries = {{IpAddress::v4(192, 0, 2, 53), 53}};
  hostname("www.example.com");
  hostname("new.example.com");
  const auto none = made();
  EXPECT_TRUE(none->find(name("example.com")).node.has(Node::unavailable));
  EXPECT_TRUE(none->find(name("www.example.com")).node.has(Node::unavailable));
  EXPECT_EQ(none->zone_name(0).size(), 13U);

  const std::string text =
      std::string(good) +
      "www 60 IN A 192.0.2.1\nwww 60 IN TXT stays\nnew 60 IN CNAME www\nold 60 IN A 192.0.2.2\n";
  auto copy = std::make_shared<Records>(name("example.com"), "copy");
  Problems problems;
  ASSERT_TRUE(read_master_file(file("copy", text), *copy, problems));
  copy->sort();
  ZoneSources sources;
  sources.copies[owner_key(name("example.com").bytes())] = copy;
  const auto names = make_names(config_, &problems_, nullptr, nullptr, &sources).value();
  const Node www = names->find(name("www.example.com")).node;
  EXPECT_EQ(www.decided(), 1U) << "decided names take the place of addresses";
  EXPECT_FALSE(www.find(type::a));
  EXPECT_TRUE(www.find(type::txt));
  EXPECT_EQ(names->find(name("new.example.com")).node.decided(), 0U) << "and of aliases";
  EXPECT_TRUE(names->find(name("old.example.com")).node.find(type::a));
}

TEST_F(MakeNames, FilesAreReadOnceWhileTheirRecordsAreKept) {
  zone("example.com", std::string(good) + "www 60 IN A 192.0.2.1\n");
  ZoneSources sources;
  sources.keep_files = true;
  ASSERT_TRUE(make_names(config_, nullptr, nullptr, nullptr, &sources).ok());
  file("example.com", "broken");
  const auto again = make_names(config_, nullptr, nullptr, nullptr, &sources);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE((*again)->find(name("www.example.com")).node.find(type::a));
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
          "sites.0.hostnames.2.name: site shop: hostname page.sub.example.com: zone example.com.: this "
          "hostname lies below a "
          "delegation "
          "of its zone, remove the NS records"));
}

TEST_F(MakeNames, AHostnameBelongsToOneSite) {
  hostname("www.shop.example");
  config_.sites.emplace_back().name = "other";
  config_.sites[1].hostnames = config_.sites[0].hostnames;
  EXPECT_THAT(problems(), ElementsAre("sites.1.hostnames.0.name: site other: hostname www.shop.example: is "
                                      "also site shop: hostname www.shop.example"));
}

TEST_F(MakeNames, HostnamesBelowOneAnotherShareAZone) {
  hostname("www.shop.example");
  hostname("shop.example");
  const auto names = made();
  EXPECT_EQ(names->zone_count(), 1U);
  EXPECT_EQ(names->find(name("www.shop.example")).node.decided(), 1U);
  EXPECT_TRUE(names->find(name("shop.example")).node.has(Node::apex));
}

TEST_F(MakeNames, ACopyOfTheRootTakesNoHostnamesIn) {
  zone(".", std::string(good) + "ns.example.net. 60 IN A 192.0.2.1\nexample. 60 IN NS ns.example.net.\n");
  hostname("www.shop.example");
  hostname("www.shop.missing");
  const auto names = made();
  EXPECT_EQ(names->zone_count(), 3U);
  for (const char* host : {"www.shop.example", "www.shop.missing"}) {
    EXPECT_TRUE(names->find(name(host)).node.has(Node::apex)) << host;
    EXPECT_NE(names->find(name(host)).node.decided(), Node::not_decided) << host;
    EXPECT_EQ(to_text(names->zone_name(names->find(name(std::string("x.") + host)).node.zone())),
              std::string(host) + ".");
  }
  EXPECT_EQ(names->find(name("shop.example")).kind, MatchKind::delegation);
  EXPECT_EQ(names->find(name("nothing.missing")).kind, MatchKind::missing);
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
