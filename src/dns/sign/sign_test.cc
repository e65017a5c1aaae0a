// The parts that signatures are made of: hash, keys and their files, canonical form, cache, budget.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "dns/sign/canonical.h"
#include "dns/sign/key_folder.h"
#include "dns/sign/signature_cache.h"
#include "dns/sign/signer.h"
#include "dns/wire/protocol.h"

namespace popnet::dns::sign {
namespace {

Name name(std::string_view text) {
  return parse_name(text).value();
}
std::vector<uint8_t> bytes_of(const Name& n) {
  return {n.bytes().begin(), n.bytes().end()};
}

// From the reference implementation: vectors_sip128, key and message 00 01 02 …
TEST(SipHash, GivesTheReferenceVectors) {
  const SipHash hash({0x0706050403020100, 0x0f0e0d0c0b0a0908});
  std::vector<uint8_t> message;
  const Digest empty = hash.hash(message);
  EXPECT_EQ(empty.low, 0xe6a825ba047f81a3);
  EXPECT_EQ(empty.high, 0x930255c71472f66d);
  message = {0};
  EXPECT_EQ(hash.hash(message).low, 0x44af996bd8c187da);
  EXPECT_EQ(hash.hash(message).high, 0x45fc229b11597634);
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "popnet-keys-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const Times in_use = [] {
  Times times;
  times.publish = times.activate = 1'700'000'000;
  return times;
}();

TEST(KeyFolder, GivesBackWhatItWasGiven) {
  const Folder folder;
  const KeyFolder keys(folder.path() + "/made/here");
  const Name zone = name("example.com");
  EXPECT_TRUE(keys.load(zone).value().empty());
  for (const Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::ed25519}) {
    Times times;
    times.created = times.publish = times.activate = 1'700'000'000;
    times.sync = 1'700'000'300;
    const Key made(Secret::generate(algorithm).value(), Role::ksk, times);
    ASSERT_TRUE(keys.add(zone, made).ok());
    const auto loaded = keys.load(zone).value();
    ASSERT_EQ(loaded.size(), 1U);
    EXPECT_EQ(loaded[0].dnskey, made.dnskey);
    EXPECT_EQ(loaded[0].state.tag, made.state.tag);
    EXPECT_EQ(loaded[0].state.times, times);
    EXPECT_EQ(loaded[0].secret.private_bytes(), made.secret.private_bytes());
    EXPECT_TRUE(keys.remove(zone, made.state));
  }
  EXPECT_TRUE(keys.load(zone).value().empty());
  EXPECT_TRUE(keys.load(name("other.example")).value().empty());
}

TEST(KeyFolder, KeepsKeysOfZonesApartWhoseNamesFilesCannotHave) {
  const Folder folder;
  const KeyFolder keys(folder.path());
  const Name zones[] = {
      name("."),
      name("0/25.2.0.192.in-addr.arpa"),
      name("0_25.2.0.192.in-addr.arpa"),
      name("a+013.example"),
      name("a.example"),
      name("+.a.example"),
      name(std::string(63, 'x') + "." + std::string(63, 'y') + "." + std::string(63, 'z') + ".a")};
  for (const Name& zone : zones)
    ASSERT_TRUE(keys.add(zone, Key(Secret::generate(Algorithm::ed25519).value(), Role::csk, in_use)).ok());
  const KeyFiles files = keys.list().value();
  EXPECT_EQ(files.size(), std::size(zones));
  for (const Name& zone : zones) EXPECT_EQ(keys.load(zone, files).value().size(), 1U) << zone.to_text();
}

// Between listing the folder and reading its files, whoever manages the keys may remove one.
TEST(KeyFolder, GoesOnWithoutAKeyThatHasJustGone) {
  const Folder folder;
  std::filesystem::create_symlink("gone", folder.path() + "/Kexample.com.+013+00001.private");
  const auto keys = KeyFolder(folder.path()).load(name("example.com"));
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  EXPECT_TRUE(keys->empty());
}

TEST(KeyFolder, NamesTheFileThatIsBroken) {
  const Folder folder;
  const KeyFolder keys(folder.path());
  const Name zone = name("example.com");
  const Key made(Secret::generate(Algorithm::ed25519).value(), Role::csk, in_use);
  ASSERT_TRUE(keys.add(zone, made).ok());
  const auto said = [&] {
    const auto loaded = keys.load(zone);
    return loaded ? "" : loaded.error().message;
  };
  const std::string base = fmt::format("{}/Kexample.com.+015+{:05}", folder.path(), made.state.tag);
  for (const char* end : {".private", ".state"})
    std::filesystem::copy(base + end, folder.path() + "/Kexample.com.+015+other" + end);
  EXPECT_NE(said().find("+015+other.private: this is the key of " + base + ".private"), std::string::npos)
      << said();
  for (const char* end : {".private", ".state"})
    std::filesystem::remove(folder.path() + "/Kexample.com.+015+other" + end);
  EXPECT_EQ(said(), "");
  for (const char* state : {"Role: csk\n", "Publish: 20240101000000\nActivate: 20240101000000\n",
                            "Role: csk\nPublish: 2024-01-01\nActivate: 20240101000000\n"}) {
    std::ofstream(base + ".state") << state;
    EXPECT_NE(said().find(base + ".state: write the key's role"), std::string::npos) << said();
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.path().extension() == ".private")
      std::ofstream(entry.path()) << "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\n";
  const auto loaded = keys.load(zone);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message.find(".private: algorithm '8 (RSASHA256)' is not 13"), std::string::npos)
      << loaded.error().message;
}

