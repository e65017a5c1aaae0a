// Primary and secondary keys (RFC 9111 sections 2 and 4.1), and what an unsafe request invalidates
// (section 4.4).
#include "http/policy/key.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "common/text.h"
#include "http/policy/invalidation.h"
#include "http/policy/vary.h"

namespace popnet::http {
namespace {

std::string wire(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::string key_of(const std::string& line, std::string_view host, bool ignore_query = false,
                   std::string_view site = "s", uint16_t local = 0) {
  const std::string bytes = wire(line + " HTTP/1.1\nHost: " + std::string(host) + "\n\n");
  RequestHead request;
  EXPECT_TRUE(parse_request(bytes, Limits{}, request).complete()) << bytes;
  request.own_port = own_port(request, local);
  KeyBuilder builder;
  return std::string(builder.make(key_parts(site, request, ignore_query)));
}

/// Of what has arrived at that port.
std::string key_at(uint16_t local, const std::string& line, std::string_view host) {
  return key_of(line, host, false, "s", local);
}

std::string with_site(std::string_view site, std::string_view url) {
  return std::string(site) + '\0' + std::string(url);
}

TEST(Key, EqualsOnlyWhatRfc3986AndTheHostnameCallEqual) {
  EXPECT_EQ(key_of("GET /a?b", "Example.COM"), with_site("s", "http://example.com/a?b"));
  EXPECT_EQ(key_of("GET /a?b", "example.com:80"), with_site("s", "http://example.com/a?b"));
  EXPECT_EQ(key_of("GET /a", "example.com:8080"), with_site("s", "http://example.com/a"));
  EXPECT_EQ(key_of("GET /a", "EXAMPLE.com.:8080"), with_site("s", "http://example.com/a"));
  EXPECT_EQ(key_of("GET http://example.com?b", "x"), with_site("s", "http://example.com/?b"));
  EXPECT_EQ(key_of("GET https://example.com:443/", "x"), with_site("s", "https://example.com/"));
  EXPECT_NE(key_of("GET /A", "a"), key_of("GET /a", "a"));
  EXPECT_NE(key_of("GET /%41", "a"), key_of("GET /A", "a"));
  EXPECT_NE(key_of("GET /a?", "a"), key_of("GET /a", "a"));
  EXPECT_EQ(key_of("GET /a?b", "a", true), key_of("GET /a?c", "a", true));
  EXPECT_EQ(key_of("GET /a?b", "a", true), key_of("GET /a", "a"));
}

std::string with_port(std::string_view url, std::string_view port) {
  return with_site("s", url) + '\0' + std::string(port);
}

TEST(Key, HasThePortAtWhichTheRequestHasArrived) {
  EXPECT_EQ(key_at(8080, "GET /a?b", "example.com:8080"), with_port("http://example.com/a?b", "8080"));
  EXPECT_EQ(key_at(8080, "GET /a", "EXAMPLE.com.:008080"), with_port("http://example.com/a", "8080"));
  EXPECT_EQ(key_at(65535, "GET /", "[2001:db8::1]:65535"), with_port("http://[2001:db8::1]/", "65535"));
  EXPECT_EQ(key_at(8080, "GET http://example.com:8080/a", "x"), with_port("http://example.com/a", "8080"));
  EXPECT_EQ(key_at(80, "GET https://example.com:80/", "x"), with_port("https://example.com/", "80"));
}

TEST(Key, HasNoOtherPort) {
  const std::string none = with_site("s", "http://example.com/a");
  for (const char* host : {"example.com", "example.com:", "example.com:81", "example.com:0", "example.com:80",
                           "example.com:808"})
    EXPECT_EQ(key_at(8080, "GET /a", host), none) << host;
  EXPECT_EQ(key_at(80, "GET /a", "example.com:80"), none);
  EXPECT_EQ(key_at(80, "GET /a", "example.com:080"), none);
  EXPECT_EQ(key_at(80, "GET /a", "example.com:8080"), none);
  EXPECT_EQ(key_at(8080, "GET http://example.com/a", "example.com:8080"), none) << "the target decides";
  EXPECT_EQ(key_at(443, "GET https://example.com:443/a", "x"), with_site("s", "https://example.com/a"));
}

TEST(Key, WithAPortBeginsLikeTheOneWithout) {  // so that prefixes of URLs are prefixes of both
  for (const char* line : {"GET /a", "GET /a?b", "GET /?"})
    EXPECT_TRUE(key_at(8080, line, "a:8080").starts_with(key_at(8080, line, "a"))) << line;
}

TEST(Key, OfTwoSitesIsNeverTheSame) {
  EXPECT_NE(key_of("GET /", "a", false, "one"), key_of("GET /", "a", false, "two"));
  EXPECT_NE(key_of("GET /", "a", false, "s"), key_of("GET /", "a", false, "sh"));
}

TEST(Key, OfAnUrlIsThatOfItsRequest) {
  KeyBuilder builder;
  const auto key = [&](std::string_view text) {
    HttpUrl url;
    EXPECT_TRUE(parse_http_url(text, url)) << text;
    return std::string(builder.make(key_parts("s", url, false)));
  };
  EXPECT_EQ(key("http://Example.com/a?b"), key_of("GET /a?b", "example.com"));
  EXPECT_EQ(key("http://example.com:8080"), key_of("GET /", "example.com:8080"));
  HttpUrl url;
  for (const char* bad : {"/a", "ftp://example.com/a", "http://", "http:///a", "http://a@b/", "example.com"})
    EXPECT_FALSE(parse_http_url(bad, url)) << bad;
}

TEST(Key, ThatDoesNotFitIsEmpty) {
  const std::string path(KeyBuilder::capacity, 'a');
  KeyBuilder builder;
  KeyParts parts;
  parts.site = "s";
  parts.host = "h";
  parts.path = path;
  EXPECT_EQ(builder.make(parts), "");
}

TEST(Key, ThatIsAsLongAsAUriMayBeFitsWithItsPort) {
  const std::string path(Limits{}.uri_max, 'a'), host(255, 'h'), site(255, 's');
  KeyBuilder builder;
  const KeyParts parts{
      .site = site, .https = true, .host = host, .path = path, .query = {}, .has_query = true, .port = 65535};
  EXPECT_TRUE(builder.make(parts).ends_with("?" + std::string(1, '\0') + "65535"));
}

TEST(Vary, IsReadOverAllLines) {
  Fields fields;
  EXPECT_EQ(read_vary(fields).kind, VaryKind::none);
  fields.add("Vary", "Origin, Accept-Encoding");
  fields.add("Vary", "origin");
  EXPECT_EQ(read_vary(fields), (Vary{VaryKind::names, "accept-encoding,origin"}));
  fields.add("Vary", "x, *");
  EXPECT_EQ(read_vary(fields).kind, VaryKind::star);
}

TEST(Vary, NamesOnlyWhatUsersMaySay) {
  const auto read = [](std::string_view value) {
    Fields fields;
    fields.add("Vary", value);
    return read_vary(fields);
  };
  const Vary star{VaryKind::star, {}}, none{};
  // The edge tells these of each client, or request, anew
  for (const char* value : {"X-Forwarded-For", "Accept, x-forwarded-for", "X-Request-Id"})
    EXPECT_EQ(read(value), star) << value;
  // No list of names: what the origin means nobody knows
  for (const char* value : {"\"X\"", "X Y", "X; Y", "*;q=1", "\"*\"", "X:Y"})
    EXPECT_EQ(read(value), star) << value;
  // The edge tells these alike for all that share a key, or drops what users say
  for (const char* value : {"Host", "X-Forwarded-Proto, X-Forwarded-Host", "X-Real-IP, Forwarded", ", ,"})
    EXPECT_EQ(read(value), none) << value;
  EXPECT_EQ(read("Via, X-Real-IP, Accept"), (Vary{VaryKind::names, "accept,via"}));
}

std::string secondary(std::string_view names, const std::string& lines) {
  Fields fields;
  for (const std::string_view line : split(lines, '\n')) {
    const size_t colon = line.find(": ");
    if (colon != line.npos) fields.add(line.substr(0, colon), line.substr(colon + 2));
  }
  std::array<char, 4096> room;
  const SecondaryKey key = make_secondary_key(names, fields, room);
  EXPECT_TRUE(key.ok);
  return std::string(key.text);
}

TEST(SecondaryKey, IsTheSameForEqualMeaning) {  // RFC 9111 section 4.1
  const std::string_view coding = "accept-encoding", language = "accept-language";
  const std::string gzip = secondary(coding, "Accept-Encoding: gzip, br");
  EXPECT_EQ(secondary(coding, "accept-encoding: BR ,\tGZIP"), gzip);
  EXPECT_EQ(secondary(coding, "Accept-Encoding: gzip;q=1.0,br"), gzip);
  EXPECT_EQ(secondary(coding, "Accept-Encoding: br\nAccept-Encoding: gzip"), gzip);
  EXPECT_NE(secondary(coding, "Accept-Encoding: gzip, br;q=0.5"), gzip);
  EXPECT_EQ(secondary(coding, "Accept-Encoding: br; Q=0.50, gzip"),
            secondary(coding, "Accept-Encoding: gzip,br;q=0.5"));
  EXPECT_EQ(secondary(language, "Accept-Language: en, de"), secondary(language, "Accept-Language: de,EN"));
  EXPECT_NE(secondary(language, "Accept-Language: en, de;q=0.1"),
            secondary(language, "Accept-Language: de, en;q=0.1"));
  // Lines of any field join to a list (RFC 9110 section 5.3)
  EXPECT_EQ(secondary("x", "X: a\nX: b"), secondary("x", "X: a, b"));
  EXPECT_EQ(secondary("x", "X: a ,b"), secondary("x", "X: a, b"));
}

TEST(SecondaryKey, DiffersWhereMeaningMayDiffer) {
  EXPECT_NE(secondary("x", "X: a"), secondary("x", "X: A"));
  EXPECT_NE(secondary("x", "X: "), secondary("x", ""));
  EXPECT_NE(secondary("x", "X: \"a ,b\""), secondary("x", "X: \"a,b\""));
  EXPECT_NE(secondary("x", "X: a b"), secondary("x", "X: a, b"));
  EXPECT_NE(secondary("x", "X: a, b"), secondary("x", "X: b, a"));
  EXPECT_NE(secondary("accept-encoding", "Accept-Encoding: "), secondary("accept-encoding", ""));
  EXPECT_NE(secondary("x,y", "X: a"), secondary("x,y", "Y: a"));
  EXPECT_NE(secondary("x,y", "X: a\nY: b"), secondary("x,y", "X: b\nY: a"));
  EXPECT_NE(secondary("accept-encoding", "Accept-Encoding: gzip;x=1"),
            secondary("accept-encoding", "Accept-Encoding: gzip"));
  EXPECT_NE(secondary("accept-encoding", "Accept-Encoding: gzip;q=9"),
            secondary("accept-encoding", "Accept-Encoding: gzip"));
}

TEST(SecondaryKey, TakesMalformedPreferencesAsTheyAre) {
  for (const char* value : {"gzip;", "gzip;;q=1", "gzip;q", ";q=1", "gzip;q=1;q=1"})
    EXPECT_NE(secondary("accept-encoding", "Accept-Encoding: " + std::string(value)),
              secondary("accept-encoding", "Accept-Encoding: gzip"))
        << value;
}

TEST(SecondaryKey, LeavesOutWhatTheOriginWillNotSee) {
  EXPECT_EQ(secondary("x", "X: a\nConnection: X"), secondary("x", ""));
  EXPECT_EQ(secondary("accept-language", "Accept-Language: a\nConnection: accept-language"),
            secondary("accept-language", ""));
}

TEST(SecondaryKey, ThatDoesNotFitIsRefused) {
  Fields fields;
  fields.add("X", "0123456789");
  std::array<char, 8> room;
  EXPECT_FALSE(make_secondary_key("x", fields, room).ok);
}

TEST(Invalidation, IsOfThePortThatTheRequestNames) {  // the same origin: RFC 9110 section 4.3.1
  const std::string own = with_port("http://a/x", "8080"), none = with_site("s", "http://a/x");
  struct {
    const char* host;
    const char* location;
    std::vector<std::string> want;
  } const cases[] = {
      {"a:8080", "/new", {own, with_port("http://a/new", "8080")}},
      {"a:8080", "http://A:8080/new", {own, with_port("http://a/new", "8080")}},
      {"a:08080", "http://a:8080/new", {own, with_port("http://a/new", "8080")}},
      {"a:8080", "//a:008080/new", {own, with_port("http://a/new", "8080")}},
      {"a:8080", "http://a/new", {own}},
      {"a:8080", "http://a:80/new", {own}},
      {"a", "http://a:8080/new", {none}},
      {"a", "http://a:080/new", {none, with_site("s", "http://a/new")}},
      {"a:81", "http://a:81/new", {none, with_site("s", "http://a/new")}},
      {"a:81", "http://a/new", {none, with_site("s", "http://a/new")}},  // what the origin was asked for
      {"a:81", "http://a:8080/new", {none}},
  };
  for (const auto& c : cases) {
    const std::string request_bytes = wire("PUT /x HTTP/1.1\nHost: " + std::string(c.host) + "\n\n");
    const std::string response_bytes = wire("HTTP/1.1 201 OK\nLocation: " + std::string(c.location) + "\n\n");
    RequestHead request;
    ResponseHead response;
    ASSERT_TRUE(parse_request(request_bytes, Limits{}, request).complete());
    ASSERT_TRUE(parse_response(response_bytes, Limits{}, response).complete());
    request.own_port = own_port(request, 8080);
    Invalidation plan;
    plan_invalidation("s", request, response, false, plan);
    KeyBuilder builder;
    std::vector<std::string> got;
    for (size_t i = 0; i < plan.count; ++i) got.emplace_back(builder.make(plan.keys[i]));
    EXPECT_EQ(got, c.want) << c.host << " " << c.location;
  }
}

TEST(Invalidation, FollowsASuccessfulUnsafeRequest) {  // RFC 9111 section 4.4
  const std::string target = with_site("s", "http://a/x");
  struct {
    const char* method;
    const char* response;
    std::vector<std::string> want;
  } const cases[] = {
      {"POST", "HTTP/1.1 200 OK\n", {target}},
      {"DELETE", "HTTP/1.1 204 OK\n", {target}},
      {"FROB", "HTTP/1.1 302 OK\n", {target}},
      {"PUT", "HTTP/1.1 201 OK\nLocation: /new?q\n", {target, with_site("s", "http://a/new?q")}},
      {"PUT",
       "HTTP/1.1 201 OK\nLocation: http://A:80/new\nContent-Location: /x#f\n",
       {target, with_site("s", "http://a/new"), target}},
      {"PUT", "HTTP/1.1 201 OK\nLocation: http://b/new\nContent-Location: //b/new\n", {target}},
      {"PUT", "HTTP/1.1 201 OK\nLocation: //a/new\n", {target, with_site("s", "http://a/new")}},
      {"PUT", "HTTP/1.1 201 OK\nLocation: https://a/new\nContent-Location: http://a:81/new\n", {target}},
      {"PUT", "HTTP/1.1 201 OK\nLocation: near\n", {target, with_site("s", "http://a/near")}},
      {"PUT", "HTTP/1.1 201 OK\nLocation: ../b/./c/\n", {target, with_site("s", "http://a/b/c/")}},
      {"PUT", "HTTP/1.1 201 OK\nLocation: ?q\n", {target, with_site("s", "http://a/x?q")}},
      {"PUT", "HTTP/1.1 201 OK\nLocation: mailto:a@b\n", {target}},
      {"POST", "HTTP/1.1 500 No\n", {}},
      {"POST", "HTTP/1.1 404 No\nLocation: /new\n", {}},
      {"GET", "HTTP/1.1 200 OK\nLocation: /new\n", {}},
      {"OPTIONS", "HTTP/1.1 200 OK\n", {}},
      {"PROPFIND", "HTTP/1.1 207 OK\n", {}},
      {"REPORT", "HTTP/1.1 207 OK\n", {}},
      {"SEARCH", "HTTP/1.1 200 OK\n", {}},
      {"QUERY", "HTTP/1.1 200 OK\nLocation: /new\n", {}},
      {"query", "HTTP/1.1 200 OK\n", {target}},  // methods are case sensitive: who knows what this one does
      {"PROPPATCH", "HTTP/1.1 207 OK\n", {target}},
  };
  for (const auto& c : cases) {
    const std::string request_bytes = wire(std::string(c.method) + " /x HTTP/1.1\nHost: a\n\n");
    const std::string response_bytes = wire(std::string(c.response) + "\n");
    RequestHead request;
    ResponseHead response;
    ASSERT_TRUE(parse_request(request_bytes, Limits{}, request).complete());
    ASSERT_TRUE(parse_response(response_bytes, Limits{}, response).complete());
    Invalidation plan;
    plan_invalidation("s", request, response, false, plan);
    KeyBuilder builder;
    std::vector<std::string> got;
    for (size_t i = 0; i < plan.count; ++i) got.emplace_back(builder.make(plan.keys[i]));
    EXPECT_EQ(got, c.want) << c.method << " " << c.response;
  }
}

}  // namespace
}  // namespace popnet::http
