// Signed messages: what a server believes, what a client believes, and what neither does.
#include "dns/guard/tsig.h"

#include <gtest/gtest.h>

#include "dns/wire/query.h"
#include "dns/wire/test_query.h"

namespace popnet::dns {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr int64_t now = 1'700'000'000;

TsigKey key(TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256, uint8_t fill = 7) {
  return {*parse_name("key.example"), algorithm, Bytes(32, fill)};
}

Bytes sign(Tsig& tsig, Bytes message, int64_t at = now) {
  const size_t size = message.size();
  message.resize(size + tsig.size_max());
  message.resize(tsig.append(message, size, at));
  return message;
}

size_t offset_in(const Bytes& message) {
  Query query;
  EXPECT_EQ(parse_query(message, query), Verdict::fine);
  return query.tsig_offset;
}

Bytes question() {
  return TestQuery("www.example.com", type::a).bytes();
}

class Signed : public ::testing::TestWithParam<TsigAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(Algorithms, Signed,
                         ::testing::Values(TsigAlgorithm::hmac_sha256, TsigAlgorithm::hmac_sha512));

TEST_P(Signed, BothSidesBelieveEachOther) {
  Tsig client(key(GetParam()));
  const Bytes query = sign(client, question());
  const TsigKey keys[] = {key(GetParam())};
  Tsig server(keys, query, offset_in(query), now + 200);
  ASSERT_EQ(server.error(), TsigError::none);
  EXPECT_EQ(server.key_name(), keys[0].name);
  Bytes bare = question();
  bare[2] |= 0x80;
  const Bytes first = sign(server, bare), second = sign(server, bare);
  EXPECT_TRUE(client.check(first, bare.size(), now));
  EXPECT_TRUE(client.check(second, bare.size(), now)) << "of a stream";
  EXPECT_FALSE(client.check(second, bare.size(), now)) << "twice the same";
}

TEST_P(Signed, UnsignedMessagesOfAStreamAreCoveredByTheNextSignature) {
  Tsig client(key(GetParam()));
  const Bytes query = sign(client, question());
  const TsigKey keys[] = {key(GetParam())};
  Tsig server(keys, query, offset_in(query), now);
  Bytes bare = question();
  bare[2] |= 0x80;
  const Bytes first = sign(server, bare);
  EXPECT_FALSE(Tsig(client).check(bare, 0, now)) << "the first one must be signed";
  EXPECT_TRUE(client.check(first, bare.size(), now));
  EXPECT_TRUE(client.check(bare, 0, now));
  EXPECT_FALSE(client.complete());
  const Bytes last = sign(server, bare);
  EXPECT_FALSE(client.check(last, bare.size(), now)) << "the server has not signed the one between";
}

TEST(Tsig, TheKeysNameMayBeCompressed) {
  Tsig client(key());
  const Bytes plain = sign(client, TestQuery("www.example", type::a).bytes());
  const size_t at = offset_in(plain);  // 3key7example0; "example" stands in the question, too
  Bytes query(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(at + 4));
  query.insert(query.end(), {0xc0, 16});
  query.insert(query.end(), plain.begin() + static_cast<std::ptrdiff_t>(at + 13), plain.end());
  const TsigKey keys[] = {key()};
  EXPECT_EQ(Tsig(keys, query, offset_in(query), now).error(), TsigError::none);
}

TEST(Tsig, WhatIsWrongIsSaid) {
  Tsig client(key());
  const Bytes query = sign(client, question());
  const size_t at = offset_in(query);
  const TsigKey right[] = {key()}, secret[] = {key(TsigAlgorithm::hmac_sha256, 8)},
                algorithm[] = {key(TsigAlgorithm::hmac_sha512)};
  EXPECT_EQ(Tsig(right, query, at, now).error(), TsigError::none);
  EXPECT_EQ(Tsig(secret, query, at, now).error(), TsigError::badsig);
  EXPECT_EQ(Tsig(algorithm, query, at, now).error(), TsigError::badkey);
  EXPECT_EQ(Tsig({}, query, at, now).error(), TsigError::badkey);
  EXPECT_EQ(Tsig(right, query, at, now + 301).error(), TsigError::badtime);
  EXPECT_EQ(Tsig(right, query, at, now - 301).error(), TsigError::badtime);
  for (size_t i = 2; i < query.size(); ++i) {  // the id may change on the way
    Bytes changed = query;
    changed[i] ^= 1;
    Query parsed;
    if (parse_query(changed, parsed) != Verdict::fine || parsed.tsig_offset == 0) continue;
    EXPECT_NE(Tsig(right, changed, parsed.tsig_offset, now).error(), TsigError::none) << "byte " << i;
  }
}

TEST(Tsig, CutMacsAreNotTaken) {
  Tsig client(key());
  Bytes query = sign(client, question());
  const TsigKey keys[] = {key()};
  const size_t at = offset_in(query);
  const size_t mac_size_at = at + 13 + 10 + 13 + 8;
  ASSERT_EQ(query[mac_size_at + 1], 32);
  query[mac_size_at + 1] = 16;
  query[at + 13 + 9] = static_cast<uint8_t>(query[at + 13 + 9] - 16);
  query.erase(query.begin() + static_cast<std::ptrdiff_t>(mac_size_at + 2 + 16),
              query.begin() + static_cast<std::ptrdiff_t>(mac_size_at + 2 + 32));
  EXPECT_EQ(Tsig(keys, query, at, now).error(), TsigError::badtrunc);
}

TEST(Tsig, NothingStandsBehindIt) {
  Tsig client(key());
  Bytes query = sign(client, question());
  query[11] = 2;
  for (const int b : {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0}) query.push_back(static_cast<uint8_t>(b));
  Query parsed;
  EXPECT_EQ(parse_query(query, parsed), Verdict::formerr);
}

TEST(Base64, Reads) {
  EXPECT_EQ(read_base64("QUJD"), (Bytes{'A', 'B', 'C'}));
  EXPECT_EQ(read_base64("QUI="), (Bytes{'A', 'B'}));
  EXPECT_EQ(read_base64("QQ=="), (Bytes{'A'}));
  for (const char* text : {"", "Q", "QQ=", "====", "Q=Q="})
    EXPECT_EQ(read_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace popnet::dns
