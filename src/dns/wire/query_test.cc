#include "dns/wire/query.h"

#include <gmock/gmock.h>

#include "dns/wire/test_query.h"

namespace popnet::dns {
namespace {

Verdict verdict(std::span<const uint8_t> message) {
  Query query;
  return parse_query(message, query);
}
Query parsed(std::span<const uint8_t> message) {
  Query query;
  EXPECT_EQ(parse_query(message, query), Verdict::fine);
  return query;
}
TestQuery www() {
  return TestQuery("www.example.com", type::a);
}

TEST(Query, AnOrdinaryQuestionIsRead) {
  const Query query = parsed(TestQuery("wWw.eXample.com", type::aaaa));
  EXPECT_EQ(query.id, 0x1234);
  EXPECT_EQ(query.name.to_text(), "www.example.com.");
  EXPECT_EQ(query.type, type::aaaa);
  EXPECT_EQ(query.qclass, class_in);
  EXPECT_EQ(query.question_size, 17 + 4);
  EXPECT_FALSE(query.edns);
  EXPECT_EQ(query.udp_size, 512);
}

TEST(Query, WhatCouldMakeAReplyLoopIsDropped) {
  EXPECT_EQ(verdict(www().set_flags(flag::qr)), Verdict::drop);
  EXPECT_EQ(verdict(www().cut_to(11)), Verdict::drop);
  EXPECT_EQ(verdict({}), Verdict::drop);
}

// RFC 8906 section 3.1.4: whatever follows the header.
TEST(Query, OtherOpcodesAreNotImplemented) {
  EXPECT_EQ(verdict(www().set_flags(15 << 11)), Verdict::notimp);
  EXPECT_EQ(verdict(www().set_flags(5 << 11).cut_to(12)), Verdict::notimp);
}

TEST(Query, ExactlyOneQuestion) {
  EXPECT_EQ(verdict(www().set_word(4, 0)), Verdict::formerr);
  EXPECT_EQ(verdict(www().set_word(4, 2)), Verdict::formerr);
  EXPECT_EQ(verdict(www().cut_to(12)), Verdict::formerr);
}

TEST(Query, EveryCutMessageIsAFormatError) {
  const auto whole = www().edns().subnet("192.0.2.0/24").bytes();
  for (size_t size = header_size; size < whole.size(); ++size)
    EXPECT_EQ(verdict(std::span(whole).first(size)), Verdict::formerr) << size;
  EXPECT_EQ(verdict(whole), Verdict::fine);
}

TEST(Query, BytesBehindTheMessageAreAFormatError) {
  EXPECT_EQ(verdict(www().byte(0)), Verdict::formerr);
}

TEST(Query, TheQuestionMayNotBeCompressed) {
  EXPECT_EQ(verdict(TestQuery("a", type::a).set_word(12, 0xc00c)), Verdict::formerr);
}

// Over-long counts must end with the message, not with the counter.
TEST(Query, CountsThatPromiseMoreThanThereIsAreAFormatError) {
  for (const size_t count : {6, 8, 10}) EXPECT_EQ(verdict(www().set_word(count, 0xffff)), Verdict::formerr);
}

TEST(Query, RecordsInOtherSectionsAreSkipped) {
  auto ixfr = TestQuery("example.com", type::ixfr)
                  .set_word(8, 1);  // RFC 1995: the client's SOA in the authority section
  ixfr.words({0xc00c, type::soa, class_in, 0, 0, 22}).byte(0).byte(0).words({0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(verdict(ixfr), Verdict::fine);
}

/// Adds a TSIG record of the root's name, with an algorithm's name of a letter and a MAC of two bytes.
TestQuery& add_tsig(TestQuery& query, uint16_t rr_class = class_any, uint16_t ttl = 0,
                    uint16_t mac_size = 2) {
  query.set_word(10, static_cast<uint16_t>(query.bytes()[11] + 1));
  query.byte(0).words({type::tsig, rr_class, 0, ttl, 21}).byte(1).byte('x').byte(0);
  return query.words({0, 0, 1, 300, mac_size, 0xabcd, 0x1234, 0, 0});
}

TEST(Tsig, ItsPlaceIsTold) {
  auto query = www().edns();
  const size_t size = query.bytes().size();
  EXPECT_EQ(parsed(add_tsig(query)).tsig_offset, size);
  EXPECT_TRUE(parsed(query).edns);
}

// RFC 8945 section 5.2: FORMERR, and no TSIG goes with that.
TEST(Tsig, MalformedMisplacedOrDoubledItIsAFormatError) {
  const auto refused = [](const TestQuery& query) {
    Query read;
    return parse_query(query, read) == Verdict::formerr && read.tsig_offset == 0;
  };
  auto twice = www(), before_opt = www(), other_class = www(), with_ttl = www(), long_mac = www(),
       short_mac = www();
  EXPECT_TRUE(refused(add_tsig(add_tsig(twice))));
  EXPECT_TRUE(refused(add_tsig(before_opt).edns()));
  EXPECT_TRUE(refused(add_tsig(other_class, class_in)));
  EXPECT_TRUE(refused(add_tsig(with_ttl, class_any, 1)));
  EXPECT_TRUE(refused(add_tsig(long_mac, class_any, 0, 3)));
  EXPECT_TRUE(refused(add_tsig(short_mac, class_any, 0, 1)));
  auto three_bytes = www().set_word(10, 1);
  EXPECT_TRUE(refused(three_bytes.byte(0).words({type::tsig, class_any, 0, 0, 3}).byte(1).byte('x').byte(0)));
  auto pointer = www().set_word(10, 1);  // to itself
  EXPECT_TRUE(refused(
      pointer.words({static_cast<uint16_t>(0xc000 | pointer.bytes().size()), type::tsig, class_any, 0, 0, 3})
          .byte(1)
          .byte('x')
          .byte(0)));
  for (const size_t section : {6, 8}) {
    auto misplaced = www();
    add_tsig(misplaced);
    EXPECT_TRUE(refused(misplaced.set_word(10, 0).set_word(section, 1)));
  }
}

// RFC 1996 section 3.7: the question is the zone, the answer section may have its SOA.
TEST(Query, ANotifyIsReadLikeAQuery) {
  auto notify =
      TestQuery("example.com", type::soa).set_word(2, opcode_notify << 11 | flag::aa).set_word(6, 1);
  notify.words({0xc00c, type::soa, class_in, 0, 0, 22}).byte(0).byte(0).words({0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
  Query query;
  EXPECT_EQ(parse_query(notify, query), Verdict::notify);
  EXPECT_EQ(query.name.to_text(), "example.com.");
  EXPECT_EQ(verdict(TestQuery("a", type::soa).set_word(2, opcode_notify << 11).byte(0)), Verdict::formerr);
  EXPECT_EQ(verdict(TestQuery("a", type::soa).set_word(2, 5 << 11)), Verdict::notimp) << "UPDATE";
}

// RFC 6891 section 6.1.1, whatever the opcode.
TEST(Edns, IsSeenBesideAnUnknownOpcode) {
  const auto unknown = [](TestQuery query) {
    Query read;
    EXPECT_EQ(parse_query(query.set_word(2, 5 << 11), read), Verdict::notimp);
    EXPECT_EQ(read.question_size, 0);
    return read;
  };
  EXPECT_EQ(unknown(www().edns(4096)).udp_size, 4096);
  EXPECT_TRUE(unknown(www().edns(4096)).edns);
  EXPECT_TRUE(unknown(www().edns(4096, 1)).edns) << "of a later version";
  EXPECT_FALSE(unknown(www()).edns);
  EXPECT_FALSE(unknown(www().edns().byte(0)).edns) << "not to be read";
  EXPECT_FALSE(unknown(www().edns().edns()).edns);
}

TEST(Edns, UdpSizeAndFlags) {
  const Query query = parsed(www().edns(4096, 0, 0x8000));
  EXPECT_TRUE(query.edns);
  EXPECT_TRUE(query.dnssec_ok);
  EXPECT_EQ(query.udp_size, 4096);
  EXPECT_FALSE(parsed(www().edns(4096, 0, 0x7fff)).dnssec_ok);
}

// RFC 6891 section 6.2.3: values lower than 512 MUST be treated as equal to 512.
TEST(Edns, UdpSizesBelow512CountAs512) {
  EXPECT_EQ(parsed(www().edns(100)).udp_size, 512);
}

// RFC 6891 section 6.1.1: more than one OPT record MUST be answered with FORMERR.
TEST(Edns, OneOptOnlyAtTheRootName) {
  EXPECT_EQ(verdict(www().edns().edns()), Verdict::formerr);
  auto named = www().set_word(10, 1).byte(1).byte('x').byte(0).words({type::opt, 512, 0, 0, 0});
  EXPECT_EQ(verdict(named), Verdict::formerr);
}

TEST(Edns, LaterVersionsAreBadversWhateverTheirOptionsLookLike) {
  EXPECT_EQ(verdict(www().edns(1232, 1)), Verdict::badvers);
  EXPECT_EQ(verdict(www().edns(1232, 1).option(edns::subnet, {9})), Verdict::badvers);
}

TEST(Edns, UnknownOptionsAreIgnored) {
  EXPECT_EQ(parsed(www().edns().option(65001, {1, 2, 3}).subnet("192.0.2.0/24")).subnet.source_length, 24);
}

TEST(Edns, OptionsMayNotRunOutOfTheirRecord) {
  auto query = www().edns().set_word(10, 2);
  query.words({65001, 100});                    // an option of 100 bytes
  query.set_word(query.bytes().size() - 6, 4);  // in a record of 4
  query.byte(0).words({type::txt, class_in, 0, 0, 110});
  for (int i = 0; i < 110; ++i) query.byte(0);
  EXPECT_EQ(verdict(query), Verdict::formerr);
}

TEST(ClientSubnet, BothFamiliesAndTheEmptyOne) {
  auto message = www().edns().subnet("192.0.2.0/23");
  Query query = parsed(message);
  EXPECT_EQ(query.subnet.source_length, 23);
  EXPECT_EQ(subnet_address(message, query.subnet).to_string(), "192.0.2.0");

  message = www().edns().subnet("2001:db8:1200::/40");
  query = parsed(message);
  EXPECT_EQ(query.subnet.source_length, 40);
  EXPECT_EQ(subnet_address(message, query.subnet).to_string(), "2001:db8:1200::");

  query = parsed(www().edns().option(edns::subnet, {0, 0, 0, 0}));  // "tell nobody about me"
  EXPECT_EQ(query.subnet.family, 0);
  EXPECT_EQ(query.subnet.size, 4);
}

TEST(ClientSubnet, Ipv4MayComeAsIpv6) {
  const auto with = [](uint8_t length, std::vector<uint8_t> address) {
    std::vector<uint8_t> data = {0, 2, length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    data.insert(data.end(), address.begin(), address.end());
    return www().edns().option(edns::subnet, data);
  };
  const auto message = with(120, {192, 0, 2});
  const Query query = parsed(message);
  EXPECT_EQ(subnet_address(message, query.subnet).to_string(), "192.0.2.0");
  EXPECT_EQ(query.subnet.length(), 24);
  EXPECT_EQ(parsed(with(96, {})).subnet.length(), 0);
  EXPECT_EQ(verdict(with(95, {})), Verdict::formerr) << "a bit set behind the length";
  EXPECT_EQ(parsed(www().edns().subnet("2001:db8:1200::/40")).subnet.length(), 40);
}

// RFC 7871 sections 6 and 7.1.2.
TEST(ClientSubnet, WhatBreaksTheRulesIsAFormatError) {
  const auto with = [](const std::vector<uint8_t>& data) {
    return verdict(www().edns().option(edns::subnet, data));
  };
  EXPECT_EQ(with({0, 1, 24, 0, 192, 0, 2}), Verdict::fine);
  EXPECT_EQ(with({}), Verdict::formerr);
  EXPECT_EQ(with({0, 1, 24}), Verdict::formerr);
  EXPECT_EQ(with({0, 1, 24, 24, 192, 0, 2}), Verdict::formerr) << "a scope in a query";
  EXPECT_EQ(with({0, 1, 24, 0, 192, 0, 2, 0}), Verdict::formerr) << "more address than the length says";
  EXPECT_EQ(with({0, 1, 24, 0, 192, 0}), Verdict::formerr) << "less address than the length says";
  EXPECT_EQ(with({0, 1, 33, 0, 192, 0, 2, 0, 0}), Verdict::formerr) << "longer than an IPv4 address";
  EXPECT_EQ(with({0, 2, 129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), Verdict::formerr);
  EXPECT_EQ(with({0, 1, 23, 0, 192, 0, 3}), Verdict::formerr) << "a bit set behind the length";
  EXPECT_EQ(with({0, 3, 0, 0}), Verdict::formerr) << "no such family";
  EXPECT_EQ(with({0, 0, 8, 0, 1}), Verdict::formerr) << "no family has no address";
  EXPECT_EQ(verdict(www().edns().subnet("192.0.2.0/24").subnet("192.0.2.0/24")), Verdict::formerr);
}

}  // namespace
}  // namespace popnet::dns
