#include "dns/wire/reply.h"

#include <gmock/gmock.h>

#include "dns/wire/compress.h"
#include "dns/wire/test_query.h"

namespace popnet::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

struct Made {
  std::vector<uint8_t> bytes;
  [[nodiscard]] uint16_t word(size_t at) const {
    return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
  }
  [[nodiscard]] std::vector<uint8_t> from(size_t at) const {
    return {bytes.begin() + static_cast<long>(at), bytes.end()};
  }
};

template <class Write>
Made reply_to(const TestQuery& message, Rcode rcode, uint8_t scope, size_t room, Write write) {
  Query query;
  parse_query(message, query);
  Made made{std::vector<uint8_t>(room)};
  Reply reply(message, query, made.bytes);
  write(reply);
  made.bytes.resize(reply.finish(rcode, scope));
  return made;
}
const auto nothing = [](Reply&) {};

TEST(Reply, RepeatsIdQuestionAndRdInTheCaseTheyCame) {
  const TestQuery query("wWw.eXample", type::a);
  const Made made = reply_to(query, Rcode::noerror, 0, 512, [](Reply& r) { r.set_authoritative(); });
  EXPECT_EQ(made.word(0), 0x1234);
  EXPECT_EQ(made.word(2), flag::qr | flag::aa | flag::rd);
  EXPECT_THAT(made.from(4), ElementsAreArray(std::span(query.bytes()).subspan(4)));
}

TEST(Reply, ClearsTheFlagsThatAreNotItsOwn) {
  EXPECT_EQ(reply_to(TestQuery("x", type::a).set_flags(0x07f0), Rcode::refused, 0, 512, nothing).word(2),
            flag::qr | flag::rd | 5);
}

TEST(Reply, OtherOpcodesGetTheBareHeaderBack) {
  const Made made = reply_to(TestQuery("x", type::a).set_flags(5 << 11), Rcode::notimp, 0, 512, nothing);
  EXPECT_THAT(made.bytes, ElementsAre(0x12, 0x34, 0xa8, 4, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(Reply, OptAnswersOptAndCarriesTheUpperBitsOfTheRcode) {
  const TestQuery query = TestQuery("x", type::a).edns(4096, 1, 0x8000);
  const Made made = reply_to(query, Rcode::badvers, 0, 512, nothing);
  EXPECT_EQ(made.word(2) & 0xf, 0);
  EXPECT_EQ(made.word(10), 1);
  EXPECT_THAT(made.from(12 + 7), ElementsAre(0, 0, 41, 0x04, 0xd0, 1, 0, 0x80, 0, 0, 0));
}

// RFC 7871 section 7.2.1: family, source length and address as they came, and the scope of the answer.
TEST(Reply, ClientSubnetIsEchoedWithTheScope) {
  const TestQuery query = TestQuery("x", type::a).edns().subnet("192.0.2.0/24");
  const Made made = reply_to(query, Rcode::noerror, 20, 512, nothing);
  EXPECT_THAT(made.from(12 + 7 + 9), ElementsAre(0, 11, 0, 8, 0, 7, 0, 1, 24, 20, 192, 0, 2));
}

TEST(Reply, WhatDoesNotFitIsTakenBackAndTcIsSet) {
  const TestQuery query = TestQuery("x", type::a).edns().subnet("192.0.2.0/24");
  const Made made = reply_to(query, Rcode::noerror, 0, 512, [](Reply& r) {
    while (r.body().ok()) r.body().u16(7), r.count(Section::answer, 1);
  });
  EXPECT_EQ(made.word(2), flag::qr | flag::tc | flag::rd);
  EXPECT_EQ(made.word(6), 0);
  EXPECT_EQ(made.word(10), 1) << "the OPT record always fits";
  EXPECT_EQ(made.bytes.size(), 12 + 7 + 11 + 11U);
}

TEST(Compressor, PointsToTailsThatStandInTheMessage) {
  std::vector<uint8_t> room(200);
  ByteWriter out(room);
  for (int i = 0; i < 12; ++i) out.u8(0);
  Compressor names(out, 0x2000);
  const auto name = [](std::string_view text) { return parse_name(text).value(); };
  names.write(name("a.example").bytes());    // 12: 1 a, 14: 7 example, 22: 0
  names.write(name("b.A.example").bytes());  // 23: 1 b, pointer to 12
  names.write(name("c.example").bytes());    // 27: 1 c, pointer to 14
  names.write(name("b.a.EXAMPLE").bytes());  // 31: pointer to 23
  names.write(name(".").bytes());
  EXPECT_THAT(std::vector<uint8_t>(out.written().begin() + 23, out.written().end()),
              ElementsAre(1, 'b', 0xc0, 12, 1, 'c', 0xc0, 14, 0xc0, 23, 0));
  EXPECT_THAT(names.pointers(), ElementsAre(25, 29, 31));
}

}  // namespace
}  // namespace popnet::dns
