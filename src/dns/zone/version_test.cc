// What transfers send of zones that change from load to load.
#include "dns/zone/version.h"

#include <gmock/gmock.h>

#include "dns/wire/protocol.h"

namespace popnet::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class History : public ::testing::Test {
 protected:
  /// A zone of that serial number with an address record for each of `hosts`.
  std::shared_ptr<const ZoneVersion> add(uint32_t serial, std::vector<uint8_t> hosts) {
    const Name apex = *parse_name("zone.test");
    Records records(apex, "test");
    std::vector<uint8_t> soa(22);
    for (int i = 0; i < 4; ++i)
      soa[static_cast<size_t>(2 + i)] = static_cast<uint8_t>(serial >> (24 - 8 * i));
    records.add(apex, type::soa, 300, soa, {});
    records.add(*parse_name("marked.zone.test"), type_decided, 0, index_data(0), {});
    for (const uint8_t host : hosts) {
      const uint8_t address[] = {192, 0, 2, host};
      records.add(*parse_name("h" + std::to_string(host) + ".zone.test"), type::a, 300, address, {});
    }
    records.sort();
    return history_.add(std::move(records), {}, {});
  }
  std::shared_ptr<const ZoneVersion> put(uint32_t serial, std::vector<uint8_t> hosts) {
    auto version = add(serial, std::move(hosts));
    changes_ = history_.commit();
    return version;
  }
  static std::vector<std::string> names(const Records& records) {
    std::vector<std::string> found;
    for (size_t i = 0; i < records.size(); ++i)
      found.push_back(records[i].type == type::soa ? "SOA " + std::to_string(serial_of(records[i].data))
                                                   : owner_name(records[i].owner).to_text());
    return found;
  }
  ZoneHistory history_;
  ZoneHistory::Changes changes_;
};

TEST_F(History, SerialNumbersGoRound) {
  EXPECT_TRUE(is_later(1, 0));
  EXPECT_TRUE(is_later(0, 4294967295));
  EXPECT_FALSE(is_later(4294967295, 0));
  EXPECT_FALSE(is_later(7, 7));
}

TEST_F(History, ANewSerialNumberMakesADifference) {
  EXPECT_THAT(put(1, {1, 2, 3, 4, 5})->deltas, IsEmpty());
  EXPECT_THAT(changes_.changed, SizeIs(1));
  const auto second = put(2, {1, 3, 4, 5, 6});
  ASSERT_THAT(second->deltas, SizeIs(1));
  EXPECT_EQ(second->deltas[0]->from, 1U);
  EXPECT_EQ(second->deltas[0]->to, 2U);
  EXPECT_THAT(names(second->deltas[0]->removed), ElementsAre("SOA 1", "h2.zone.test."));
  EXPECT_THAT(names(second->deltas[0]->added), ElementsAre("SOA 2", "h6.zone.test."));
  EXPECT_THAT(changes_.changed, SizeIs(1));
  EXPECT_THAT(put(2, {1, 3, 4, 5, 6})->deltas, SizeIs(1)) << "read again";
  EXPECT_THAT(changes_.changed, IsEmpty());
  EXPECT_THAT(changes_.unnoticed, IsEmpty());
}

TEST_F(History, DifferencesAreNotKeptWhenTheyAreLargerThanTheZone) {
  put(1, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  EXPECT_THAT(put(2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 11})->deltas, SizeIs(1));
  EXPECT_THAT(put(3, {1, 2, 3, 4, 5, 6, 7, 8, 9, 12})->deltas, SizeIs(2));
  EXPECT_THAT(put(4, {1, 2, 3, 4, 5, 6, 7, 8, 9, 13})->deltas, SizeIs(2)) << "the oldest one goes";
  EXPECT_THAT(put(5, {20, 21, 22, 23})->deltas, IsEmpty());
}