// RFC 8080 section 6.1: private key, DNSKEY and DS of example.com.
TEST(Key, GivesTheTagAndDsOfRfc8080) {
  const std::vector<uint8_t> secret = {0x38, 0x32, 0x32, 0x36, 0x30, 0x33, 0x38, 0x34, 0x36, 0x32, 0x38,
                                       0x30, 0x38, 0x30, 0x31, 0x32, 0x32, 0x36, 0x34, 0x35, 0x31, 0x39,
                                       0x30, 0x32, 0x30, 0x34, 0x31, 0x34, 0x32, 0x32, 0x36, 0x32};
  const Key key(Secret::from_bytes(Algorithm::ed25519, secret).value(), Role::ksk, {});
  EXPECT_EQ(key.state.tag, 3613);
  const Name owner = name("example.com");
  const auto ds = ds_data(owner.bytes(), key);
  const std::vector<uint8_t> head(ds.begin(), ds.begin() + 8);
  EXPECT_EQ(head, (std::vector<uint8_t>{0x0e, 0x1d, 15, 2, 0x3a, 0xa5, 0xab, 0x37}));
}

// The signature of RFC 8080 section 6.1 as erratum 4935 corrects it. Ed25519 gives the same bytes every time.
TEST(Key, SignsTheSetOfRfc8080) {
  std::vector<uint8_t> secret;
  for (const char c : std::string_view("82260384628080122645190204142262"))
    secret.push_back(static_cast<uint8_t>(c));
  const Secret key = Secret::from_bytes(Algorithm::ed25519, secret).value();
  const Name owner = name("example.com"), mail = name("Mail.Example.com");
  std::vector<uint8_t> mx = {0, 10};
  mx.insert(mx.end(), mail.bytes().begin(), mail.bytes().end());
  CanonicalData canonical(type::mx);
  canonical.add(mx);
  const std::vector<uint8_t> data = canonical.finish();
  const Content content{owner.bytes(), type::mx, 3600, data};
  std::vector<uint8_t> room(input_size_max(content));
  ByteWriter input(room);
  write_input(input, {type::mx, 15, 2, 3600, 1440021600, 1438207200, 3613, owner.bytes()}, content);
  SignatureBytes signature;
  ASSERT_TRUE(input.ok() && key.sign(input.written(), signature));
  std::string text(89, '\0');
  text.resize(static_cast<size_t>(
      EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), signature.data(), signature.size())));
  EXPECT_EQ(text, "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==");
}

