// Keys that vanish: a zone that validators know by its keys is never signed with new ones alone.
#include "dns/sign/keeper.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace popnet::dns::sign {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest() {
    std::string pattern = (fs::temp_directory_path() / "popnet-keeper-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    options_.enabled = true;
    options_.dnskey_ttl = std::chrono::hours(1);
    options_.validity = std::chrono::hours(24 * 14);
  }
  ~KeeperTest() { fs::remove_all(folder_); }

  [[nodiscard]] std::string keys() const { return folder_ + "/keys"; }
  [[nodiscard]] KeyKeeper keeper(bool manages = true) const {
    return {keys(), manages, folder_ + "/zones_with_keys"};
  }
  /// DNSKEY records of the zone as it is signed now, or why it is not.
  Result<std::vector<std::vector<uint8_t>>> sign(KeyKeeper& keeper, const char* zone = "example.com") {
    keeper.begin(now_);
    auto signer = keeper.signer(*parse_name(zone), options_);
    if (!signer) return signer.error();
    std::vector<std::vector<uint8_t>> dnskeys;
    for (const Key& key : (*signer)->published()) dnskeys.push_back(key.dnskey);
    return dnskeys;
  }
  [[nodiscard]] size_t files() const {
    std::error_code none;
    return static_cast<size_t>(std::distance(fs::directory_iterator(keys(), none), {}));
  }

  std::string folder_;
  model::Dnssec options_;
  Seconds now_ = 1'700'000'000;
};

TEST_F(KeeperTest, AFolderThatVanishesIsNotMadeAnew) {
  KeyKeeper keeper = this->keeper();
  const auto first = sign(keeper);
  ASSERT_TRUE(first);
  fs::rename(keys(), folder_ + "/away");
  EXPECT_EQ(sign(keeper).value(), *first) << "from memory";
  fs::create_directory(keys());
  EXPECT_EQ(sign(keeper).value(), *first) << "an empty folder";
  EXPECT_EQ(files(), 0U);
  fs::remove(keys());
  fs::rename(folder_ + "/away", keys());
  EXPECT_EQ(sign(keeper).value(), *first) << "it is back";
  EXPECT_TRUE(sign(keeper, "example.net")) << "a new zone gets its first key";
}

TEST_F(KeeperTest, OneOfTwoKeysThatVanishesIsNotReplaced) {
  options_.split = true;
  KeyKeeper keeper = this->keeper();
  const auto first = sign(keeper);
  ASSERT_EQ(first.value().size(), 2U);
  for (const auto& file : fs::directory_iterator(keys()))
    if (file.path().extension() == ".private") {
      fs::remove(file.path());
      break;
    }
  EXPECT_THAT(sign(keeper).value(), ::testing::UnorderedElementsAreArray(*first));
  EXPECT_EQ(files(), 5U);
}

TEST_F(KeeperTest, AfterAStartAZoneThatHadKeysGetsNoNewOnes) {
  {
    KeyKeeper before = keeper();
    ASSERT_TRUE(sign(before));
  }
  fs::rename(keys(), folder_ + "/away");
  KeyKeeper after = keeper();
  const auto refused = sign(after);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("has no keys for zone example.com., which had some"));
  EXPECT_THAT(refused.error().message, HasSubstr("zones_with_keys"));
  EXPECT_EQ(files(), 0U);
  EXPECT_TRUE(sign(after, "example.net"));
}

TEST_F(KeeperTest, AKeyWhoseTimeIsOverIsNotMissed) {
  options_.split = true;
  options_.zsk_lifetime = std::chrono::hours(24);
  KeyKeeper keeper = this->keeper();
  ASSERT_EQ(sign(keeper).value().size(), 2U);
  size_t most = 0;
  for (int step = 0; step < 200; ++step) {
    now_ += 3600;
    most = std::max(most, sign(keeper).value().size());
  }
  EXPECT_GT(most, 2U) << "rolls go on";
  EXPECT_LE(sign(keeper).value().size(), 4U) << "and keys go";
}

}  // namespace
}  // namespace popnet::dns::sign
