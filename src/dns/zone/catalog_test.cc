// Catalog zones as RFC 9432 section 4 and 5.1 have them.
#include "dns/zone/catalog.h"

#include <gmock/gmock.h>

#include "dns/wire/protocol.h"

namespace popnet::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Catalog : public ::testing::Test {
 protected:
  void add(std::string_view owner, uint16_t type, std::string_view data) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(data.data());
    records_.add(parse_name(owner).value(), type, 60, {bytes, data.size()}, {});
  }
  void ptr(std::string_view owner, std::string_view member) {
    records_.add(parse_name(owner).value(), type::ptr, 60, parse_name(member).value().bytes(), {});
  }
  std::vector<std::string> members() {
    records_.sort();
    std::vector<std::string> names;
    const auto read = read_catalog(records_);
    EXPECT_TRUE(read.ok());
    if (read)
      for (const Name& name : *read) names.push_back(name.to_text());
    return names;
  }
  std::string problem() {
    records_.sort();
    const auto result = read_catalog(records_);
    return result.ok() ? "" : result.error().message;
  }
  Records records_{parse_name("catalog.test").value(), "test"};
};

constexpr std::string_view two(
    "\x01"
    "2");

TEST_F(Catalog, MembersArePtrRecordsBelowZones) {
  add("version.catalog.test", type::txt, two);
  ptr("a1.zones.catalog.test", "One.example");
  ptr("b2.zones.catalog.test", "two.example");
  add("group.b2.zones.catalog.test", type::txt, "\x01x");
  ptr("coo.b2.zones.catalog.test", "other.catalog");
  ptr("elsewhere.catalog.test", "no.example");
  EXPECT_THAT(members(), ElementsAre("one.example.", "two.example."));
}

TEST_F(Catalog, AnEmptyOneIsFine) {
  add("version.catalog.test", type::txt, two);
  EXPECT_THAT(members(), ElementsAre());
}

TEST_F(Catalog, ABrokenOneCountsForNothing) {
  EXPECT_THAT(problem(), HasSubstr("of version 2"));
  add("version.catalog.test", type::txt, two);
  ptr("a1.zones.catalog.test", "one.example");
  EXPECT_EQ(problem(), "");
  ptr("b2.zones.catalog.test", "one.example");
  EXPECT_THAT(problem(), HasSubstr("one.example. is in it twice"));
}

TEST_F(Catalog, OneNodeIsOneMember) {
  add("version.catalog.test", type::txt, two);
  ptr("a1.zones.catalog.test", "one.example");
  ptr("a1.zones.catalog.test", "two.example");
  EXPECT_THAT(problem(), HasSubstr("a1.zones.catalog.test. has a second PTR record"));
}

TEST_F(Catalog, TwoVersionsAreNone) {
  add("version.catalog.test", type::txt, two);
  add("version.catalog.test", type::txt,
      "\x01"
      "3");
  EXPECT_THAT(problem(), HasSubstr("of version 2"));
}

}  // namespace
}  // namespace popnet::dns
