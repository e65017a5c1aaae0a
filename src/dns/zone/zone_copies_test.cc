// A copy comes back from the disk as it was, and tells how old it is.
#include "dns/zone/zone_copies.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dns/wire/protocol.h"
#include "dns/zone/master_file.h"

namespace popnet::dns {
namespace {

class ZoneCopiesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "popnet-copies-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<const Records> read(const std::string& text) {
    std::ofstream(folder_ + "/from") << text;
    auto records = std::make_shared<Records>(zone_, "test");
    Problems problems;
    EXPECT_TRUE(read_master_file(folder_ + "/from", *records, problems));
    EXPECT_THAT(problems.lines(), ::testing::IsEmpty());
    records->sort();
    return records;
  }
  static void expect_same(const Records& a, const Records& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].owner, b[i].owner);
      EXPECT_EQ(a[i].type, b[i].type);
      EXPECT_EQ(a[i].ttl, b[i].ttl);
      EXPECT_TRUE(std::ranges::equal(a[i].data, b[i].data)) << owner_name(a[i].owner).to_text() << a[i].type;
    }
  }

  const Name zone_ = parse_name("odd/name.test").value();
  std::string folder_;
};

constexpr const char* every_type = R"($TTL 300
@ SOA ns hostmaster 7 3600 600 1000 60
@ NS ns
@ MX 10 Mail
@ DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
a\.b\032\"\(\;\200 A 192.0.2.1
a AAAA 2001:db8::1
c CNAME Mixed.Case
d DNAME elsewhere.example.
t TXT "one" "two; with \"quotes\"" "" "\000\255"
s SRV 1 2 443 www
n NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:Info@example.com!" .
caa CAA 0 issue "ca.example.net"
h HTTPS 1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.80 ipv6hint=2001:db8::80
v SVCB 0 other.example.
ds DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
tlsa TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ssh SSHFP 4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
hinfo HINFO "a machine" "a system"
uri URI 10 1 "https://www.example.com/"
rp RP Somebody.example. txt.example.
empty TYPE65400 \# 0
odd TYPE65400 \# 3 010203
*.wild PTR x
)";

TEST_F(ZoneCopiesTest, EveryTypeComesBackFromTheDisk) {
  const auto records = read(every_type);
  const auto soa = read_soa_times(*records);
  ASSERT_TRUE(soa.has_value());
  EXPECT_EQ(soa->serial, 7U);
  EXPECT_EQ(soa->expire, 1000U);
  ZoneCopies(folder_ + "/new/folder").load(zone_);  // nothing there: nothing happens
  ZoneCopies before(folder_ + "/new/folder");
  before.put(zone_, {records, *soa, 5'000'000});
  ASSERT_TRUE(before.save(zone_).ok());

  ZoneCopies after(folder_ + "/new/folder");
  after.load(zone_);
  ASSERT_NE(after.find(zone_), nullptr);
  expect_same(*after.find(zone_)->records, *records);
  EXPECT_EQ(after.find(zone_)->confirmed, 5'000'000);
  EXPECT_EQ(after.good_at(5'000'999).size(), 1U);
  EXPECT_TRUE(after.good_at(5'001'000).empty()) << "expired";
  after.confirm(zone_, 6'000'000);
  ZoneCopies again(folder_ + "/new/folder");
  again.load(zone_);
  EXPECT_EQ(again.find(zone_)->confirmed, 6'000'000);
}

TEST_F(ZoneCopiesTest, WhatAnotherProcessIsWritingIsNotInTheWay) {
  const auto records = read(every_type);
  const std::string folder = folder_ + "/copies";
  ZoneCopies copies(folder);
  copies.put(zone_, {records, *read_soa_times(*records), 5'000'000});
  ASSERT_TRUE(copies.save(zone_).ok());
  const std::filesystem::path saved = std::filesystem::directory_iterator(folder)->path();
  std::filesystem::create_directory(saved.string() + ".new");  // nothing can be written there
  std::filesystem::create_directory(saved.string() + ".1");
  EXPECT_TRUE(copies.save(zone_).ok());
  std::filesystem::remove(saved);
  std::filesystem::create_directories(saved / "taken");
  EXPECT_FALSE(copies.save(zone_).ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()),
            3)
      << "what could not take its place is not left behind";
}

