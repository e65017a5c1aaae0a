// RFC 9111 sections 4.2 and 5.2, RFC 5861, RFC 8246, RFC 9213. Field lines are given as text, LF for line
// ends.
#include "http/policy/freshness.h"

#include <gtest/gtest.h>

#include <string>

#include "common/text.h"
#include "http/wire/date.h"

namespace popnet::http {
namespace {

using namespace std::chrono_literals;

const WallTime wall = WallTime(1'750'000'000s);
const TimePoint arrival = TimePoint(1000s);

std::string date(Duration from_now) {
  const DateChars text = format_http_date(wall + from_now);
  return {text.data(), text.size()};
}

/// Field lines and the text they borrow.
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

StoredPolicy assessed(const std::string& response, uint16_t status = 200,
                      const FreshnessOptions& options = {}, Duration delay = 0s) {
  const Lines lines(response);
  const Exchange exchange{arrival - delay, arrival, wall};
  return assess(status, lines.fields, read_response_directives(lines.fields), exchange, options);
}

TEST(Freshness, LastsAsLongAsTheFirstOfItsSourcesSays) {  // section 4.2.1
  struct {
    std::string response;
    Duration lifetime;
    LifetimeSource source;
  } const cases[] = {
      {"Cache-Control: max-age=60", 60s, LifetimeSource::max_age},
      {"Cache-Control: MAX-AGE=\"60\"", 60s, LifetimeSource::max_age},
      {"Cache-Control: max-age=60, s-maxage=10", 10s, LifetimeSource::s_maxage},
      {"Cache-Control: max-age=60\nExpires: " + date(10s), 60s, LifetimeSource::max_age},
      {"Cache-Control: max-age=60\nCache-Control: max-age=10", 60s, LifetimeSource::max_age},
      {"Cache-Control: max-age=99999999999999", 2147483648s, LifetimeSource::max_age},
      {"Cache-Control: x=\"max-age=1\", max-age=60", 60s, LifetimeSource::max_age},
      {"Expires: " + date(10s), 10s, LifetimeSource::expires},
      {"Date: " + date(-5s) + "\nExpires: " + date(10s), 15s, LifetimeSource::expires},
      {"Expires: " + date(-10s), 0s, LifetimeSource::expires},
      {"Last-Modified: " + date(-1000s), 100s, LifetimeSource::heuristic},
      {"Date: " + date(-500s) + "\nLast-Modified: " + date(-1000s), 50s, LifetimeSource::heuristic},
      {"Last-Modified: " + date(-240h), 24h, LifetimeSource::heuristic},
      {"Last-Modified: " + date(10s), 0s, LifetimeSource::none},
      {"Last-Modified: yesterday", 0s, LifetimeSource::none},
      {"", 0s, LifetimeSource::none},
      {"Cache-Control: private, max-age=60", 60s, LifetimeSource::max_age},
  };
  for (const auto& c : cases) {
    const StoredPolicy stored = assessed(c.response);
    EXPECT_EQ(stored.lifetime, c.lifetime) << c.response;
    EXPECT_EQ(stored.source, c.source) << c.response;
  }
}

TEST(Freshness, IsZeroWhereItCannotBeRead) {  // section 4.2.1: encouraged to consider such responses stale
  for (const std::string text : {"Cache-Control: max-age=-1",
                                 "Cache-Control: max-age=1.5",
                                 "Cache-Control: max-age",
                                 "Cache-Control: max-age=",
                                 "Cache-Control: max-age= 60",
                                 "Cache-Control: max-age=60s",
                                 "Cache-Control: max-age =60",
                                 "Cache-Control: max-age = 60",
                                 "Cache-Control: max-age='60'",
                                 "Cache-Control: max-age=+60",
                                 "Cache-Control: max-age=\"\"",
                                 "Cache-Control: max-age=\"6 0\"",
                                 "Cache-Control: max-age=0, max-age=60",
                                 "Cache-Control: max-age=a\nCache-Control: max-age=60",
                                 "CDN-Cache-Control: max-age=-1\nCache-Control: max-age=60",
                                 "CDN-Cache-Control: max-age=1.5\nCache-Control: max-age=60",
                                 "CDN-Cache-Control: max-age=abc\nCache-Control: max-age=60",
                                 "Cache-Control: s-maxage=a, max-age=60",
                                 "Expires: 0",
                                 "Expires: -1",
                                 "Expires: ",
                                 "Expires: Thu, 18 Aug 2050 02:01:18",
                                 "Expires: Thursday, 18-Aug-50 02:01:18 UTC"})
    EXPECT_EQ(assessed(text).lifetime, 0s) << text;
}

TEST(Freshness, OfTheOperatorCountsFromTheArrival) {
  const FreshnessOptions options{.lifetime = 5min};
  for (const char* old : {"Age: 3600", "Date: Thu, 01 Jan 1970 00:00:00 GMT"}) {
    const StoredPolicy stored = assessed(old, 200, options);
    EXPECT_EQ(stored.ttl(arrival), 5min) << old;
    EXPECT_GE(stored.age(arrival), 1h) << "who asks is told all the same: " << old;
  }
}

TEST(Freshness, CanBeSetByTheOperator) {
  const FreshnessOptions options{.lifetime = 5min};
  const StoredPolicy stored = assessed("Cache-Control: max-age=1", 200, options);
  EXPECT_EQ(stored.lifetime, 5min);
  EXPECT_EQ(stored.source, LifetimeSource::rule);
  for (const uint16_t status : {301, 404}) EXPECT_EQ(assessed("", status, options).lifetime, 5min) << status;
  for (const uint16_t status :
       {302, 401, 403, 429, 500, 502, 503, 504}) {  // failures, and what holds for the moment
    EXPECT_EQ(assessed("", status, options).lifetime, 0s) << status;
    EXPECT_EQ(assessed("Cache-Control: max-age=1", status, options).lifetime, 1s) << status;
  }
}

TEST(Freshness, IsGuessedOnlyForSomeStatuses) {  // section 4.2.2, RFC 9110 section 15.1
  const std::string modified = "Last-Modified: " + date(-1000s);
  for (const uint16_t status : {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
    EXPECT_EQ(assessed(modified, status).lifetime, 100s) << status;
  for (const uint16_t status : {201, 202, 302, 303, 307, 400, 403, 500, 503})
    EXPECT_EQ(assessed(modified, status).lifetime, 0s) << status;
  EXPECT_EQ(assessed("Cache-Control: public\n" + modified, 201).lifetime, 100s);
}

TEST(Freshness, FollowsTheTargetedFieldAlone) {  // RFC 9213 section 2.1
  const auto lifetime = [](const std::string& text) { return assessed(text).lifetime; };
  EXPECT_EQ(lifetime("CDN-Cache-Control: max-age=60\nCache-Control: max-age=1"), 60s);
  EXPECT_EQ(lifetime("Popnet-Cache-Control: max-age=5\nCDN-Cache-Control: max-age=60"), 5s);
  EXPECT_EQ(lifetime("CDN-Cache-Control: max-age=60;x=1"), 60s);
  EXPECT_EQ(lifetime("CDN-Cache-Control: max-age=60, max-age=5"), 5s);  // RFC 8941 section 4.2.2
  EXPECT_EQ(lifetime("CDN-Cache-Control: max-age=60\nCDN-Cache-Control: other=:YQ==:"), 60s);
  EXPECT_EQ(lifetime("CDN-Cache-Control: s-maxage=60, max-age=5"), 60s);
  EXPECT_EQ(lifetime("CDN-Cache-Control: must-revalidate\nExpires: " + date(10s)), 0s);
  // Of another type than it should be: not used, and nothing else takes its place.
  for (const char* value : {"\"60\"", "60.0", "?1", "abc", "(60)", ":YQ==:"})
    EXPECT_EQ(lifetime("CDN-Cache-Control: max-age=" + std::string(value) + "\nCache-Control: max-age=1"), 0s)
        << value;
  // Empty or not a dictionary: as if it were not there.
  for (const char* value : {"max-age=60,", "max-age=60,,public", ",max-age=60", "max-age=60;", "max-age=60s",
                            "max-age=+60", "max-age= 60", "max-age='60'", "max-age=6000000000000000"})
    EXPECT_EQ(lifetime("CDN-Cache-Control: " + std::string(value) + "\nCache-Control: max-age=1"), 1s)
        << value;
  EXPECT_EQ(lifetime("CDN-Cache-Control: max-age=60\nCDN-Cache-Control: \nCache-Control: max-age=1"), 1s);
  EXPECT_EQ(lifetime("CDN-Cache-Control: \nCache-Control: max-age=1"), 1s);
  EXPECT_EQ(lifetime("CDN-Cache-Control: max-age=60, &&&\nCache-Control: max-age=1"), 1s);
  EXPECT_EQ(lifetime("CDN-Cache-Control: Max-Age=60\nCache-Control: max-age=1"), 1s);
  const Lines off("CDN-Cache-Control: no-store=?0, private=?1");
  EXPECT_FALSE(read_response_directives(off.fields).no_store);
  EXPECT_TRUE(read_response_directives(off.fields).is_private);
  const Lines odd(
      "CDN-Cache-Control: no-store=1, private=x, public=1, immutable=\"yes\", must-revalidate=0.5");
  const ResponseDirectives read = read_response_directives(odd.fields);
  EXPECT_TRUE(read.no_store && read.is_private && read.must_revalidate) << "in doubt, less is stored";
  EXPECT_FALSE(read.is_public || read.immutable);
  const Lines fields("CDN-Cache-Control: private=\"X-User\", no-cache=\"Set-Cookie, X\"");
  EXPECT_EQ(read_response_directives(fields.fields).private_fields, "X-User");
  EXPECT_EQ(read_response_directives(fields.fields).no_cache_fields, "Set-Cookie, X");
}

TEST(Age, IsTheWorseOfTwoEstimates) {  // section 4.2.3
  EXPECT_EQ(assessed("").initial_age, 0s);
  EXPECT_EQ(assessed("Date: " + date(-7s)).initial_age, 7s);
  EXPECT_EQ(assessed("Date: " + date(7s)).initial_age, 0s);
  EXPECT_EQ(assessed("Age: 30").initial_age, 30s);
  EXPECT_EQ(assessed("Age: 30\nDate: " + date(-7s)).initial_age, 30s);
  EXPECT_EQ(assessed("Age: 3\nDate: " + date(-7s)).initial_age, 7s);
  EXPECT_EQ(assessed("Age: 30", 200, {}, 2s).initial_age, 32s);  // what the exchange took counts
  EXPECT_EQ(assessed("Age: 30, 60").initial_age, 30s);           // section 5.1: the first member
  EXPECT_EQ(assessed("Age: -1").initial_age, 0s);
  EXPECT_EQ(assessed("Age: abc").initial_age, 0s);
  EXPECT_EQ(assessed("Age: 30").age(arrival + 5s), 35s);
}

TEST(Age, CountsNoMoreThanWholeSecondsSinceDate) {  // RFC 9110 section 5.6.7: a date has no parts of a second
  const auto age = [](Duration past_the_second, Duration delay) {
    const Lines lines("Date: " + date(-7s));
    const Exchange exchange{arrival - delay, arrival, wall + past_the_second};
    return assess(200, lines.fields, {}, exchange, {}).initial_age;
  };
  EXPECT_EQ(age(900ms, 0s), 7s);
  EXPECT_EQ(age(900ms, 7500ms), 7500ms);
  EXPECT_EQ(age(1s, 0s), 8s);
  const Lines now("Date: " + date(0s) + "\nCache-Control: max-age=1");
  const Exchange exchange{arrival, arrival, wall + 900ms};
  EXPECT_TRUE(
      assess(200, now.fields, read_response_directives(now.fields), exchange, {}).fresh(arrival + 500ms));
}

struct Judged {
  std::string response;
  std::string request;
  Duration later;
  Use use;
  Why why;
};

TEST(ResponseDirectives, TakeAListThatIsNoneForAll) {  // sections 5.2.2.4 and 5.2.2.7
  for (const char* list : {"\"A B\"", "\"A", "A\"", "\"A, B C\"", "\"A, \"", "\"A;B\""}) {
    const bool good = std::string_view(list) == "\"A, \"";
    const Lines lines("Cache-Control: max-age=9, no-cache=" + std::string(list));
    EXPECT_EQ(read_response_directives(lines.fields).no_cache, !good) << list;
    const Lines kept("Cache-Control: max-age=9, private=" + std::string(list));
    EXPECT_EQ(read_response_directives(kept.fields).is_private, !good) << list;
  }
  const Lines targeted("CDN-Cache-Control: max-age=9, private=\"A B\"");
  EXPECT_TRUE(read_response_directives(targeted.fields).is_private);
}

TEST(ResponseDirectives, TakeASecondListForAll) {
  for (const char* text :
       {"Cache-Control: private=\"A\", private=\"B\"",
        "Cache-Control: private=\"A\"\nCache-Control: private=\"B\"", "Cache-Control: private=\"\\A\""}) {
    const Lines fields(text);
    EXPECT_TRUE(read_response_directives(fields.fields).is_private) << text;
  }
  const Lines confirmed("Cache-Control: no-cache=\"A\", no-cache=\"B\"");
  EXPECT_TRUE(read_response_directives(confirmed.fields).no_cache);
}

TEST(MayServe, DecidesByTheChartAtTheHeadOfFreshness) {
  const Judged cases[] = {
      {"Cache-Control: max-age=60", "", 59s, Use::serve, Why::fresh},
      {"Cache-Control: max-age=60", "", 60s, Use::validate, Why::expired},
      {"Cache-Control: max-age=60\nAge: 30", "", 31s, Use::validate, Why::expired},
      // Response directives: section 5.2.2
      {"Cache-Control: max-age=60, no-cache", "", 0s, Use::validate, Why::response_no_cache},
      {"Cache-Control: max-age=60, no-cache=\"set-cookie\"", "", 0s, Use::serve, Why::fresh},
      {"Cache-Control: max-age=60, must-revalidate", "", 59s, Use::serve, Why::fresh},
      {"Cache-Control: max-age=60, must-revalidate", "Cache-Control: max-stale", 61s, Use::validate,
       Why::never_stale},
      {"Cache-Control: max-age=60, proxy-revalidate", "Cache-Control: max-stale", 61s, Use::validate,
       Why::never_stale},
      {"Cache-Control: s-maxage=60", "Cache-Control: max-stale", 61s, Use::validate, Why::never_stale},
      // Request directives: section 5.2.1
      {"Cache-Control: max-age=60", "Cache-Control: no-cache", 1s, Use::validate, Why::request_no_cache},
      {"Cache-Control: max-age=60", "Cache-Control: max-age=10", 10s, Use::serve, Why::fresh},
      {"Cache-Control: max-age=60", "Cache-Control: max-age=10", 11s, Use::validate, Why::request_max_age},
      {"Cache-Control: max-age=60", "Cache-Control: max-age=0", 1s, Use::validate, Why::request_max_age},
      {"Cache-Control: max-age=60", "Cache-Control: min-fresh=10", 50s, Use::serve, Why::fresh},
      {"Cache-Control: max-age=60", "Cache-Control: min-fresh=10", 51s, Use::validate,
       Why::request_min_fresh},
      {"Cache-Control: max-age=60", "Cache-Control: max-stale", 1h, Use::serve, Why::max_stale},
      {"Cache-Control: max-age=60", "Cache-Control: max-stale=10", 70s, Use::serve, Why::max_stale},
      {"Cache-Control: max-age=60", "Cache-Control: max-stale=10", 71s, Use::validate, Why::expired},
      {"Cache-Control: max-age=60", "Cache-Control: only-if-cached", 1s, Use::serve, Why::fresh},
      {"Cache-Control: max-age=60", "Cache-Control: only-if-cached", 61s, Use::refuse, Why::expired},
      {"Cache-Control: max-age=60", "Pragma: no-cache", 1s, Use::serve, Why::fresh},
      // RFC 5861 section 3
      {"Cache-Control: max-age=60, stale-while-revalidate=30", "", 89s, Use::serve_and_refresh,
       Why::while_revalidate},
      {"Cache-Control: max-age=60, stale-while-revalidate=30", "", 90s, Use::validate, Why::expired},
      {"Cache-Control: max-age=60, stale-while-revalidate=30", "Cache-Control: max-age=100", 61s,
       Use::validate, Why::expired},
      {"Cache-Control: max-age=60, must-revalidate, stale-while-revalidate=30", "", 61s, Use::validate,
       Why::never_stale},
      // RFC 8246 section 2
      {"Cache-Control: max-age=60, immutable", "Cache-Control: max-age=0", 1s, Use::serve, Why::fresh},
      {"Cache-Control: max-age=60, immutable", "Cache-Control: max-age=0", 61s, Use::validate,
       Why::request_max_age},
      {"Cache-Control: max-age=60, immutable", "Cache-Control: no-cache", 1s, Use::validate,
       Why::request_no_cache},
  };
  for (const Judged& c : cases) {
    const Lines request(c.request);
    const Verdict got =
        may_serve(assessed(c.response), read_request_directives(request.fields), arrival + c.later);
    EXPECT_EQ(static_cast<int>(got.use), static_cast<int>(c.use)) << c.response << " | " << c.request;
    EXPECT_STREQ(to_string(got.why), to_string(c.why)) << c.response << " | " << c.request;
  }
}

TEST(MayServe, AfterAnErrorWithinTheWindowOnly) {  // RFC 5861 section 4, RFC 9111 section 4.2.4
  const FreshnessOptions hour{.stale_if_error = 1h};
  struct {
    std::string response;
    std::string request;
    Duration later;
    Why why;
  } const cases[] = {
      {"Cache-Control: max-age=60", "", 61s, Why::if_error},
      {"Cache-Control: max-age=60", "", 60s + 1h, Why::error_window_over},
      {"Cache-Control: max-age=60, stale-if-error=10", "", 69s, Why::if_error},
      {"Cache-Control: max-age=60, stale-if-error=10", "", 70s, Why::error_window_over},
      {"Cache-Control: max-age=60, stale-if-error=10", "Cache-Control: stale-if-error=30", 89s,
       Why::if_error},
      {"Cache-Control: max-age=60, stale-if-error=0", "", 61s, Why::error_window_over},
      {"Cache-Control: max-age=60", "Cache-Control: no-cache", 30s, Why::fresh},
      {"Cache-Control: max-age=60, must-revalidate", "", 61s, Why::never_stale},
      {"Cache-Control: max-age=60, proxy-revalidate", "", 61s, Why::never_stale},
      {"Cache-Control: s-maxage=60", "", 61s, Why::never_stale},
      {"Cache-Control: max-age=60, no-cache", "", 1s, Why::response_no_cache},
  };
  for (const auto& c : cases) {
    const Lines request(c.request);
    const Verdict got = may_serve_after_error(assessed(c.response, 200, hour),
                                              read_request_directives(request.fields), arrival + c.later);
    EXPECT_STREQ(to_string(got.why), to_string(c.why)) << c.response << " | " << c.request;
    EXPECT_EQ(got.use == Use::serve, c.why == Why::if_error || c.why == Why::fresh) << c.response;
  }
}

TEST(MayServeAfterError, NoOldErrorTakesThePlaceOfANewOne) {
  const auto used = [](const char* response, uint16_t status) {
    return may_serve_after_error(assessed(response, status, {.stale_if_error = 1h}), {}, arrival + 61s).use ==
           Use::serve;
  };
  for (const uint16_t status : {500, 502, 503, 504}) {
    EXPECT_FALSE(used("Cache-Control: max-age=60", status)) << status;
    EXPECT_TRUE(used("Cache-Control: max-age=60, stale-if-error=10", status)) << "the origin says so";
  }
  for (const uint16_t status : {200, 404, 410, 501})
    EXPECT_TRUE(used("Cache-Control: max-age=60", status)) << status;
}

TEST(MayFill, UnlessOnlyIfCached) {
  EXPECT_EQ(may_fill({}).use, Use::validate);
  EXPECT_EQ(may_fill({.only_if_cached = true}).use, Use::refuse);
}

TEST(RefreshEarly, OnlyShortlyBeforeTheEnd) {
  StoredPolicy stored;
  stored.response_time = TimePoint(std::chrono::seconds(100));
  stored.lifetime = std::chrono::seconds(60);
  stored.fetch_time = std::chrono::milliseconds(500);
  const auto early = [&](std::chrono::milliseconds before_end, double draw) {
    return refresh_early(stored, stored.response_time + stored.lifetime - before_end, draw);
  };
  using std::chrono::milliseconds;
  EXPECT_FALSE(early(milliseconds(30'000), 1e-9)) << "in no case before the last tenth";
  EXPECT_FALSE(early(milliseconds(6'001), 1e-9));
  EXPECT_TRUE(early(milliseconds(5'999), 0.01));
  EXPECT_FALSE(early(milliseconds(5'999), 0.5)) << "by few of the requests";
  EXPECT_TRUE(early(milliseconds(1'000), 0.5)) << "by more, later";
  EXPECT_TRUE(early(milliseconds(0), 1));
  stored.fetch_time = milliseconds(1);
  EXPECT_FALSE(early(milliseconds(1'000), 0.5)) << "a quick fetch has time";
  EXPECT_TRUE(early(milliseconds(50), 0.5)) << "but not less than 20 ms count";
}

}  // namespace
}  // namespace popnet::http
