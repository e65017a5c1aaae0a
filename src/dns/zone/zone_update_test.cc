// Transfers as primaries send them: RFC 5936 section 2.2, RFC 1995 section 4 and 7.
#include "dns/zone/zone_update.h"

#include <gmock/gmock.h>

#include "dns/wire/protocol.h"
#include "dns/zone/master_file.h"

namespace popnet::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = ZoneUpdate::State;

const Name zone = parse_name("example.com").value();

WireRecord soa(uint8_t serial) {
  std::vector<uint8_t> data(2 + 20);  // both names are the root
  data[5] = serial;
  return {zone, type::soa, class_in, 60, data};
}
WireRecord a(std::string_view owner, uint8_t last) {
  return {parse_name(owner).value(), type::a, class_in, 60, {192, 0, 2, last}};
}

std::vector<std::string> shown(const Records& records) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < records.size(); ++i)
    lines.push_back(owner_name(records[i].owner).to_text() + " " +
                    (records[i].type == type::soa ? "SOA" + std::to_string(records[i].data[5])
                                                  : std::to_string(records[i].data.back())));
  return lines;
}

State take_all(ZoneUpdate& update, const std::vector<WireRecord>& records) {
  State state = State::more;
  for (const WireRecord& record : records) {
    EXPECT_EQ(state, State::more);
    state = update.take(record);
  }
  return state;
}

std::shared_ptr<const Records> version_one() {
  ZoneUpdate update(zone, std::nullopt, "test");
  EXPECT_EQ(take_all(update, {soa(1), a("a.example.com", 1), a("b.example.com", 2), soa(1)}),
            State::complete);
  return update.apply(nullptr).value();
}

TEST(ZoneUpdate, AWholeZoneStandsBetweenTwoSoas) {
  EXPECT_THAT(shown(*version_one()),
              ElementsAre("example.com. SOA1", "a.example.com. 1", "b.example.com. 2"));
}

TEST(ZoneUpdate, AUselessDigestIsToldAndKept) {
  WireRecord ds = a("ds.example.com", 1);
  ds.type = type::ds;
  ds.data = {0, 1, 8, 2, 0xaa};
  ZoneUpdate update(zone, std::nullopt, "test");
  EXPECT_EQ(take_all(update, {soa(1), a("a.example.com", 1), ds, soa(1)}), State::complete);
  EXPECT_EQ(update.doubt(), "ds.example.com.: the digest of DS has 1 bytes, write the 32 that type 2 makes");
  EXPECT_EQ(update.apply(nullptr).value()->size(), 3U);
}

TEST(ZoneUpdate, DifferencesOfSeveralVersionsAreOneChange) {
  ZoneUpdate update(zone, 1, "test");
  EXPECT_EQ(take_all(update, {soa(3), soa(1), a("a.example.com", 1), soa(2), a("c.example.com", 3),
                              a("d.example.com", 4), soa(2), a("d.example.com", 4), soa(3),
                              a("a.example.com", 1), soa(3)}),
            State::complete);
  EXPECT_TRUE(update.incremental());
  EXPECT_THAT(shown(*update.apply(version_one().get()).value()),
              ElementsAre("example.com. SOA3", "a.example.com. 1", "b.example.com. 2", "c.example.com. 3"));
}

TEST(ZoneUpdate, AWholeZoneMayAnswerTheQuestionForDifferences) {
  ZoneUpdate update(zone, 1, "test");
  EXPECT_EQ(take_all(update, {soa(2), a("z.example.com", 9), soa(2)}), State::complete);
  EXPECT_FALSE(update.incremental());
  EXPECT_THAT(shown(*update.apply(version_one().get()).value()),
              ElementsAre("example.com. SOA2", "z.example.com. 9"));
}

TEST(ZoneUpdate, ALoneSoaOfNoLaterVersionSaysThatNothingChanged) {
  ZoneUpdate same(zone, 7, "test");
  EXPECT_EQ(same.take(soa(7)), State::more);
  EXPECT_EQ(same.end_of_message(), State::unchanged);
  ZoneUpdate one_record_a_message(zone, 7, "test");
  EXPECT_EQ(one_record_a_message.take(soa(8)), State::more);
  EXPECT_EQ(one_record_a_message.end_of_message(), State::more)
      << "RFC 5936 section 2.2: any number a message";
}

TEST(ZoneUpdate, DifferencesToSomethingElseAreNotApplied) {
  ZoneUpdate update(zone, 1, "test");
  EXPECT_EQ(take_all(update, {soa(2), soa(1), a("nowhere.example.com", 1), soa(2), soa(2)}), State::complete);
  const auto result = update.apply(version_one().get());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message, "1 records that it takes away are not there");
}