// ECDSA signatures differ each time; OpenSSL says whether one is right, from the bytes that go over the wire.
TEST(Key, SignsWithEcdsaAsRfc6605Wants) {
  const Secret key = Secret::generate(Algorithm::ecdsa_p256).value();
  const std::vector<uint8_t> input = {1, 2, 3};
  SignatureBytes signature;
  ASSERT_TRUE(key.sign(input, signature));
  std::vector<uint8_t> point = {4};  // SEC 1 section 2.3.3: uncompressed
  point.insert(point.end(), key.public_bytes().begin(), key.public_bytes().end());
  ASSERT_EQ(point.size(), 65U);
  EVP_PKEY* verifier = EVP_EC_gen("P-256");
  ASSERT_EQ(EVP_PKEY_set1_encoded_public_key(verifier, point.data(), point.size()), 1);
  ECDSA_SIG* numbers = ECDSA_SIG_new();
  ECDSA_SIG_set0(numbers, BN_bin2bn(signature.data(), 32, nullptr),
                 BN_bin2bn(signature.data() + 32, 32, nullptr));
  uint8_t der[80];
  uint8_t* end = der;
  const int size = i2d_ECDSA_SIG(numbers, &end);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ASSERT_EQ(EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, verifier), 1);
  EXPECT_EQ(EVP_DigestVerify(context, der, static_cast<size_t>(size), input.data(), input.size()), 1);
  EVP_MD_CTX_free(context);
  ECDSA_SIG_free(numbers);
  EVP_PKEY_free(verifier);
}

TEST(Canonical, LowersNamesOfOldTypesOnly) {
  const auto data_of = [](uint16_t type, std::vector<uint8_t> data) {
    CanonicalData canonical(type);
    canonical.add(data);
    return canonical.finish();
  };
  EXPECT_EQ(data_of(type::mx, {0, 'A', 1, 'B', 0}), (std::vector<uint8_t>{0, 5, 0, 'A', 1, 'b', 0}));
  EXPECT_EQ(data_of(type::txt, {1, 'B'}), (std::vector<uint8_t>{0, 2, 1, 'B'}));
  EXPECT_EQ(data_of(35, {0, 1, 0, 2, 1, 'S', 0, 1, 'R', 1, 'N', 0}),
            (std::vector<uint8_t>{0, 12, 0, 1, 0, 2, 1, 'S', 0, 1, 'R', 1, 'n', 0}))
      << "NAPTR: only its name";
}

TEST(Canonical, SortsAndDropsRepetitions) {
  CanonicalData canonical(type::a);
  for (const uint8_t last : {9, 1, 9}) canonical.add(std::vector<uint8_t>{192, 0, 2, last});
  EXPECT_EQ(canonical.finish(), (std::vector<uint8_t>{0, 4, 192, 0, 2, 1, 0, 4, 192, 0, 2, 9}));
}

// RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234.
TEST(TypeSet, WritesTheBitmapOfTheRfc) {
  TypeSet types;
  for (const uint16_t t : {1234, 47, 1, 46, 15, 1, 99}) types.add(static_cast<uint16_t>(t));
  types.remove(99);
  uint8_t room[100];
  ByteWriter out(room);
  types.write(out);
  std::vector<uint8_t> expected = {0, 6, 0x40, 0x01, 0, 0, 0, 0x03, 4, 0x1b};
  expected.resize(expected.size() + 26);
  expected.push_back(0x20);
  EXPECT_EQ(std::vector<uint8_t>(out.written().begin(), out.written().end()), expected);
}

std::vector<uint8_t> next_of(NameBytes n) {
  uint8_t room[300];
  ByteWriter out(room);
  write_next_name(out, n);
  return {out.written().begin(), out.written().end()};
}

TEST(NextName, IsTheFirstNameBelow) {
  const Name a = name("a.example");
  auto expected = bytes_of(a);
  expected.insert(expected.begin(), {1, 0});
  EXPECT_EQ(next_of(a.bytes()), expected);
}

TEST(NextName, CountsUpWhereThereIsNoRoomBelow) {
  const auto longest = [](uint8_t last) {  // 255 bytes: labels of 63, 63, 63 and 61
    std::vector<uint8_t> n;
    for (const uint8_t size : {63, 63, 63, 61}) {
      n.push_back(size);
      n.insert(n.end(), size, 'x');
    }
    n.push_back(0);
    n[63] = last;
    return n;
  };
  EXPECT_EQ(next_of(longest('a')), longest('b'));
  EXPECT_EQ(next_of(longest('@')), longest('[')) << "capital letters sort as small ones";
  const auto full = longest(255);
  auto parent = longest(255);
  parent.erase(parent.begin(), parent.begin() + 64);
  parent[63] = 'y';
  EXPECT_EQ(next_of(full), parent);
}

