// What passes a gateway (RFC 9110 section 7.6) and what this one says of itself (RFC 9211).
#include "http/policy/forwarding.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "http/policy/cache_status.h"

namespace popnet::http {
namespace {

Field named(std::string_view name) {
  return {find_field_name(name), name, "v"};
}

TEST(Forwarding, DropsWhatIsForThisConnection) {
  Fields fields;
  fields.add("Connection", "keep-alive, X-Hop");
  fields.add("Connection", "close, Cookie");
  const HopByHop hop(fields);
  for (const char* name : {"Connection", "keep-alive", "Proxy-Connection", "TE", "Transfer-Encoding",
                           "Upgrade", "Proxy-Authorization", "x-hop", "Cookie"}) {
    EXPECT_FALSE(is_forwarded_request(named(name), hop, ForWhom::asker)) << name;
    EXPECT_FALSE(is_forwarded_response(named(name), hop)) << name;
  }
  EXPECT_TRUE(is_forwarded_request(named("X-Other"), hop, ForWhom::asker));
  EXPECT_TRUE(is_forwarded_response(named("Trailer"), hop))
      << "RFC 9110 section 6.6.2: a hint of what was dropped";
  EXPECT_TRUE(is_forwarded_request(named("Close"), HopByHop(Fields{}), ForWhom::asker));
}

TEST(Forwarding, KeepsWhatIsForAllCachesThoughConnectionNamesIt) {  // RFC 9110 section 7.6.1
  Fields fields;
  fields.add("Connection", "Cache-Control, CDN-Cache-Control, vary, Expires, Date, X-Hop");
  const HopByHop hop(fields);
  for (const char* name : {"Cache-Control", "cdn-cache-control", "Vary", "Expires", "Date"})
    EXPECT_TRUE(is_forwarded_response(named(name), hop)) << name;
  EXPECT_TRUE(is_forwarded_request(named("Cache-Control"), hop, ForWhom::store));
  EXPECT_FALSE(is_forwarded_response(named("X-Hop"), hop));
}

TEST(Forwarding, OfARequestBelievesNothingThatTheEdgeSaysItself) {
  const Fields none;
  const HopByHop hop(none);
  for (const char* name : {"Host", "Content-Length", "Expect", "Via", "Forwarded", "X-Forwarded-For",
                           "X-Forwarded-Host", "X-Forwarded-Proto", "X-Request-Id"})
    EXPECT_FALSE(is_forwarded_request(named(name), hop, ForWhom::asker)) << name;
  for (const char* name : {"Accept", "Authorization", "Cookie", "Cache-Control", "User-Agent"})
    EXPECT_TRUE(is_forwarded_request(named(name), hop, ForWhom::store)) << name;
  for (const char* name :
       {"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}) {
    EXPECT_FALSE(is_forwarded_request(named(name), hop, ForWhom::store)) << name;
    EXPECT_TRUE(is_forwarded_request(named(name), hop, ForWhom::asker)) << name;
  }
  EXPECT_TRUE(is_forwarded_request(named("Range"), hop, ForWhom::part));
  EXPECT_TRUE(is_forwarded_request(named("If-Range"), hop, ForWhom::part));
  EXPECT_FALSE(is_forwarded_request(named("If-None-Match"), hop, ForWhom::part));
}

TEST(Forwarding, OfARequestDropsWhatOnlyGatewaysMaySay) {
  const Fields none;
  const HopByHop hop(none);
  for (const char* name : {"X-Forwarded",
                           "X-Forwarded-Port",
                           "x-forwarded-prefix",
                           "X-Forwarded-Server",
                           "X-Forwarded-Whatever",
                           "X-Host",
                           "X-Original-URL",
                           "X-Rewrite-Url",
                           "X-Real-IP",
                           "True-Client-IP",
                           "Front-End-Https",
                           "X_Forwarded_For",
                           "X-Forwarded_Host",
                           "x_original_url",
                           "X_Request_Id",
                           "Proxy",
                           "Content_Length",
                           "X.Real.IP",
                           "transfer_Encoding",
                           "If_None_Match",
                           "Accept_Encoding",
                           "Cache_Control"})
    for (const ForWhom whom : {ForWhom::asker, ForWhom::store, ForWhom::part})
      EXPECT_FALSE(is_forwarded_request(named(name), hop, whom)) << name;
  for (const char* name :
       {"X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X_HTTP_Method_Override"}) {
    EXPECT_FALSE(is_forwarded_request(named(name), hop, ForWhom::store)) << name;
    EXPECT_FALSE(is_forwarded_request(named(name), hop, ForWhom::part)) << name;
    EXPECT_TRUE(is_forwarded_request(named(name), hop, ForWhom::asker)) << name;
  }
  for (const char* name : {"X-Hosts", "X-Forward", "X_Own", "X-Original"})
    EXPECT_TRUE(is_forwarded_request(named(name), hop, ForWhom::store)) << name;
}

TEST(Forwarding, OfARequestKeepsOnlyWhatIsNamed) {
  Fields fields;
  for (const char* name : {"Host", "X-Own", "Accept-Language", "Cookie", "If-None-Match", "Cache-Control",
                           "ACCEPT-ENCODING", "Connection", "User-Agent", "Accept-Encoding"})
    fields.add(name, "v");
  const std::string names[] = {"Accept-Encoding", "X-Other"};
  keep_only(fields, names);
  std::string left;
  for (const Field& field : fields) left += std::string(field.name) + " ";
  EXPECT_EQ(left, "Host If-None-Match Cache-Control ACCEPT-ENCODING Connection Accept-Encoding ");
  EXPECT_FALSE(fields.has(FieldName::cookie));
  EXPECT_TRUE(fields.repeated(FieldName::accept_encoding));
}

TEST(Forwarding, OfAnAnswerKeepsWhatOtherCachesSay) {  // RFC 9211 section 2
  const Fields none;
  const HopByHop hop(none);
  EXPECT_TRUE(is_forwarded_response(named("Cache-Status"), hop));
  for (const char* name : {"Age", "Content-Length", "Via"})
    EXPECT_FALSE(is_forwarded_response(named(name), hop)) << name;
}

TEST(Tunnel, IsMadeForWebSocketAlone) {  // RFC 9110 section 7.8, RFC 6455 section 4.1
  const auto wants = [](Method method, uint8_t minor, std::string_view connection, std::string_view upgrade) {
    RequestHead request;
    request.method = method;
    request.minor = minor;
    request.fields.add("Connection", connection);
    request.fields.add("Upgrade", upgrade);
    return wants_tunnel(request);
  };
  EXPECT_TRUE(wants(Method::get, 1, "Upgrade", "websocket"));
  EXPECT_TRUE(wants(Method::get, 1, "keep-alive, upgrade", "WebSocket"));
  EXPECT_FALSE(wants(Method::get, 1, "keep-alive", "websocket"));
  EXPECT_FALSE(wants(Method::get, 0, "Upgrade", "websocket"));
  EXPECT_FALSE(wants(Method::post, 1, "Upgrade", "websocket"));
  for (const char* other : {"h2c", "websocket, h2c", "TLS/1.0", ""})
    EXPECT_FALSE(wants(Method::get, 1, "Upgrade", other)) << other;
}

TEST(Via, GrowsByThisNode) {  // RFC 9110 section 7.6.3
  Fields fields;
  std::array<char, 64> room;
  EXPECT_EQ(make_via(fields, 0, "popnet-a", room), "1.0 popnet-a");
  fields.add("Via", "1.0 fred (a, b)");
  fields.add("Via", "HTTP/1.1 proxy.example:8080");
  EXPECT_EQ(make_via(fields, 1, "popnet-a", room),
            "1.0 fred (a, b), HTTP/1.1 proxy.example:8080, 1.1 popnet-a");
  EXPECT_EQ(make_via(fields, 1, "popnet-a", std::span(room).first(20)), "1.1 popnet-a");
  EXPECT_EQ(make_via(fields, 1, "popnet-a", std::span(room).first(5)), "");
}

TEST(Via, ShowsALoop) {
  Fields fields;
  fields.add("Via", "1.1 other, 1.1  popnet-a (x)");
  EXPECT_TRUE(is_loop(fields, "popnet-a"));
  EXPECT_TRUE(is_loop(fields, "other"));
  EXPECT_FALSE(is_loop(fields, "popnet"));
  EXPECT_FALSE(is_loop(fields, "1.1"));
}

TEST(CacheStatus, SaysWhatWasDone) {  // RFC 9211 section 2
  using namespace std::chrono_literals;
  std::array<char, 160> room;
  const auto text = [&room](const CacheStatus& status) {
    return std::string(format_cache_status("popnet-a", status, room));
  };
  EXPECT_EQ(text({.ttl = 52900ms}), "popnet-a; hit; ttl=52");
  EXPECT_EQ(text({.ttl = -1500ms}), "popnet-a; hit; ttl=-2");
  EXPECT_EQ(text({.forward = CacheForward::uri_miss, .stored = true}), "popnet-a; fwd=uri-miss; stored");
  EXPECT_EQ(text({.forward = CacheForward::stale,
                  .forward_status = 304,
                  .ttl = 60s,
                  .collapsed = true,
                  .detail = "if-error"}),
            "popnet-a; fwd=stale; fwd-status=304; ttl=60; collapsed; detail=if-error");
  EXPECT_EQ(format_cache_status("a \"b\"", {}, room), "\"a \\\"b\\\"\"; hit");
  EXPECT_EQ(format_cache_status("popnet-a", {}, std::span(room).first(10)), "");
}

}  // namespace
}  // namespace popnet::http