TEST_F(History, ChangesThatNoSecondaryWillNoticeAreTold) {
  put(5, {1, 2, 3});
  EXPECT_THAT(put(5, {1, 2})->deltas, IsEmpty());
  EXPECT_THAT(changes_.unnoticed, ElementsAre(FieldsAre("zone.test.", 5, 5)));
  put(4, {1, 2});
  EXPECT_THAT(changes_.unnoticed, ElementsAre(FieldsAre("zone.test.", 5, 4)));
  EXPECT_THAT(changes_.changed, IsEmpty());
}

/// A secondary may have either of what one serial number has stood for.
TEST_F(History, NoDifferenceBeginsAtASerialNumberThatStoodForOtherRecords) {
  put(1, {1, 2, 3, 4, 5, 6, 7, 8});
  put(1, {1, 2, 3, 4, 5, 6, 7});
  EXPECT_THAT(put(1, {1, 2, 3, 4, 5, 6, 7})->deltas, IsEmpty()) << "read again";
  EXPECT_THAT(put(2, {1, 2, 3, 4, 5, 6, 7})->deltas, IsEmpty());
  const auto third = put(3, {1, 2, 3, 4, 5, 6});
  ASSERT_THAT(third->deltas, SizeIs(1)) << "2 has stood for one thing";
  EXPECT_EQ(third->deltas[0]->from, 2U);
}

TEST_F(History, NorAtOneThatHadBeenReachedBeforeTheNumbersWentBack) {
  put(5, {1, 2, 3, 4, 5, 6, 7, 8});
  put(3, {1, 2, 3, 4, 5, 6, 7});
  put(2, {1, 2, 3, 4, 5, 6, 7, 9});
  for (const uint32_t serial : {3U, 4U, 5U, 6U})
    EXPECT_THAT(put(serial, {1, 2, 3, 4, 5, static_cast<uint8_t>(serial + 10)})->deltas, IsEmpty()) << serial;
  EXPECT_THAT(put(7, {1, 2, 3, 4, 5, 6})->deltas, SizeIs(1));
}

/// Its signatures are no concern of an operator, and nobody knows which ones a secondary has.
TEST_F(History, WhatIsSignedHereGoesAsAWhole) {
  const auto put_signed = [&](uint32_t serial, uint8_t signature, std::vector<uint8_t> hosts) {
    const Name apex = *parse_name("zone.test");
    Records records(apex, "test");
    std::vector<uint8_t> soa(22);
    soa[5] = static_cast<uint8_t>(serial);
    records.add(apex, type::soa, 300, soa, {});
    records.add(apex, type::rrsig, 300, std::span(&signature, 1), {});
    for (const uint8_t host : hosts) records.add(apex, type::txt, 300, std::span(&host, 1), {});
    records.sort();
    const auto version = history_.add(std::move(records), {}, {}, std::make_shared<CopySigning>());
    changes_ = history_.commit();
    return version;
  };
  put(1, {1, 2, 3, 4, 5});
  EXPECT_THAT(put_signed(2, 1, {1, 2, 3, 4, 5})->deltas, IsEmpty()) << "none to the first one that is signed";
  EXPECT_THAT(put_signed(3, 2, {1, 2, 3, 4, 5})->deltas, IsEmpty());
  EXPECT_THAT(changes_.changed, SizeIs(1));
  put_signed(3, 3, {1, 2, 3, 4, 5});
  EXPECT_THAT(changes_.unnoticed, IsEmpty()) << "signed again, or after a start";
  put_signed(3, 3, {1, 2, 3, 4});
  EXPECT_THAT(changes_.unnoticed, ElementsAre(FieldsAre("zone.test.", 3, 3)));
  EXPECT_THAT(put(4, {1})->deltas, IsEmpty());
}

TEST_F(History, WhatIsDroppedNeverWas) {
  put(1, {1, 2, 3});
  add(2, {1, 2});
  history_.drop();
  EXPECT_EQ(put(3, {1, 2})->deltas.at(0)->from, 1U);
}

}  // namespace
}  // namespace popnet::dns