// The disk was full.
TEST_F(ZoneCopiesTest, WhatCouldNotBeSavedIsSavedWhenItIsConfirmed) {
  const std::string folder = folder_ + "/unsaved";
  const auto on_disk = [&] {
    ZoneCopies copies(folder);
    copies.load(zone_);
    const ZoneCopy* copy = copies.find(zone_);
    return copy == nullptr ? std::pair(0U, int64_t{0}) : std::pair(copy->soa.serial, copy->confirmed);
  };
  const auto version = [&](uint32_t serial, int64_t confirmed) {
    return ZoneCopy{read("@ 60 SOA . . " + std::to_string(serial) + " 1 1 1000 60\n@ 60 NS ns.invalid.\n"),
                    {serial, 1, 1, 1000},
                    confirmed};
  };
  ZoneCopies copies(folder);
  copies.put(zone_, version(1, 4'000));
  ASSERT_TRUE(copies.save(zone_).ok());
  const std::filesystem::path saved = std::filesystem::directory_iterator(folder)->path();
  const auto in_the_way = saved.string() + "." + std::to_string(getpid());
  std::filesystem::create_directories(in_the_way + "/taken");
  copies.put(zone_, version(2, 5'000));
  ASSERT_FALSE(copies.save(zone_).ok());
  copies.confirm(zone_, 5'500);
  EXPECT_EQ(on_disk(), std::pair(1U, int64_t{4'000})) << "that one is not confirmed";
  std::filesystem::remove_all(in_the_way);
  copies.confirm(zone_, 6'000);
  EXPECT_EQ(on_disk(), std::pair(2U, int64_t{6'000}));
}

TEST_F(ZoneCopiesTest, WhatAPrimaryConfirmsIsAsOldAsItsOwnConfirmation) {
  const SoaTimes soa{1, 60, 60, 1000};
  EXPECT_EQ(confirmed_at(5'000, soa, std::nullopt), 5'000) << "it does not say";
  EXPECT_EQ(confirmed_at(5'000, soa, 1000), 5'000) << "the first of all";
  EXPECT_EQ(confirmed_at(5'000, soa, 400), 4'400);
  EXPECT_EQ(confirmed_at(5'000, soa, 0), 4'000);
  EXPECT_EQ(confirmed_at(5'000, soa, 7000), 5'000) << "not longer than the zone itself says";
  ZoneCopies copies("");
  copies.put(zone_, {read(every_type), soa, 4'400});
  const Expiry expiry = copies.expiries().begin()->second;
  EXPECT_EQ(*expiry, 5'400);
  copies.confirm(zone_, 4'500);
  EXPECT_EQ(*expiry, 5'500) << "queries are told at once";
}

TEST_F(ZoneCopiesTest, NamesThatFilesCannotHaveGetFilesOfTheirOwn) {
  const std::string longest = std::string(63, 'x') + "." + std::string(63, 'y') + "." + std::string(63, 'z');
  const std::string names[] = {".", "root", "a/b", "a%2Fb", "a_b", "../x", longest + ".a", longest + ".b"};
  const auto copy_of = [](const Name& zone, uint8_t serial) {
    auto records = std::make_shared<Records>(zone, "a test");
    std::vector<uint8_t> soa(22);
    soa[5] = serial;
    records->add(zone, type::soa, 60, soa, {});
    records->sort();
    return ZoneCopy{records, *read_soa_times(*records), 1};
  };
  ZoneCopies before(folder_ + "/copies"), after(folder_ + "/copies");
  uint8_t serial = 0;
  for (const std::string& text : names) {
    const Name zone = text == "../x" ? *child_name(text, Name().bytes()) : *parse_name(text);
    before.put(zone, copy_of(zone, ++serial));
    ASSERT_TRUE(before.save(zone).ok()) << text;
  }
  serial = 0;
  for (const std::string& text : names) {
    const Name zone = text == "../x" ? *child_name(text, Name().bytes()) : *parse_name(text);
    after.load(zone);
    ASSERT_NE(after.find(zone), nullptr) << text;
    EXPECT_EQ(after.find(zone)->soa.serial, ++serial) << text;
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1)
      << "nothing beside the folder";
}

TEST_F(ZoneCopiesTest, ADamagedFileCountsAsNone) {
  const auto records = read(every_type);
  ZoneCopies before(folder_);
  before.put(zone_, {records, *read_soa_times(*records), 1});
  ASSERT_TRUE(before.save(zone_).ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    if (entry.path().extension() == ".zone")
      std::ofstream(entry.path(), std::ios::app) << "x IN TYPE1 \\# 9 01\n";
  ZoneCopies after(folder_);
  after.load(zone_);
  EXPECT_EQ(after.find(zone_), nullptr);
}

}  // namespace
}  // namespace popnet::dns
