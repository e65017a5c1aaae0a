#include "http/wire/list.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/wire/entity_tag.h"
#include "http/wire/range.h"

namespace popnet::http {
namespace {

std::vector<std::string> items_of(ListItems items) {
  std::vector<std::string> out;
  while (items.next()) out.emplace_back(items.item());
  return out;
}
using Strings = std::vector<std::string>;

TEST(ListItems, AreSeparatedByCommas) {  // RFC 9110 section 5.6.1
  EXPECT_EQ(items_of(ListItems("a, b ,\tc")), (Strings{"a", "b", "c"}));
  EXPECT_EQ(items_of(ListItems(", ,a,,b,")), (Strings{"a", "b"}));
  EXPECT_EQ(items_of(ListItems("")), Strings{});
  EXPECT_EQ(items_of(ListItems("a=\"x, y\", b")), (Strings{"a=\"x, y\"", "b"}));
  EXPECT_EQ(items_of(ListItems("a=\"x\\\", y\", b")), (Strings{"a=\"x\\\", y\"", "b"}));
  EXPECT_EQ(items_of(ListItems("a=\"x, b")), (Strings{"a=\"x", "b"}));
}

TEST(ListItems, RunOverAllLinesOfAField) {  // RFC 9110 section 5.3
  Fields fields;
  fields.add("Vary", "a, b");
  fields.add("X", "c");
  fields.add("vary", "");
  fields.add("VARY", "d");
  EXPECT_EQ(items_of(ListItems(fields, FieldName::vary)), (Strings{"a", "b", "d"}));
  EXPECT_EQ(items_of(ListItems(fields, FieldName::age)), Strings{});
  EXPECT_TRUE(list_has(fields, FieldName::vary, "D"));
  EXPECT_FALSE(list_has(fields, FieldName::vary, "c"));
}

// Whoever looks for the end of each quote needs minutes for these.
TEST(ListItems, AreReadInTimeWhateverQuotesTheyHold) {
  constexpr size_t count = 500'000;
  std::string commas = "\"", semicolons = "a;\"";
  for (size_t i = 0; i < count; ++i) {
    commas += "\\\",";
    semicolons += "\\\";";
  }
  EXPECT_EQ(items_of(ListItems(commas)).size(), count);
  EXPECT_EQ(parse_weighted(semicolons).item, "a");
  EXPECT_EQ(items_of(ListItems("\"a\\\", b\", \"c\\\", d")), (Strings{"\"a\\\", b\"", "\"c\\\"", "d"}));
  Fields fields;
  fields.add("Vary", "\"a");
  fields.add("Vary", "\"b, c\"");
  EXPECT_EQ(items_of(ListItems(fields, FieldName::vary)), (Strings{"\"a", "\"b, c\""}));
}

TEST(Directive, IsSplitAtItsFirstEqualsSign) {
  const auto quoted = parse_directive("private=\"a, b\"");
  EXPECT_EQ(quoted.name, "private");
  EXPECT_EQ(quoted.value, "a, b");
  EXPECT_TRUE(quoted.quoted && quoted.well_formed);
  EXPECT_FALSE(parse_directive("public").has_value);
  EXPECT_EQ(parse_directive("a=b=c").value, "b=c");
  EXPECT_FALSE(parse_directive("a=b=c").well_formed);
  EXPECT_FALSE(parse_directive("max-age =1").well_formed);
  EXPECT_FALSE(parse_directive("max-age= 1").well_formed);
  EXPECT_FALSE(parse_directive("a=\"b").well_formed);
  EXPECT_FALSE(parse_directive("a=\"b\"c\"").well_formed);
  EXPECT_FALSE(parse_directive("a=\"b\\\"").well_formed);
  EXPECT_FALSE(parse_directive("a=").well_formed);
  EXPECT_FALSE(parse_directive("=a").well_formed);
}

TEST(Weighted, HasAWeightInThousandths) {  // RFC 9110 section 12.4.2
  EXPECT_EQ(parse_weighted("gzip").weight, 1000);
  EXPECT_EQ(parse_weighted("gzip;q=0.5").weight, 500);
  EXPECT_EQ(parse_weighted("gzip ; Q=0.123").weight, 123);
  EXPECT_EQ(parse_weighted("a/b;x=\";q=0\";q=1.000").weight, 1000);
  EXPECT_EQ(parse_weighted("gzip;q=0").weight, 0);
  EXPECT_EQ(parse_weighted("gzip ; q=1").item, "gzip");
  for (const char* bad : {"a;q=", "a;q=2", "a;q=1.1", "a;q=0.1234", "a;q=-1", "a;q=.5", "a;q=0,5", "a;q= 1"})
    EXPECT_FALSE(parse_weighted(bad).weight) << bad;
}

TEST(DeltaSeconds, AreDigitsAndNeverOverflow) {  // RFC 9111 section 1.2.2
  EXPECT_EQ(parse_delta_seconds("0"), 0U);
  EXPECT_EQ(parse_delta_seconds("0060"), 60U);
  EXPECT_EQ(parse_delta_seconds("2147483648"), 2147483648U);
  EXPECT_EQ(parse_delta_seconds("99999999999999999999999"), 2147483648U);
  for (const char* bad : {"", "-1", "+1", "1.5", "1s", " 1", "0x1"})
    EXPECT_FALSE(parse_delta_seconds(bad)) << bad;
  EXPECT_EQ(parse_decimal("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(parse_decimal("18446744073709551616"));
}

TEST(EntityTag, IsComparedStronglyOrWeakly) {  // RFC 9110 section 8.8.3.2
  const auto tag = [](std::string_view text) { return parse_entity_tag(text).value(); };
  EXPECT_FALSE(strong_equal(tag("W/\"1\""), tag("W/\"1\"")));
  EXPECT_TRUE(weak_equal(tag("W/\"1\""), tag("W/\"1\"")));
  EXPECT_FALSE(weak_equal(tag("W/\"1\""), tag("W/\"2\"")));
  EXPECT_FALSE(strong_equal(tag("W/\"1\""), tag("\"1\"")));
  EXPECT_TRUE(weak_equal(tag("W/\"1\""), tag("\"1\"")));
  EXPECT_TRUE(strong_equal(tag("\"1\""), tag("\"1\"")));
  EXPECT_TRUE(parse_entity_tag("\"\""));
  for (const char* bad :
       {"", "\"", "w/\"1\"", "\"a\"b\"", "\"a b\"", "*", "\"a\x7f\"", "a b", "a,b", "a\"", "\"a", "W/\"a"})
    EXPECT_FALSE(parse_entity_tag(bad)) << bad;
}

TEST(EntityTag, WithoutQuotesEqualsOnlyItself) {  // RFC 9110 section 2.4
  const auto tag = [](std::string_view text) { return parse_entity_tag(text).value(); };
  EXPECT_TRUE(weak_equal(tag("a"), tag("a")));
  EXPECT_FALSE(strong_equal(tag("a"), tag("a")));
  EXPECT_FALSE(weak_equal(tag("a"), tag("\"a\"")));
  EXPECT_FALSE(weak_equal(tag("W/a"), tag("a")));
}

TEST(EntityTag, IsTakenFromAList) {
  const auto all = [](std::string_view list) {
    std::string taken;
    while (const auto tag = take_entity_tag(list))
      taken += (tag->weak ? "~" : "=") + std::string(tag->opaque) + "|";
    return taken;
  };
  EXPECT_EQ(all("\"a\", W/\"b\" ,,\"c,d\""), "=\"a\"|~\"b\"|=\"c,d\"|");
  EXPECT_EQ(all("a,\"b\"\t, W/c"), "~a|=\"b\"|~W/c|");
  EXPECT_EQ(all("\"a\" b, \"c\""), "");
  EXPECT_EQ(all("\"a\", b\"c\", \"d\""), "=\"a\"|");
  EXPECT_EQ(all("a b"), "");
  EXPECT_EQ(all("\"a"), "");
  EXPECT_EQ(all(" , "), "");
}

TEST(Range, IsCutToTheSize) {  // RFC 9110 section 14.1.2
  using Kind = RangeRequest::Kind;
  struct {
    const char* value;
    uint64_t size;
    Kind kind;
    ByteRange range;
  } const cases[] = {
      {"bytes=0-499", 10000, Kind::satisfiable, {0, 499}},
      {"bytes=500-", 10000, Kind::satisfiable, {500, 9999}},
      {"bytes=-500", 10000, Kind::satisfiable, {9500, 9999}},
      {"bytes=-20000", 10000, Kind::satisfiable, {0, 9999}},
      {"bytes=9999-20000", 10000, Kind::satisfiable, {9999, 9999}},
      {"bytes=0-99999999999999999999999", 10, Kind::satisfiable, {0, 9}},
      {"BYTES=0-0", 10, Kind::satisfiable, {0, 0}},
      {"bytes=0-0,", 10, Kind::satisfiable, {0, 0}},
      {"bytes=10-", 10, Kind::unsatisfiable, {}},
      {"bytes=99999999999999999999999-", 10, Kind::unsatisfiable, {}},
      {"bytes=0-", 0, Kind::unsatisfiable, {}},
      {"bytes=-0", 10, Kind::unsatisfiable, {}},
      {"bytes=-5", 0, Kind::ignore, {}},
      {"bytes=5-4", 10, Kind::ignore, {}},
      {"bytes=0-1,3-4", 10, Kind::ignore, {}},
      {"bytes=-", 10, Kind::ignore, {}},
      {"bytes=--1", 10, Kind::ignore, {}},
      {"bytes=", 10, Kind::ignore, {}},
      {"bytes=a-b", 10, Kind::ignore, {}},
      {"bytes 0-1", 10, Kind::ignore, {}},
      {"lines=0-1", 10, Kind::ignore, {}},
      {"", 10, Kind::ignore, {}},
  };
  for (const auto& c : cases) {
    const RangeRequest got = parse_range(c.value, c.size);
    EXPECT_EQ(got.kind, c.kind) << c.value;
    EXPECT_EQ(got.range, c.range) << c.value;
  }
}

TEST(ContentRange, NamesOnePlace) {  // RFC 9110 section 14.4
  const auto good = parse_content_range("Bytes 2-4/10");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->range.first, 2U);
  EXPECT_EQ(good->range.last, 4U);
  EXPECT_EQ(good->whole, 10U);
  EXPECT_TRUE(parse_content_range("bytes 0-0/1"));
  const auto open = parse_content_range("bytes 2-4/*");
  ASSERT_TRUE(open);
  EXPECT_EQ(open->range, (ByteRange{2, 4}));
  EXPECT_EQ(open->whole, ContentRange::open);
  for (const char* bad :
       {"", "bytes", "bytes 2-4", "bytes 2-4/**", "bytes */10", "bytes 4-2/10", "bytes 2-10/10",
        "lines 2-4/10", "bytes -4/10", "bytes 2-/10", "bytes 2-4/10,", "bytes 2-4/18446744073709551614",
        "bytes 2-4/18446744073709551616", "bytes */*", "bytes=2-4/10"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

TEST(List, AQuoteThatIsNotClosedHidesNothing) {
  ListItems items("x=\"a, no-store");
  ASSERT_TRUE(items.next());
  EXPECT_EQ(items.item(), "x=\"a");
  ASSERT_TRUE(items.next());
  EXPECT_EQ(items.item(), "no-store");
}

}  // namespace
}  // namespace popnet::http
