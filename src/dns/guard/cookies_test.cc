#include "dns/guard/cookies.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdlib>

namespace popnet::dns {
namespace {

size_t allocations = 0;  // of OpenSSL

std::vector<uint8_t> bytes(std::string_view hex) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i < hex.size(); i += 2)
    out.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

const std::string secret_a1 = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const std::string secret_a4_new = "445536bcd2513298075a5d379663c962";
const std::string secret_a4_old = "dd3bdf9344b678b185a6f5cb60fca715";

CookieMaker::Judged judge(const std::vector<std::string>& secrets, std::string_view cookie,
                          const char* client, CookieTime now) {
  CookieMaker maker;
  const auto keys = parse_cookie_secrets(secrets);
  return maker.judge(keys, bytes(cookie), ip(client), now);
}

std::vector<uint8_t> reply(const CookieMaker::Judged& judged) {
  return {judged.reply.begin(), judged.reply.end()};
}

TEST(Cookies, LearningANewServer) {  // RFC 9018 appendix A.1
  const auto judged = judge({secret_a1}, "2464c4abcf10c957", "198.51.100.100", 1559731985);
  EXPECT_EQ(judged.state, CookieState::client_only);
  EXPECT_EQ(reply(judged), bytes("010000005cf79f111f8130c3eee29480"));
}

TEST(Cookies, TheSameClientAgain) {  // RFC 9018 appendix A.2: after 40 minutes the cookie is renewed
  const auto judged =
      judge({secret_a1}, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559734385);
  EXPECT_EQ(judged.state, CookieState::valid);
  EXPECT_EQ(reply(judged), bytes("010000005cf7a871d4a564a1442aca77"));
}

TEST(Cookies, AYoungOneComesBackAsItWas) {
  const auto judged = judge({secret_a1}, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100",
                            1559731985 + 60);
  EXPECT_EQ(judged.state, CookieState::valid);
  EXPECT_EQ(reply(judged), bytes("010000005cf79f111f8130c3eee29480"));
}

TEST(Cookies, ReservedBytesAreTakenAsTheyCome) {  // RFC 9018 appendix A.3
  const std::string cookie = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5";
  EXPECT_EQ(judge({secret_a1}, cookie, "203.0.113.203", 1559727985 + 600).state, CookieState::valid);
  const auto old = judge({secret_a1}, cookie, "203.0.113.203", 1559734700);
  EXPECT_EQ(old.state, CookieState::wrong) << "almost two hours later";
  EXPECT_EQ(reply(old), bytes("010000005cf7a9acf73a7810aca2381e")) << "ours are zero";
}

TEST(Cookies, ARolledSecret) {  // RFC 9018 appendix A.4
  const std::string cookie = "22681ab97d52c298010000005cf7c57926556bd0934c72f8";
  const char* client = "2001:db8:220:1:59de:d0f4:8769:82b8";
  const auto judged = judge({secret_a4_new, secret_a4_old}, cookie, client, 1559741961);
  EXPECT_EQ(judged.state, CookieState::valid);
  EXPECT_EQ(reply(judged), bytes("010000005cf7c609a6bb79d16625507a")) << "made with the new secret";
  EXPECT_EQ(judge({secret_a4_new}, cookie, client, 1559741961).state, CookieState::wrong);
}

TEST(Cookies, AgeAndAddress) {
  const std::string cookie = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
  const CookieTime made = 1559731985;
  const auto state = [&](const char* client, CookieTime now) {
    return judge({secret_a1}, cookie, client, now).state;
  };
  EXPECT_EQ(state("198.51.100.100", made + 3600), CookieState::valid);
  EXPECT_EQ(state("198.51.100.100", made + 3601), CookieState::wrong);
  EXPECT_EQ(state("198.51.100.100", made - 300), CookieState::valid);
  EXPECT_EQ(state("198.51.100.100", made - 301), CookieState::wrong);
  EXPECT_EQ(state("198.51.100.101", made), CookieState::wrong);
}

TEST(Cookies, OtherSizesAreAnothers) {
  EXPECT_EQ(judge({secret_a1}, "", "192.0.2.1", 5).state, CookieState::none);
  EXPECT_EQ(judge({secret_a1}, "00112233445566778899aabbccddeeff", "192.0.2.1", 5).state, CookieState::wrong);
}

TEST(Cookies, ChanceMakesDifferentSecrets) {
  EXPECT_EQ(cookie_secret_from(1), cookie_secret_from(1));
  EXPECT_NE(cookie_secret_from(1), cookie_secret_from(2));
}

void* counted_malloc(size_t size, const char*, int) {
  ++allocations;
  return std::malloc(size);
}
void* counted_realloc(void* at, size_t size, const char*, int) {
  ++allocations;
  return std::realloc(at, size);
}
void plain_free(void* at, const char*, int) {
  std::free(at);
}
// OpenSSL takes other functions only before its first allocation.
const bool counting = CRYPTO_set_mem_functions(counted_malloc, counted_realloc, plain_free) == 1;

TEST(Cookies, AQueryAllocatesNothing) {
  ASSERT_TRUE(counting);
  CookieMaker maker;
  const auto keys = parse_cookie_secrets({secret_a4_new, secret_a4_old, secret_a1});
  const auto cookie = bytes("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  const IpAddress client = ip("198.51.100.100");
  ASSERT_GT(allocations, 0u) << "the counter sees what OpenSSL does";
  const size_t before = allocations;
  for (CookieTime now = 1559731985; now < 1559731985 + 1000; ++now)
    ASSERT_EQ(maker.judge(keys, cookie, client, now).state, CookieState::valid);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace popnet::dns
