#include "config/schema/conditions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/schema/scalar.h"

namespace popnet::config {
namespace {

using Condition = Status (*)(const std::string&);

void expect(Condition condition, const std::vector<std::string>& fine,
            const std::vector<std::string>& wrong) {
  for (const std::string& text : fine) EXPECT_TRUE(condition(text).ok()) << text;
  for (const std::string& text : wrong) EXPECT_FALSE(condition(text).ok()) << text;
}

TEST(Conditions, Label) {
  expect(is_label, {"a", "ams-2", std::string(63, 'x')},
         {"", "Ams", "-a", "a-", "a.b", "a b", std::string(64, 'x')});
}

TEST(Conditions, Word) {
  expect(is_word, {"web1", "10.0.0.1:80", "[::1]:80", "A_b"}, {"", "a/b", "a b", "a\n"});
}

TEST(Conditions, Host) {
  expect(is_host, {"example.com", "example.com:8080", "192.0.2.1", "[2001:db8::1]", "[2001:db8::1]:443"},
         {"", "example.com:", "example.com:0", "example.com:65536", "[2001:db8::1", "2001:db8::1", "a b",
          "http://a"});
}

TEST(Conditions, MailAddress) {
  expect(is_mail_address, {"hostmaster@example.com", "a.b+c@example.com"},
         {"", "example.com", "@example.com", "a@", "a b@c"});
}

TEST(Conditions, UrlPath) {
  expect(is_url_path, {"/", "/a?b=c"}, {"", "a", "/a b", "/\x7f"});
}

TEST(Conditions, PathSegment) {
  expect(is_path_segment, {"shop", "Shop_1.x~"}, {"", ".", "..", "a/b", "a b", "a%20"});
}

TEST(Conditions, RulePath) {
  expect(is_rule_path, {"*", "/", "/a", "/a/*", "/a*", "*.png"},
         {"", "a", "**", "*a*", "/a*b", "/a b", "png"});
}

TEST(Conditions, NatsUrl) {
  expect(is_nats_url, {"nats://10.0.0.1:4222", "nats://a:b@host:4222,nats://[::1]:4222"},
         {"", "10.0.0.1:4222", "nats://", "http://a", "nats://a, nats://b"});
}

TEST(Conditions, WholeSeconds) {
  EXPECT_TRUE(is_whole_seconds(std::chrono::seconds(20)).ok());
  EXPECT_EQ(is_whole_seconds(std::chrono::milliseconds(500)).error().message,
            "DNS counts whole seconds, write one like 20s");
}

TEST(DnsName, IsKeptInLowerCaseWithoutTheFinalDot) {
  EXPECT_EQ(*parse_dns_name("WWW.Example.COM."), "www.example.com");
  EXPECT_EQ(*parse_dns_name("localhost"), "localhost");
  EXPECT_EQ(*parse_dns_name("_dmarc.example.com"), "_dmarc.example.com");
}

TEST(DnsName, RefusesWhatDnsCannotCarry) {
  const std::string label(63, 'x');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'x');
  EXPECT_TRUE(parse_dns_name(longest).ok());
  for (const std::string& text :
       {longest + "x", std::string(64, 'x') + ".com", std::string(), std::string("."), std::string("a..b"),
        std::string(".a"), std::string("a-.com"), std::string("-a.com"), std::string("a b.com"),
        std::string("*.com"), std::string("a.com..")})
    EXPECT_FALSE(parse_dns_name(text).ok()) << text;
  EXPECT_EQ(parse_dns_name("shop_.example.com!").error().message,
            "'shop_.example.com!' is not a DNS name, write one like www.example.com, of letters, digits, '-' "
            "and '_'");
}

TEST(ZoneName, MayBeAnyNameOfTheDns) {
  const std::pair<const char*, const char*> written_and_kept[] = {
      {".", "."},
      {"Example.COM.", "example.com"},
      {"0/25.2.0.192.IN-ADDR.arpa", "0/25.2.0.192.in-addr.arpa"},
      {"_tcp.-odd-.example", "_tcp.-odd-.example"},
      {R"(a\.b.Example.)", R"(a\.b.example)"},
      {R"(a\046b.example)", R"(a\.b.example)"},
      {R"(\065\032\255\$\x.example)", R"(a\032\255\$x.example)"},
      {R"(ends\..)", R"(ends\.)"},
  };
  for (const auto& [written, kept] : written_and_kept) EXPECT_EQ(*parse_zone_name(written), kept) << written;
}

TEST(ZoneName, RefusesWhatDnsCannotCarry) {
  const std::string label(63, 'x');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'x');
  EXPECT_TRUE(parse_zone_name(longest).ok());
  for (const std::string& text :
       {longest + "x", std::string(64, 'x') + ".com", std::string(), std::string("a..b"), std::string(".a"),
        std::string(".."), std::string("a b.com"), std::string("*.com"), std::string("a.com.."),
        std::string("a\\"), std::string("a\\25"), std::string("a\\256.com"), std::string("a\"b.com")})
    EXPECT_FALSE(parse_zone_name(text).ok()) << text;
  EXPECT_EQ(
      parse_zone_name("a b.com").error().message,
      "'a b.com' is not the name of a zone, write one like example.com, '.' or 0/25.2.0.192.in-addr.arpa, "
      "of letters, digits, '-', '_' and '/', other characters as \\X or \\DDD");
}

TEST(Conditions, Base64IsWholeBytes) {
  for (const char* text : {"QQ==", "QUI=", "QUJD", "+/+/"}) EXPECT_TRUE(is_base64(text)) << text;
  for (const char* text : {"", "====", "Q", "QQ", "QQ=", "Q===", "QU=C", "Q Q=", "QQ==\n"})
    EXPECT_FALSE(is_base64(text)) << text;
}

TEST(Conditions, SlicesAreNotTiny) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{65536}, uint64_t{1} << 30})
    EXPECT_TRUE(is_slice_size(size).ok());
  for (const uint64_t size : {1, 65535}) EXPECT_FALSE(is_slice_size(size).ok());
  EXPECT_EQ(
      is_slice_size(1024).error().message,
      "'1KiB' is not a size for slices, write 64KiB or more (each slice costs a request to an origin and an "
      "object in the store), or 0 for none");
}

}  // namespace
}  // namespace popnet::config
