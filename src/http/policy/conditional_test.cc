// Conditional requests: RFC 9110 section 13, RFC 9111 sections 3.2 and 4.3.
#include "http/policy/conditional.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "common/text.h"
#include "http/policy/ranges.h"

namespace popnet::http {
namespace {

const WallTime now = WallTime(std::chrono::seconds(1'750'000'000));
constexpr const char* monday = "Mon, 02 Jun 2025 00:00:00 GMT";
constexpr const char* tuesday = "Tue, 03 Jun 2025 00:00:00 GMT";
constexpr const char* wednesday = "Wed, 04 Jun 2025 00:00:00 GMT";

struct Lines {
  std::string text;
  Fields fields;

  explicit Lines(std::string given) : text(std::move(given)) {
    for (const std::string_view line : split(text, '\n')) {
      const size_t colon = line.find(": ");
      if (colon != line.npos) fields.add(line.substr(0, colon), line.substr(colon + 2));
    }
  }
};

TEST(Conditions, TellWhetherTheClientHasItAlready) {  // RFC 9111 section 4.3.2, RFC 9110 section 13.2.2
  const Lines tagged("ETag: \"a\"\nLast-Modified: " + std::string(tuesday) + "\nDate: " + wednesday);
  const Lines weak("ETag: W/\"a\"");
  const Lines dated("Date: " + std::string(tuesday));
  const Lines bare(""), unquoted("ETag: a");
  const std::string since = "If-Modified-Since: ", unless = "If-Unmodified-Since: ";
  struct {
    const Lines* stored;
    std::string request;
    bool want;
  } const cases[] = {
      {&tagged, "", false},
      // If-None-Match: section 13.1.2, weak comparison
      {&tagged, "If-None-Match: \"a\"", true},
      {&tagged, "If-None-Match: W/\"a\"", true},
      {&tagged, "If-None-Match: \"b\", W/\"x\" ,\"a\"", true},
      {&tagged, "If-None-Match: \"b\"\nIf-None-Match: \"a\"", true},
      {&tagged, "If-None-Match: \"x\\\", \"a\"", true},
      {&tagged, "If-None-Match: *", true},
      {&tagged, "If-None-Match: \"b\"", false},
      {&tagged, "If-None-Match: a", false},
      {&tagged, "If-None-Match: \"x, \"a\"", false},
      {&weak, "If-None-Match: \"a\"", true},
      {&unquoted, "If-None-Match: \"b\", a", true},  // as browsers send back what they got
      {&unquoted, "If-None-Match: \"a\"", false},
      {&bare, "If-None-Match: \"a\"", false},
      {&bare, "If-None-Match: *", true},
      // If-Modified-Since: section 13.1.3; not looked at beside If-None-Match
      {&tagged, since + tuesday, true},
      {&tagged, since + wednesday, true},
      {&tagged, since + monday, false},
      {&tagged, since + "Tuesday, 03-Jun-25 00:00:00 GMT", true},
      {&tagged, since + "tomorrow", false},
      {&tagged, since + wednesday + "\n" + since + wednesday, false},
      {&tagged, since + wednesday + "\nIf-None-Match: \"b\"", false},
      {&tagged, since + monday + "\nIf-None-Match: \"a\"", true},
      {&dated, since + tuesday, true},
      {&dated, since + monday, false},
      {&bare, since + monday, false},
      // those for the origin: not looked at
      {&tagged, "If-Match: \"b\"", false},
      {&tagged, "If-Match: \"b\"\nIf-None-Match: \"a\"", true},
      {&tagged, unless + monday, false},
  };
  for (const auto& c : cases) {
    RequestHead request;
    const Lines lines(c.request);
    request.method = Method::get;
    request.fields = lines.fields;
    const Validators validators = read_validators(c.stored->fields, now);
    EXPECT_EQ(is_not_modified(request, validators, now), c.want) << c.request << " | " << c.stored->text;
  }
}

TEST(Validation, AsksWithEveryValidator) {  // RFC 9111 section 4.3.1
  Fields out;
  const Lines both("ETag: W/\"a\"\nLast-Modified: " + std::string(monday));
  EXPECT_TRUE(add_validation(read_validators(both.fields, now), out));
  EXPECT_EQ(out.get(FieldName::if_none_match), "W/\"a\"");
  EXPECT_EQ(out.get(FieldName::if_modified_since), monday);
  out.clear();
  const Lines unquoted("ETag: a");
  EXPECT_TRUE(add_validation(read_validators(unquoted.fields, now), out));
  EXPECT_EQ(out.get(FieldName::if_none_match), "a");
  out.clear();
  const Lines broken("ETag: a b\nLast-Modified: monday");
  EXPECT_FALSE(add_validation(read_validators(broken.fields, now), out));
  EXPECT_EQ(out.size(), 0U);
}

TEST(Validation, A304SpeaksOfTheStoredResponse) {  // RFC 9111 section 4.3.4
  const std::string modified = "Last-Modified: " + std::string(monday);
  struct {
    std::string not_modified, stored;
    bool want;
  } const cases[] = {
      {"ETag: \"a\"", "ETag: \"a\"", true},
      {"ETag: \"b\"", "ETag: \"a\"", false},
      {"ETag: \"a\"", "ETag: W/\"a\"", false},
      {"ETag: W/\"a\"", "ETag: \"a\"", true},
      {"ETag: W/\"b\"", "ETag: W/\"a\"", false},
      {"ETag: \"a\"", "X: y", false},
      {"ETag: a", "ETag: a", true},
      {"ETag: a", "ETag: b", false},
      {"ETag: a", "ETag: \"a\"", true},  // as if it had none
      {"ETag: \"a\"", "ETag: a", false},
      {"ETag: \"a\"\n" + modified, "ETag: a\n" + modified + "\nDate: " + tuesday, true},
      {"Date: x", "ETag: \"a\"", true},
      {"Last-Modified: a", "Last-Modified: a", true},
      {"Last-Modified: b", "Last-Modified: a", false},
      // a tag that is new: the date names the version, if it is a strong one
      {"ETag: \"a\"\n" + modified, modified + "\nDate: " + tuesday, true},
      {"ETag: W/\"a\"\n" + modified, modified + "\nDate: " + tuesday, true},
      {"ETag: \"a\"\n" + modified, modified + "\nDate: " + monday, false},
      {"ETag: \"a\"\nLast-Modified: " + std::string(tuesday), modified + "\nDate: " + tuesday, false},
      {"ETag: \"b\"\n" + modified, "ETag: \"a\"\n" + modified + "\nDate: " + tuesday, false},
      {"ETag: \"a\"", modified + "\nDate: " + tuesday, false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(confirms(Lines(c.not_modified).fields, Lines(c.stored).fields, now), c.want)
        << c.not_modified << c.stored;
}

TEST(Validation, A304UpdatesTheStoredFields) {  // RFC 9111 section 3.2
  const Lines stored(
      "Date: old\nVia: 1.1 a\nX-Two: 1\nX-Two: 2\nX-Keep: k\nContent-Type: a\nContent-Length: "
      "5\nCache-Control: "
      "max-age=1\nExpires: e");
  const Lines update(
      "X-TWO: 3\nCache-Control: max-age=9\nCache-Control: public\nContent-Type: b\nContent-Length: 0\nX-New: "
      "n\n"
      "Connection: X-Hop\nX-Hop: h\nAge: 4\nVia: 1.1 b");
  Fields merged;
  ASSERT_TRUE(merge_update(stored.fields, update.fields, merged));
  std::string got;
  for (const Field& field : merged) got += std::string(field.name) + ": " + std::string(field.value) + "\n";
  EXPECT_EQ(got,
            "X-Keep: k\nContent-Length: 5\nExpires: e\nX-TWO: 3\nCache-Control: max-age=9\n"
            "Cache-Control: public\nContent-Type: b\nX-New: n\nAge: 4\nVia: 1.1 b\n");
}

TEST(Validation, A304UpdatesAContentRangeThatIsOfNoPart) {  // RFC 9111 section 3.2
  const Lines update("Content-Range: bytes 0-1/2"), whole("Content-Range: bytes 4-5/6"), part("X: y");
  Fields merged;
  ASSERT_TRUE(merge_update(whole.fields, update.fields, merged));
  EXPECT_EQ(merged.get(FieldName::content_range), "bytes 0-1/2");
  ASSERT_TRUE(merge_update(part.fields, update.fields, merged));
  EXPECT_FALSE(merged.has(FieldName::content_range));
}

TEST(Validation, AHeadSpeaksOfTheStoredResponse) {  // RFC 9111 section 4.3.5
  struct {
    std::string head;
    HeadSpeaksOf want;
  } const cases[] = {
      {"X: y", HeadSpeaksOf::unknown},
      {"Content-Length: 5", HeadSpeaksOf::unknown},
      {"ETag: \"a\"", HeadSpeaksOf::stored},
      {"ETag: \"a\"\nContent-Length: 5", HeadSpeaksOf::stored},
      {"ETag: \"a\"\nContent-Length: 6", HeadSpeaksOf::other},
      {"ETag: \"b\"", HeadSpeaksOf::other},
      {"ETag: W/\"a\"", HeadSpeaksOf::other},
      {"Last-Modified: " + std::string(monday), HeadSpeaksOf::other},
      {"Content-Length: 6", HeadSpeaksOf::other},
      {"Content-Length: x", HeadSpeaksOf::other},
  };
  const Lines stored("ETag: \"a\"");
  for (const auto& c : cases)
    EXPECT_EQ(head_speaks_of(Lines(c.head).fields, stored.fields, 5), c.want) << c.head;
}

TEST(Validation, OnlyStrongValidatorsJoinParts) {  // RFC 9110 sections 8.8.2.2 and 13.1.5
  const std::string modified = "\nLast-Modified: " + std::string(monday);
  struct {
    std::string stored;
    std::string_view want;
  } const cases[] = {
      {"ETag: \"a\"" + modified, "\"a\""},
      {"ETag: W/\"a\"" + modified + "\nDate: " + tuesday, ""},
      {"ETag: a" + modified + "\nDate: " + tuesday, monday},
      {"X: y" + modified + "\nDate: " + monday, ""},
      {"X: y" + modified, ""},
      {"X: y", ""},
  };
  for (const auto& c : cases) {
    const Lines lines(c.stored);
    EXPECT_EQ(strong_validator(read_validators(lines.fields, now)), c.want) << c.stored;
  }
}

TEST(NotModified, SaysNothingOfTheBody) {  // RFC 9110 section 15.4.5
  for (const char* name :
       {"Cache-Control", "Content-Location", "Date", "ETag", "Expires", "Vary", "Last-Modified"})
    EXPECT_TRUE(is_sent_in_not_modified({find_field_name(name), name, ""})) << name;
  for (const char* name :
       {"Content-Length", "Content-Type", "Content-Encoding", "Content-Range", "Content-Language"})
    EXPECT_FALSE(is_sent_in_not_modified({find_field_name(name), name, ""})) << name;
}

TEST(Ranges, DependOnIfRange) {  // RFC 9110 sections 13.1.5 and 14.2
  using Kind = RangePlan::Kind;
  const Lines tagged("ETag: \"a\"\nLast-Modified: " + std::string(monday) + "\nDate: " + tuesday);
  const Lines weak("ETag: W/\"a\"\nLast-Modified: " + std::string(monday) + "\nDate: " + monday);
  struct {
    const Lines* stored;
    Method method;
    std::string request;
    Kind want;
  } const cases[] = {
      {&tagged, Method::get, "", Kind::whole},
      {&tagged, Method::get, "Range: bytes=2-3", Kind::part},
      {&tagged, Method::head, "Range: bytes=2-3", Kind::whole},
      {&tagged, Method::get, "Range: bytes=10-", Kind::unsatisfiable},
      {&tagged, Method::get, "Range: bytes=0-1, 4-5", Kind::whole},
      {&tagged, Method::get, "Range: bytes=0-1\nRange: bytes=0-1", Kind::whole},
      {&tagged, Method::get, "Range: bytes=2-3\nIf-Range: \"a\"", Kind::part},
      {&tagged, Method::get, "Range: bytes=2-3\nIf-Range: \"b\"", Kind::whole},
      {&tagged, Method::get, "Range: bytes=10-\nIf-Range: \"b\"", Kind::whole},
      {&tagged, Method::get, "Range: bytes=2-3\nIf-Range: W/\"a\"", Kind::whole},
      {&tagged, Method::get, "Range: bytes=2-3\nIf-Range: " + std::string(monday), Kind::part},
      {&tagged, Method::get, "Range: bytes=2-3\nIf-Range: " + std::string(tuesday), Kind::whole},
      {&weak, Method::get, "Range: bytes=2-3\nIf-Range: \"a\"", Kind::whole},
      {&weak, Method::get, "Range: bytes=2-3\nIf-Range: " + std::string(monday),
       Kind::whole},  // not a strong date
  };
  for (const auto& c : cases) {
    RequestHead request;
    const Lines lines(c.request);
    request.method = c.method;
    request.fields = lines.fields;
    const RangePlan plan = plan_range(request, read_validators(c.stored->fields, now), 10, now);
    EXPECT_EQ(static_cast<int>(plan.kind), static_cast<int>(c.want)) << c.request;
  }
}

TEST(Ranges, AreWrittenAsContentRange) {
  std::array<char, content_range_max> room;
  EXPECT_EQ(format_content_range({RangePlan::Kind::part, {2, 3}}, 10, room), "bytes 2-3/10");
  EXPECT_EQ(format_content_range({RangePlan::Kind::unsatisfiable, {}}, 10, room), "bytes */10");
  EXPECT_EQ(format_content_range({RangePlan::Kind::part, {UINT64_MAX - 1, UINT64_MAX}}, UINT64_MAX, room),
            "bytes 18446744073709551614-18446744073709551615/18446744073709551615");
  EXPECT_EQ(format_content_range({RangePlan::Kind::part, {2, 3}}, ContentRange::open, room), "bytes 2-3/*");
}

}  // namespace
}  // namespace popnet::http
