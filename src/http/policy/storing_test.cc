// What a shared cache may store: RFC 9111 section 3.
#include "http/policy/storing.h"

#include <gtest/gtest.h>

#include <string>

namespace popnet::http {
namespace {

struct Asked {
  std::string request;   // request line and fields
  std::string response;  // status line and fields
  StoreWhy why;
  StoreOptions options = {};
};

StoreWhy judged(const Asked& asked) {
  std::string request_bytes, response_bytes;
  for (const char c : asked.request + "\nHost: a\n\n")
    request_bytes += c == '\n' ? std::string("\r\n") : std::string(1, c);
  for (const char c : asked.response + "\n\n")
    response_bytes += c == '\n' ? std::string("\r\n") : std::string(1, c);
  RequestHead request;
  ResponseHead response;
  EXPECT_TRUE(parse_request(request_bytes, Limits{}, request).complete()) << asked.request;
  EXPECT_TRUE(parse_response(response_bytes, Limits{}, response).complete()) << asked.response;
  return may_store(request, read_request_directives(request.fields), response,
                   read_response_directives(response.fields), asked.options)
      .why;
}

TEST(MayStore, DecidesAsSection3Says) {
  const std::string get = "GET / HTTP/1.1", ok = "HTTP/1.1 200 OK\nCache-Control: max-age=60";
  const Asked cases[] = {
      {get, ok, StoreWhy::stored},
      {get, "HTTP/1.1 200 OK\nExpires: Thu, 01 Jan 2099 00:00:00 GMT", StoreWhy::stored},
      {get, "HTTP/1.1 200 OK\nCache-Control: s-maxage=60", StoreWhy::stored},
      {get, "HTTP/1.1 200 OK\nETag: \"a\"", StoreWhy::stored},
      {get, "HTTP/1.1 200 OK\nLast-Modified: Thu, 01 Jan 2015 00:00:00 GMT", StoreWhy::stored},
      {get, "HTTP/1.1 200 OK", StoreWhy::no_freshness},
      {get, "HTTP/1.1 200 OK", StoreWhy::stored, {.lifetime_by_rule = true}},
      {get, "HTTP/1.1 404 Not Found", StoreWhy::stored, {.lifetime_by_rule = true}},
      {get, "HTTP/1.1 500 Oops", StoreWhy::no_freshness, {.lifetime_by_rule = true}},
      {get, "HTTP/1.1 401 No\nWWW-Authenticate: Basic", StoreWhy::no_freshness, {.lifetime_by_rule = true}},
      {get, "HTTP/1.1 302 Found\nLast-Modified: Thu, 01 Jan 2015 00:00:00 GMT", StoreWhy::no_freshness},
      // Any final status with explicit freshness, known or not
      {get, "HTTP/1.1 299 ?\nCache-Control: max-age=60", StoreWhy::stored},
      {get, "HTTP/1.1 303 See Other\nCache-Control: max-age=60", StoreWhy::stored},
      {get, "HTTP/1.1 499 ?\nCache-Control: max-age=60", StoreWhy::stored},
      {get, "HTTP/1.1 599 ?\nCache-Control: max-age=60", StoreWhy::stored},
      {get, "HTTP/1.1 103 Early Hints\nCache-Control: max-age=60", StoreWhy::status},
      // Section 3.3: a part, when its place is known
      {get, "HTTP/1.1 206 Partial\nCache-Control: max-age=60\nContent-Range: bytes 0-4/10", StoreWhy::part},
      {get + "\nRange: bytes=0-4", "HTTP/1.1 206 P\nCache-Control: max-age=60\nContent-Range: bytes 0-4/10",
       StoreWhy::stored},
      {get + "\nRange: bytes=0-4", "HTTP/1.1 206 P\nCache-Control: max-age=60\nContent-Range: bytes 0-4/*",
       StoreWhy::stored},
      {get + "\nRange: bytes=0-4", "HTTP/1.1 206 P\nCache-Control: max-age=60", StoreWhy::part},
      {get + "\nRange: bytes=0-4", "HTTP/1.1 206 P\nCache-Control: no-store\nContent-Range: bytes 0-4/10",
       StoreWhy::no_store},
      {get, "HTTP/1.1 304 Not Modified\nCache-Control: max-age=60", StoreWhy::condition},
      // RFC 9110 section 9.3.1: what a GET carries is in no key
      {get + "\nContent-Length: 3", ok, StoreWhy::content},
      {get + "\nTransfer-Encoding: chunked", ok, StoreWhy::content},
      {get + "\nContent-Length: 0", ok, StoreWhy::stored},
      // RFC 9110 sections 15.5.13 and 15.5.17: what conditions and ranges made of it is for who had them
      {get + "\nRange: bytes=9-", "HTTP/1.1 416 No\nCache-Control: max-age=60", StoreWhy::condition},
      {get, "HTTP/1.1 416 No\nCache-Control: max-age=60", StoreWhy::stored},
      {get + "\nIf-Match: \"a\"", "HTTP/1.1 412 No\nCache-Control: max-age=60", StoreWhy::condition},
      {get + "\nIf-Unmodified-Since: Thu, 01 Jan 2015 00:00:00 GMT",
       "HTTP/1.1 412 No\nCache-Control: max-age=60", StoreWhy::condition},
      {"POST /x HTTP/1.1\nIf-Match: \"a\"",
       "HTTP/1.1 412 No\nCache-Control: max-age=60\nContent-Location: /x", StoreWhy::condition},
      // Section 5.2.2.3
      {get, "HTTP/1.1 200 OK\nCache-Control: max-age=60, no-store, must-understand", StoreWhy::stored},
      {get, "HTTP/1.1 299 ?\nCache-Control: max-age=60, must-understand", StoreWhy::status},
      // Methods
      {"HEAD / HTTP/1.1", ok, StoreWhy::stored},  // for HEAD
      {"HEAD / HTTP/1.1\nRange: bytes=0-1",
       "HTTP/1.1 206 OK\nCache-Control: max-age=9\nContent-Range: bytes 0-1/9", StoreWhy::part},
      {"HEAD / HTTP/1.1\nContent-Length: 1", ok, StoreWhy::content},
      {"POST / HTTP/1.1", ok, StoreWhy::method},
      // RFC 9110 section 9.3.3
      {"POST /x HTTP/1.1", ok + "\nContent-Location: /x", StoreWhy::stored},
      {"POST /x HTTP/1.1", ok + "\nContent-Location: http://a/x", StoreWhy::stored},
      {"POST /x HTTP/1.1", ok + "\nContent-Location: /y", StoreWhy::method},
      {"POST /x HTTP/1.1", ok + "\nContent-Location: http://b/x", StoreWhy::method},
      {"POST /x HTTP/1.1", ok + ", no-store\nContent-Location: /x", StoreWhy::no_store},
      {"POST /x HTTP/1.1", "HTTP/1.1 200 OK\nETag: \"a\"\nContent-Location: /x", StoreWhy::method},
      {"PUT /x HTTP/1.1", ok + "\nContent-Location: /x", StoreWhy::method},
      {"get / HTTP/1.1", ok, StoreWhy::method},
      // Directives
      {"GET / HTTP/1.1\nCache-Control: no-store", ok, StoreWhy::request_no_store},
      {get, ok + ", no-store", StoreWhy::no_store},
      {get, ok + ", private", StoreWhy::is_private},
      {get, ok + ", private=\"X-User\"", StoreWhy::stored},
      {get, ok + ", no-cache", StoreWhy::stored},
      // Section 3.5
      {"GET / HTTP/1.1\nAuthorization: Basic YTpi", ok, StoreWhy::authorization},
      {"GET / HTTP/1.1\nAuthorization: Basic YTpi", ok + ", public", StoreWhy::stored},
      {"GET / HTTP/1.1\nAuthorization: Basic YTpi", ok + ", must-revalidate", StoreWhy::stored},
      {"GET / HTTP/1.1\nAuthorization: Basic YTpi", ok + ", s-maxage=9", StoreWhy::stored},
      {"GET / HTTP/1.1\nAuthorization: Basic YTpi",
       "HTTP/1.1 200 OK\nETag: \"a\"",
       StoreWhy::authorization,
       {.lifetime_by_rule = true}},
      // Cookies by option
      {get, ok + "\nSet-Cookie: a=b", StoreWhy::set_cookie},
      {get, ok + "\nSet-Cookie: a=b", StoreWhy::stored, {.set_cookie = model::SetCookie::store}},
      {get, ok + "\nSet-Cookie: a=b", StoreWhy::stored, {.set_cookie = model::SetCookie::strip}},
      {get, ok + ", private=\"set-cookie\"\nSet-Cookie: a=b", StoreWhy::stored},
      {get, ok + ", no-cache=\"X, Set-Cookie\"\nSet-Cookie: a=b", StoreWhy::stored},
      // Types by option
      {"GET /a/x.css HTTP/1.1", ok + "\nContent-Type: text/html", StoreWhy::stored},
      {"GET /a/x.css HTTP/1.1", ok + "\nContent-Type: text/html", StoreWhy::type, {.check_type = true}},
      {"GET /a/x.css HTTP/1.1", ok + "\nContent-Type: text/css", StoreWhy::stored, {.check_type = true}},
      {"GET /a/x.css HTTP/1.1",
       "HTTP/1.1 404 No\nCache-Control: max-age=60\nContent-Type: text/html",
       StoreWhy::stored,
       {.check_type = true}},
      // Section 4.1
      // What an origin behind CGI takes for the field that Vary names is in no key
      {get + "\nX_Own: 1", ok + "\nVary: Accept, X-Own", StoreWhy::disguise},
      {get + "\nX-Own: 1", ok + "\nVary: x_own", StoreWhy::disguise},
      {get + "\nX_Own: 1", ok + "\nVary: x_own", StoreWhy::stored},
      {get + "\nX_Own: 1", ok + "\nVary: X-Owner", StoreWhy::stored},
      {get + "\nAccept_Encoding: br", ok + "\nVary: Accept-Encoding",
       StoreWhy::stored},  // which no origin gets
      {get, ok + "\nVary: *", StoreWhy::vary_star},
      {get, ok + "\nVary: accept\nVary: user-agent, *", StoreWhy::vary_star},
      {get, ok + "\nVary: accept\nVary: X-Forwarded-For", StoreWhy::vary_star},
      {get, ok + "\nVary: accept user-agent", StoreWhy::vary_star},
      // Section 5.2.2: a list that names no field names all
      {get, ok + ", private=\" , \"", StoreWhy::is_private},
      // RFC 9213: the targeted field wins in both directions
      {get, "HTTP/1.1 200 OK\nCache-Control: no-store\nCDN-Cache-Control: max-age=60", StoreWhy::stored},
      {get, ok + "\nCDN-Cache-Control: no-store", StoreWhy::no_store},
  };
  for (const Asked& c : cases)
    EXPECT_STREQ(to_string(judged(c)), to_string(c.why)) << c.request << " | " << c.response;
}

TEST(MayStore, KeepsFieldsThatOthersMaySee) {  // sections 3.1, 5.2.2.4 and 5.2.2.7
  Fields fields;
  fields.add("Cache-Control", "private=\"X-User, x-other\", no-cache=\"X-Fresh\"");
  fields.add("Connection", "close, X-Hop");
  const HopByHop hop(fields);
  const ResponseDirectives directives = read_response_directives(fields);
  const auto stored = [&](std::string_view name) {
    return is_stored({find_field_name(name), name, "v"}, hop, directives);
  };
  for (const char* name :
       {"Content-Type", "Date", "ETag", "Cache-Control", "Content-Length", "X-Own", "Via", "Trailer"})
    EXPECT_TRUE(stored(name)) << name;
  for (const char* name : {"Set-Cookie", "Age", "X-User", "X-OTHER", "X-Fresh", "X-Hop", "Connection",
                           "Keep-Alive", "Proxy-Authenticate", "Transfer-Encoding", "Upgrade"})
    EXPECT_FALSE(stored(name)) << name;
}

TEST(MayStore, KeepsCookiesOnlyWhereTheyAreToBeStored) {
  Fields fields;
  const HopByHop hop(fields);
  const Field cookie{FieldName::set_cookie, "Set-Cookie", "a=b"};
  EXPECT_FALSE(is_stored(cookie, hop, {}, model::SetCookie::pass));
  EXPECT_FALSE(is_stored(cookie, hop, {}, model::SetCookie::strip));
  EXPECT_TRUE(is_stored(cookie, hop, {}, model::SetCookie::store));
  EXPECT_FALSE(is_stored(cookie, hop, {.private_fields = "set-cookie"}, model::SetCookie::store));
}

TEST(MayUpdate, NotWhatMayNotBeStored) {  // RFC 9111 sections 3.5, 5.2.1.5, 5.2.2.5, 5.2.2.7
  RequestHead request;
  EXPECT_TRUE(may_update(request, {}, {}));
  EXPECT_FALSE(may_update(request, {.no_store = true}, {}));
  EXPECT_FALSE(may_update(request, {}, {.no_store = true}));
  EXPECT_TRUE(forbids_storing({.no_store = true}));
  EXPECT_FALSE(forbids_storing({.no_store = true, .must_understand = true}));
  EXPECT_TRUE(forbids_storing({.is_private = true}));
  EXPECT_FALSE(forbids_storing({.no_cache = true}));
  EXPECT_TRUE(may_update(request, {}, {.no_store = true, .must_understand = true}));
  EXPECT_FALSE(may_update(request, {}, {.is_private = true}));
  request.fields.add("Authorization", "Basic YTpi");
  EXPECT_FALSE(may_update(request, {}, {}));
  EXPECT_TRUE(may_update(request, {}, {.is_public = true}));
}

TEST(MayLookup, GetAndHeadWithoutBody) {
  RequestHead request;
  for (const Method method : {Method::get, Method::head}) {
    request.method = method;
    EXPECT_TRUE(may_lookup(request));
  }
  EXPECT_TRUE(may_share_fill(request, {}));
  EXPECT_FALSE(may_share_fill(request, {.no_store = true}));
  request.fields.add("Authorization", "Basic YTpi");
  EXPECT_TRUE(may_lookup(request));
  EXPECT_FALSE(may_share_fill(request, {}));
  request.body = {Framing::Kind::length, 5};
  EXPECT_FALSE(may_lookup(request));
  request.body = {Framing::Kind::length, 0};
  EXPECT_TRUE(may_lookup(request));
  request.body = {Framing::Kind::chunked, 0};
  EXPECT_FALSE(may_lookup(request));
  request.body = {};
  request.method = Method::post;
  EXPECT_FALSE(may_lookup(request));
}

}  // namespace
}  // namespace popnet::http