TEST(SignatureCache, KeepsWhatFits) {
  SignatureCache cache(64);
  for (uint64_t i = 1; i <= 16; ++i) {
    Signature s;
    s.inception = static_cast<uint32_t>(i);
    s.bytes.fill(static_cast<uint8_t>(i));
    cache.put({i, i * 7}, s);
  }
  Signature found;
  for (uint64_t i = 1; i <= 16; ++i) {
    ASSERT_TRUE(cache.find({i, i * 7}, found));
    EXPECT_EQ(found.inception, i);
    EXPECT_EQ(found.bytes[63], i);
  }
  EXPECT_FALSE(cache.find({3, 4}, found));
  EXPECT_FALSE(cache.find({0, 0}, found)) << "an empty place is nobody's";
}

// Two writers, two readers: what is found is whole.
TEST(SignatureCache, NeverGivesHalfASignature) {
  SignatureCache cache(4);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (const uint8_t seed : {1, 2})
    threads.emplace_back([&, seed] {
      for (uint32_t i = 0; i < 200'000; ++i) {
        Signature s;
        const auto fill = static_cast<uint8_t>(seed + 2 * i);
        s.inception = fill;
        s.bytes.fill(fill);
        cache.put({i % 8 * 16, 1}, s);
      }
      stop = true;
    });
  for (int reader = 0; reader < 2; ++reader)
    threads.emplace_back([&] {
      Signature s;
      for (uint64_t i = 0; !stop; ++i) {
        if (!cache.find({i % 8 * 16, 1}, s)) continue;
        for (const uint8_t b : s.bytes) ASSERT_EQ(b, s.inception);
      }
    });
  for (std::thread& t : threads) t.join();
}

TEST(Budget, IsFilledByTime) {
  Budget budget(100);
  const auto spend = [&] {
    int taken = 0;
    while (budget.take()) ++taken;
    return taken;
  };
  WallTime now = WallTime(std::chrono::seconds(1'000'000));
  budget.refill(now);
  EXPECT_EQ(spend(), 100);
  budget.refill(now += std::chrono::milliseconds(250));
  EXPECT_EQ(spend(), 25);
  budget.refill(now += std::chrono::seconds(60));
  EXPECT_EQ(spend(), 100) << "a second's worth at most";
}

class SignerTest : public ::testing::Test {
 protected:
  static constexpr Seconds now = 1'700'000'000, validity = 14 * 86400;
  static ZoneSigner signer_at(Seconds at, const Secret& secret) {
    Times times;
    times.publish = times.activate = 1;
    std::vector<Key> keys;
    keys.emplace_back(secret, Role::csk, times);
    return {name("example.com"), std::move(keys), at, validity, 3600};
  }
  const Secret secret = Secret::generate(Algorithm::ecdsa_p256).value();
  const Name owner = name("www.example.com");
  const std::vector<uint8_t> data = {0, 4, 192, 0, 2, 1};
  const Content content{owner.bytes(), type::a, 300, data};
};

TEST_F(SignerTest, MakesASignatureOnceAndAgainWhenItGrowsOld) {
  const ZoneSigner signer = signer_at(now, secret);
  SignatureStore store;
  const auto first = signer.sign(content, now, store);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(signer.sign(content, now + validity / 3, store), first);
  EXPECT_NE(signer.sign(content, now + validity * 2 / 3, store), first);
  EXPECT_EQ(store.size(), 1U);
}

TEST_F(SignerTest, ForgetsWhatIsNoLongerInTheZone) {
  const ZoneSigner signer = signer_at(now, secret);
  SignatureStore store;
  (void)signer.sign(content, now, store);
  store.drop_unused();
  EXPECT_EQ(store.size(), 1U);
  store.drop_unused();
  EXPECT_EQ(store.size(), 0U);
}

TEST_F(SignerTest, SignsQueryByQueryWithinTheBudget) {
  const ZoneSigner signer = signer_at(now, secret);
  Online online(1);
  uint8_t room[512];
  const auto write = [&](const Content& c) {
    ByteWriter out(room);
    return signer.write_online(out, c, 20, 12, now, online, {online.random, &online.for_random});
  };
  EXPECT_EQ(write(content), 1U);
  EXPECT_EQ(write(content), 1U) << "from the cache";
  const std::vector<uint8_t> other = {0, 4, 192, 0, 2, 2};
  EXPECT_EQ(write({owner.bytes(), type::a, 300, other}), 0U) << "the budget is used up";
  EXPECT_EQ(online.made, 1U);
  EXPECT_EQ(online.refused, 1U);
}

}  // namespace
}  // namespace popnet::dns::sign