TEST(ZoneUpdate, WhatIsNoZoneIsBroken) {
  const auto problem_of = [](std::optional<uint32_t> have, const std::vector<WireRecord>& records) {
    ZoneUpdate update(zone, have, "test");
    EXPECT_EQ(take_all(update, records), State::broken);
    return update.problem();
  };
  EXPECT_THAT(problem_of(std::nullopt, {a("a.example.com", 1)}), HasSubstr("does not begin with"));
  EXPECT_THAT(problem_of(std::nullopt, {soa(1), a("a.example.org", 1)}),
              "a.example.org. is not in the zone example.com.");
  EXPECT_THAT(problem_of(std::nullopt, {soa(1), a("a.example.com", 1), soa(2)}),
              HasSubstr("ends with another SOA"));
  EXPECT_THAT(problem_of(std::nullopt, {soa(3), soa(1)}), HasSubstr("differences from version 1"));
  EXPECT_THAT(problem_of(1, {soa(5), soa(2)}), HasSubstr("differences from version 2"));
  EXPECT_THAT(problem_of(1, {soa(5), soa(1), soa(2), soa(4)}),
              HasSubstr("go on from version 4, but had come to 2"));
  WireRecord chaos = a("a.example.com", 1);
  chaos.rr_class = 3;
  EXPECT_THAT(problem_of(std::nullopt, {soa(1), chaos}), HasSubstr("only IN is served"));
  WireRecord meta = a("a.example.com", 1);
  meta.type = type::tsig;
  EXPECT_THAT(problem_of(std::nullopt, {soa(1), meta}), HasSubstr("no type of data"));
  WireRecord bare = soa(1);
  bare.data.resize(3);
  EXPECT_THAT(problem_of(std::nullopt, {bare}), HasSubstr("too short"));
}

TEST(ReadRecord, NamesAreDecompressedAndSizesMustFit) {
  std::vector<uint8_t> message(12);
  const auto put = [&](std::initializer_list<int> bytes) {
    for (const int b : bytes) message.push_back(static_cast<uint8_t>(b));
  };
  put({1, 'a', 0});                                                        // at 12
  put({0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 9, 0, 6, 0, 5, 1, 'M', 0xc0, 12});  // a. MX 5 M.a.
  size_t at = 15;
  WireRecord record;
  ASSERT_TRUE(read_record(message, at, record));
  EXPECT_EQ(at, message.size());
  EXPECT_EQ(record.owner.to_text(), "a.");
  EXPECT_THAT(record.data, ElementsAre(0, 5, 1, 'M', 1, 'a', 0));
  for (const int size : {3, 5}) {
    const size_t begin = message.size();
    put({0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, size, 1, 2, 3, 4, 5});
    message.resize(begin + 12 + static_cast<size_t>(size));
    at = begin;
    EXPECT_FALSE(read_record(message, at, record)) << "an address of " << size << " bytes";
  }
}

/// The record behind a header and "a.", or nothing.
std::optional<WireRecord> record_of(const std::vector<int>& bytes) {
  std::vector<uint8_t> message(12);
  for (const int b : {1, int{'a'}, 0}) message.push_back(static_cast<uint8_t>(b));  // at 12
  for (const int b : bytes) message.push_back(static_cast<uint8_t>(b));
  size_t at = 15;
  WireRecord record;
  if (!read_record(message, at, record)) return std::nullopt;
  EXPECT_EQ(at, message.size());
  return record;
}

TEST(ReadRecord, NamesAmongOtherFields) {
  const auto soa = record_of({0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 9, 0, 26, 0xc0, 12, 1, 'M', 0xc0, 12, 0,
                              0,    0,  1, 0, 0, 0, 2, 0, 0, 0, 3, 0,  0,    0,  4, 0,   0,    0,  5});
  ASSERT_TRUE(soa.has_value());
  EXPECT_EQ(soa->data, (std::vector<uint8_t>{1, 'a', 0, 1, 'M', 1, 'a', 0, 0, 0, 0, 1, 0, 0,
                                             0, 2,   0, 0, 0,   3, 0,   0, 0, 4, 0, 0, 0, 5}));
  const auto naptr =
      record_of({0xc0, 12, 0, 35, 0, 1, 0, 0, 0, 9, 0, 11, 0, 1, 0, 2, 1, 'U', 0, 1, '!', 0xc0, 12});
  ASSERT_TRUE(naptr.has_value());
  EXPECT_THAT(naptr->data, ElementsAre(0, 1, 0, 2, 1, 'U', 0, 1, '!', 1, 'a', 0));
  const auto sink = record_of(
      {0xc0, 12, 0, 40, 0, 1, 0, 0, 0, 9, 0, 4, 8, 0, 2, 99});  // ldns 1.8 reads its first byte alone
  ASSERT_TRUE(sink.has_value());
  EXPECT_THAT(sink->data, ElementsAre(8, 0, 2, 99));
  const auto unknown = record_of({0xc0, 12, 0xff, 0x78, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12});
  ASSERT_TRUE(unknown.has_value());
  EXPECT_THAT(unknown->data, ElementsAre(0xc0, 12)) << "RFC 3597 section 4";
}

