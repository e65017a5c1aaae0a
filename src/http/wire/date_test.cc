// HTTP-date, RFC 9110 section 5.6.7.
#include "http/wire/date.h"

#include <gtest/gtest.h>

#include <string>

namespace popnet::http {
namespace {

WallTime at(int64_t seconds) {
  return WallTime(std::chrono::seconds(seconds));
}
const WallTime now = at(1'750'000'000);  // June 2025

TEST(HttpDate, HasThreeForms) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now), at(784111777));
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), at(784111777));
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", now), at(784111777));
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT", now), at(0));
  EXPECT_EQ(parse_http_date("Tue, 29 Feb 2000 23:59:60 GMT", now), at(951868800));
}

TEST(HttpDate, ResolvesTwoDigitYearsWithinFiftyYears) {
  EXPECT_EQ(parse_http_date("Tuesday, 01-Jan-75 00:00:00 GMT", now), at(3313526400));  // 2075
  EXPECT_EQ(parse_http_date("Thursday, 01-Jan-76 00:00:00 GMT", now), at(189302400));  // 1976
  EXPECT_EQ(parse_http_date("Friday, 01-Jan-99 00:00:00 GMT", now), at(915148800));    // 1999
  EXPECT_EQ(parse_http_date("Monday, 01-Jan-24 00:00:00 GMT", now), at(1704067200));   // 2024
  EXPECT_EQ(parse_http_date("Saturday, 01-Jan-01 00:00:00 GMT", at(3597523200)),
            at(4133980800));  // seen from 2084: 2101
}

TEST(HttpDate, IsNoneOnAnotherWeekday) {
  for (const char* text :
       {"Mon, 06 Nov 1994 08:49:37 GMT", "Monday, 06-Nov-94 08:49:37 GMT", "Mon Nov  6 08:49:37 1994"})
    EXPECT_EQ(parse_http_date(text, now), std::nullopt) << text;
}

TEST(HttpDate, IsReadInAnyCase) {  // RFC 9111 section 4.2
  for (const char* text :
       {"sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "SUN, 06 NOV 1994 08:49:37 gmt",
        "sunday, 06-NOV-94 08:49:37 Gmt", "sun nov  6 08:49:37 1994"})
    EXPECT_EQ(parse_http_date(text, now), at(784111777)) << text;
}

TEST(HttpDate, IsStrict) {
  for (const char* text : {"",
                           "0",
                           "-1",
                           "Sun, 06 Nov 1994 08:49:37",
                           "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 06 Nov 1994 08:49:37 GMT ",
                           " Sun, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 8:49:37 GMT",
                           "Sun 06 Nov 1994 08:49:37 GMT",
                           "Sun,  06 Nov 1994 08:49:37 GMT",
                           "Sun, 06-Nov-1994 08:49:37 GMT",
                           "Sun, 06 Nov 94 08:49:37 GMT",
                           "Sunday, 06-Nov-1994 08:49:37 GMT",
                           "Sun, 06-Nov-94 08:49:37 GMT",
                           "Sun, 31 Feb 1994 08:49:37 GMT",
                           "Sun, 29 Feb 1900 08:49:37 GMT",
                           "Sun, 00 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:37 GMT",
                           "Sun, 06 Nov 1994 08:49:61 GMT",
                           "Sun, 06 Nov 1994 08:49:37 +0000",
                           "Sun Nov 6 08:49:37 1994",
                           "Sun Nov 06 08:49:37 94",
                           "Son, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 08.49.37 GMT",
                           "1994-11-06T08:49:37Z"})
    EXPECT_FALSE(parse_http_date(text, now)) << text;
}

TEST(HttpDate, FarFromNowIsMovedToWhereDifferencesStillFit) {
  const auto late = parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT", now);
  const auto early = parse_http_date("Mon, 01 Jan 0001 00:00:00 GMT", now);
  ASSERT_TRUE(late && early);
  EXPECT_GT(*late - *early, Duration::zero());
  EXPECT_GT(*late, now + std::chrono::years(50));
}

TEST(HttpDate, IsWrittenAsItIsRead) {
  for (int64_t second = 0; second < 4'000'000'000; second += 86'399 * 97) {
    const DateChars text = format_http_date(at(second));
    EXPECT_EQ(parse_http_date({text.data(), text.size()}, now), at(second));
  }
}

TEST(DateText, FollowsTheSecond) {
  DateText text;
  EXPECT_EQ(text.at(at(784111777)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(text.at(at(784111777) + std::chrono::milliseconds(999)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(text.at(at(784111778)), "Sun, 06 Nov 1994 08:49:38 GMT");
}

}  // namespace
}  // namespace popnet::http