TEST(ReadRecord, PointersOnlyLeadBack) {
  EXPECT_FALSE(record_of({0xc0, 15, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4})) << "to itself";
  EXPECT_FALSE(record_of({0xc0, 20, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4})) << "forward";
  EXPECT_FALSE(record_of({0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 9, 0, 4, 1, 'b', 0xc0, 27})) << "round and round";
  EXPECT_FALSE(record_of({0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 9, 0, 1, 0xc0})) << "half of one";
  EXPECT_FALSE(record_of({0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 9, 0, 2, 0x41, 0})) << "a label of 65 bytes";
  EXPECT_FALSE(record_of({0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 9, 0, 3, 5, 'b', 'c'})) << "a label that is cut";
  EXPECT_FALSE(record_of({0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 9, 0, 3, 0xc0, 12, 0})) << "a byte too many";
  EXPECT_FALSE(record_of({0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 9, 0, 3, 0xc0, 12})) << "the message ends";
  std::vector<int> longest = {0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 9, 0, 0};
  for (int i = 0; i < 4; ++i) {
    longest.push_back(62);
    longest.insert(longest.end(), 62, 'x');
  }
  longest.insert(longest.end(), {0xc0, 12});  // 4 x 63 bytes, and 3 of "a."
  longest[11] = static_cast<int>(longest.size() - 12);
  EXPECT_TRUE(record_of(longest)) << "255 bytes";
  longest.insert(longest.end() - 2, {1, 'y'});
  longest[10] = 1;  // 256 bytes
  longest[11] = 0;
  EXPECT_FALSE(record_of(longest));
}

// RFC 2181 section 8; a zone file, as copies on disk are, may not have such a TTL.
TEST(ReadRecord, ATtlAboveTheHighestIsNone) {
  for (const int first_byte : {0x7f, 0x80, 0xff}) {
    std::vector<uint8_t> message(12);
    for (const int b : {0, 0, 1, 0, 1, first_byte, 0xff, 0xff, 0xff, 0, 4, 192, 0, 2, 1})
      message.push_back(static_cast<uint8_t>(b));
    size_t at = 12;
    WireRecord record;
    ASSERT_TRUE(read_record(message, at, record));
    EXPECT_EQ(record.ttl, first_byte == 0x7f ? 0x7fffffffU : 0U);
  }
}

TEST(IsWhole, SignaturesAndDenialsHaveWhatOurCodeReads) {
  const std::vector<uint8_t> rrsig = {0, 1, 13, 1, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 1, 0, 7, 1, 'a', 0, 's'};
  const std::vector<uint8_t> nsec = {1, 'a', 0, 0, 1, 0x40};
  const std::vector<uint8_t> nsec3 = {1, 0, 0, 0, 1, 0xaa, 2, 1, 2, 0, 1, 0x40};
  const std::vector<uint8_t> nsec3param = {1, 0, 0, 0, 1, 0xaa};
  const auto shortest = [](uint16_t type, const std::vector<uint8_t>& data) {
    size_t size = data.size();
    while (size > 0 && is_whole(type, std::span(data).first(size - 1))) --size;
    return size;
  };
  EXPECT_EQ(shortest(type::rrsig, rrsig), rrsig.size());
  EXPECT_EQ(shortest(type::nsec, nsec), nsec.size());
  EXPECT_FALSE(is_whole(type::nsec, std::span(nsec).first(3))) << "no bit map is none";
  EXPECT_EQ(shortest(type::nsec3, nsec3), nsec3.size());
  EXPECT_TRUE(is_whole(type::nsec3, std::span(nsec3).first(9))) << "no bit map is one, too";
  EXPECT_EQ(shortest(type::nsec3param, nsec3param), nsec3param.size());
  EXPECT_FALSE(is_whole(type::nsec3param, std::vector<uint8_t>{1, 0, 0, 0, 1, 0xaa, 0xbb}));
}

}  // namespace
}  // namespace popnet::dns
