// Keys that vanish: a zone that validators know by its keys is never signed with new ones alone.
#include "dns/sign/keeper.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <thread>

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
    if (const Status written = keeper.commit(); !written) return written.error();
    std::vector<std::vector<uint8_t>> dnskeys;
    for (const Key& key : (*signer)->published()) dnskeys.push_back(key.dnskey);
    return dnskeys;
  }
  [[nodiscard]] long files() const {
    std::error_code none;
    return std::count_if(fs::directory_iterator(keys(), none), {},
                         [](const auto& file) { return file.path().filename() != "lock"; });
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
  EXPECT_EQ(files(), 0);
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
  EXPECT_EQ(files(), 5);
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
  EXPECT_EQ(files(), 0);
  EXPECT_TRUE(sign(after, "example.net"));
  const std::string memory = folder_ + "/zones_with_keys";
  fs::rename(memory, folder_ + "/lost");
  EXPECT_FALSE(sign(after)) << "a lost file says nothing";
  std::ofstream(memory) << "example.net.\n";
  EXPECT_TRUE(sign(after)) << "an operator wants new ones, and need not start the node anew";
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

// A config or a zone file is refused: the keys are as before.
TEST_F(KeeperTest, WhatIsNotServedIsNotWritten) {
  KeyKeeper keeper = this->keeper();
  const Name zone = *parse_name("example.com");
  const auto refused = [&] {
    keeper.begin(now_);
    EXPECT_TRUE(keeper.signer(zone, options_));
    return files();
  };
  EXPECT_EQ(refused(), 0U);
  EXPECT_FALSE(fs::exists(folder_ + "/zones_with_keys"));
  const auto first = sign(keeper);
  ASSERT_EQ(first.value().size(), 1U);
  options_.split = true;
  EXPECT_EQ(refused(), 3U) << "no other roles";
  options_.split = false;
  now_ += 30 * 86400;
  EXPECT_EQ(sign(keeper).value(), *first);
}

TEST_F(KeeperTest, KeysOfAZoneThatLeftTheConfigAreNotMissed) {
  KeyKeeper keeper = this->keeper();
  const auto first = sign(keeper);
  ASSERT_TRUE(first);
  ASSERT_TRUE(sign(keeper, "example.net"));
  for (const auto& file : fs::directory_iterator(keys()))
    if (file.path().filename().string().starts_with("Kexample.com.")) fs::remove(file.path());
  const auto back = sign(keeper);
  ASSERT_FALSE(back) << "with keys of long ago";
  EXPECT_THAT(back.error().message, HasSubstr("which had some"));
}

// A ZSK's successor is in every cache before it signs, however long nothing of it could be served.
TEST_F(KeeperTest, ARollWaitsForWhatIsServed) {
  options_.split = true;
  KeyKeeper keeper = this->keeper();
  ASSERT_TRUE(sign(keeper));
  options_.zsk_lifetime = std::chrono::hours(24 * 30);
  const Name zone = *parse_name("example.com");
  const auto signs = [&] { return keeper.signer(zone, options_).value()->signing(1).at(0).state.tag; };
  keeper.begin(now_);
  const uint16_t old = signs();
  for (int day = 0; day < 40; ++day) {
    keeper.begin(now_ += 86400);
    EXPECT_EQ(signs(), old);
  }
  EXPECT_EQ(sign(keeper).value().size(), 3U) << "the successor is published";
  now_ += 3600 - 1;
  EXPECT_EQ(sign(keeper).value().size(), 3U);
  EXPECT_EQ(signs(), old);
  now_ += 1;
  keeper.begin(now_);
  EXPECT_NE(signs(), old);
}

/// While it lives no file can grow, as on a full disk.
class FullDisk {
 public:
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

TEST_F(KeeperTest, AFullDiskStopsRollsAndNothingElse) {
  options_.split = true;
  options_.zsk_lifetime = std::chrono::hours(24 * 30);
  KeyKeeper keeper = this->keeper();
  const auto first = sign(keeper);
  ASSERT_TRUE(first);
  now_ += 40 * 86400;
  const Name zone = *parse_name("example.com");
  {
    const FullDisk full;
    const auto failed = sign(keeper);
    EXPECT_TRUE(!failed && failed.error().code == ErrorCode::machine && keeper.cannot_write());
    keeper.begin(now_, KeyKeeper::May::hold);
    const auto held = keeper.signer(zone, options_);
    EXPECT_TRUE(held && (*held)->published().size() == 2);
    EXPECT_TRUE(keeper.commit());
    EXPECT_TRUE(keeper.next_change() > now_ && keeper.next_change() <= now_ + 60);
    EXPECT_EQ(keeper.signer(*parse_name("example.net"), options_).error().code, ErrorCode::machine);
  }
  EXPECT_EQ(sign(keeper).value().size(), 3U) << "there is room again";
}

TEST_F(KeeperTest, AKeyThatCannotBeRemovedIsTriedAgainInAMinute) {
  options_.split = true;
  options_.zsk_lifetime = std::chrono::hours(24 * 30);
  KeyKeeper keeper = this->keeper(), reads = this->keeper(false);
  ASSERT_TRUE(sign(keeper));
  now_ += 40 * 86400;
  ASSERT_EQ(sign(keeper).value().size(), 3U) << "the successor";
  const Name zone = *parse_name("example.com");
  const auto removal = [&] {
    Seconds at = 0;
    const auto there = KeyFolder(keys()).load(zone).value();
    for (const Key& key : there) at = std::max(at, key.state.times.remove);
    return at;
  };
  for (; removal() == 0; now_ = keeper.next_change()) ASSERT_TRUE(sign(keeper));
  now_ = removal();
  // Even root cannot remove these.
  for (const auto& file : fs::directory_iterator(keys()))
    if (fs::path stands = file.path(); stands.extension() == ".key") {
      fs::remove(stands);
      fs::create_directories(stands / "in the way");
    }
  keeper.begin(now_);
  const Name next = *parse_name("example.net");
  ASSERT_TRUE(keeper.signer(zone, options_) && keeper.signer(next, options_));
  const Status failed = keeper.commit();
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().code == ErrorCode::machine && keeper.cannot_write());
  EXPECT_EQ(KeyFolder(keys()).load(next).value().size(), 2U) << "it keeps no other zone back";
  EXPECT_THAT(failed.error().message, HasSubstr("cannot be removed: Directory not empty"));
  keeper.begin(now_, KeyKeeper::May::hold);
  EXPECT_EQ(keeper.signer(zone, options_).value()->published().size(), 2U) << "not in the zone";
  EXPECT_TRUE(keeper.commit());
  EXPECT_EQ(keeper.next_change(), now_ + 60);
  EXPECT_EQ(sign(reads).value().size(), 2U);
  EXPECT_GT(reads.next_change(), now_ + 60) << "for others there is nothing to do";
  for (const auto& file : fs::directory_iterator(keys()))
    if (file.is_directory()) fs::remove_all(file.path() / "in the way");
  EXPECT_TRUE(sign(keeper));
  EXPECT_EQ(KeyFolder(keys()).load(zone).value().size(), 2U);
}

TEST_F(KeeperTest, WhileAnotherManagesTheKeysTheyAreReadOnly) {
  KeyKeeper keeper = this->keeper();
  const auto first = sign(keeper);
  ASSERT_TRUE(first);
  const auto as_reader = [&] {
    keeper.begin(now_, KeyKeeper::May::read);
    const auto signer = keeper.signer(*parse_name("example.com"), options_);
    EXPECT_TRUE(signer);
    const uint8_t beside[] = {1};  // would be a new serial number
    (void)keeper.serial_ahead(**signer, beside);
    EXPECT_TRUE(keeper.commit());
    std::vector<std::vector<uint8_t>> dnskeys;
    for (const Key& key : (*signer)->published()) dnskeys.push_back(key.dnskey);
    std::ranges::sort(dnskeys);
    return dnskeys;
  };
  const auto before = files();
  options_.split = true;  // would make new keys
  EXPECT_EQ(as_reader(), *first);
  EXPECT_EQ(files(), before);
  KeyKeeper successor = this->keeper();
  auto second = sign(successor).value();  // in order of their making
  std::ranges::sort(second);
  ASSERT_NE(second, *first);
  EXPECT_EQ(as_reader(), second) << "what the other has written";
}

TEST_F(KeeperTest, WhatCouldNotBeWrittenDownIsRememberedAndWrittenLater) {
  const std::string memory = folder_ + "/zones_with_keys";
  fs::create_directory(memory);  // nothing can be written there
  KeyKeeper keeper = this->keeper();
  ASSERT_TRUE(sign(keeper));
  ASSERT_TRUE(sign(keeper, "example.net"));  // and the first has left the config
  for (const auto& file : fs::directory_iterator(keys()))
    if (file.path().filename().string().starts_with("Kexample.com")) fs::remove(file);
  const auto refused = sign(keeper);
  ASSERT_FALSE(refused) << "it had keys";
  EXPECT_THAT(refused.error().message, HasSubstr("which had some"));
  fs::remove(memory);
  ASSERT_TRUE(sign(keeper, "example.net"));
  KeyKeeper after_a_start = this->keeper();
  EXPECT_FALSE(sign(after_a_start));
  EXPECT_TRUE(sign(after_a_start, "example.net"));
}

TEST_F(KeeperTest, WithoutAFolderItSaysThatAStartIsMissing) {
  KeyKeeper keeper("", true);
  keeper.begin(now_);
  const auto signer = keeper.signer(*parse_name("example.com"), options_);
  ASSERT_FALSE(signer);
  EXPECT_NE(signer.error().message.find("counts from the next start"), std::string::npos);
  EXPECT_TRUE(keeper.commit());
}

TEST_F(KeeperTest, FirstKeysOfManyZonesAreWrittenTogether) {
  KeyKeeper keeper = this->keeper();
  keeper.begin(now_);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(keeper.signer(*parse_name("z" + std::to_string(i) + ".example"), options_));
  EXPECT_EQ(files(), 0);
  ASSERT_TRUE(keeper.commit());
  EXPECT_EQ(files(), 60);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(KeyFolder(keys()).load(*parse_name("z" + std::to_string(i) + ".example")).value().size(), 1U);
}

TEST_F(KeeperTest, AnOperatorsWordIsNotWrittenOver) {
  options_.split = true;
  options_.zsk_lifetime = std::chrono::hours(24 * 30);
  KeyKeeper keeper = this->keeper();
  ASSERT_TRUE(sign(keeper));
  now_ += 40 * 86400;
  ASSERT_EQ(sign(keeper).value().size(), 3U);
  const Name zone = *parse_name("example.com");
  keeper.begin(++now_);  // the old ZSK is told when it ends
  ASSERT_TRUE(keeper.signer(zone, options_));
  const KeyFolder folder(keys());
  const std::vector<Key> before = folder.load(zone).value();
  for (const Key& key : before) {
    KeyState state = key.state;
    state.times.roll_asked = now_;
    ASSERT_TRUE(folder.update(zone, state));
  }
  ASSERT_TRUE(keeper.commit());
  size_t retiring = 0;
  const std::vector<Key> after = folder.load(zone).value();
  for (const Key& key : after) {
    EXPECT_EQ(key.state.times.roll_asked, now_);
    retiring += key.state.times.retire != 0;
  }
  EXPECT_EQ(retiring, 1U);
}

// Somebody has forgotten manage_keys: false on one of two nodes.
TEST_F(KeeperTest, OfTwoThatManageAtOnceOneTakesTheKeysOfTheOther) {
  KeyKeeper one = this->keeper(), other = this->keeper();
  const Name zone = *parse_name("example.com");
  for (KeyKeeper* keeper : {&one, &other}) {
    keeper->begin(now_);
    ASSERT_TRUE(keeper->signer(zone, options_));
  }
  EXPECT_TRUE(one.commit());
  EXPECT_FALSE(one.overtaken());
  const Status refused = other.commit();
  ASSERT_TRUE(!refused && refused.error().code == ErrorCode::conflict && other.overtaken());
  EXPECT_THAT(refused.error().message, HasSubstr("manage_keys"));
  EXPECT_EQ(files(), 3);
  EXPECT_EQ(sign(other).value(), sign(one).value());
  EXPECT_FALSE(other.overtaken());
}

TEST_F(KeeperTest, WhoWritesWaitsForWhoHasTheLock) {
  KeyKeeper keeper = this->keeper();
  auto lock = std::make_optional(KeyFolder(keys()).lock().value());
  std::atomic<bool> free = false;
  std::thread holder([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    free = true;
    lock.reset();
  });
  EXPECT_TRUE(sign(keeper));
  EXPECT_TRUE(free);
  holder.join();
}

// A node that reads what another writes, and either when a file is damaged.
TEST_F(KeeperTest, KeysThatCannotBeReadSignFromMemory) {
  KeyKeeper manages = this->keeper(), reads = this->keeper(false);
  const auto first = sign(manages);
  EXPECT_EQ(sign(reads).value(), first.value());
  for (const auto& file : fs::directory_iterator(keys()))
    if (file.path().extension() == ".state") std::ofstream(file.path()) << "Ro";
  EXPECT_EQ(sign(manages).value(), *first);
  EXPECT_EQ(sign(reads).value(), *first);
  EXPECT_LE(reads.next_change(), now_ + 60);
  fs::remove_all(keys());
  EXPECT_EQ(sign(reads).value(), *first);
  EXPECT_THAT(sign(reads, "example.net").error().message, HasSubstr("node.manage_keys makes them"));
  std::ofstream(keys()) << "no folder";
  EXPECT_EQ(sign(reads).value(), *first);
  EXPECT_THAT(sign(manages, "example.net").error().message, HasSubstr("cannot be read: Not a directory"));
}

TEST_F(KeeperTest, KeysOfTheFutureAreToldApartFromNone) {
  KeyKeeper keeper = this->keeper();
  ASSERT_TRUE(sign(keeper));
  now_ -= 86400;
  EXPECT_THAT(sign(keeper).error().message, HasSubstr("set the clock"));
}

class SerialTest : public KeeperTest {
 protected:
  uint32_t ahead(KeyKeeper& keeper, const char* beside = "") {
    keeper.begin(now_);
    const auto signer = keeper.signer(*parse_name("example.com"), options_);
    EXPECT_TRUE(signer) << signer.error().message;
    const std::string_view bytes(beside);
    const uint32_t ahead =
        keeper.serial_ahead(**signer, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    EXPECT_TRUE(keeper.commit());
    return ahead;
  }
  /// Once CDS has appeared, which is a step, too.
  void settle(KeyKeeper& keeper) {
    EXPECT_EQ(ahead(keeper), 1U);
    now_ += 3600;
    EXPECT_EQ(ahead(keeper), 2U);
  }
  const Seconds quarter_ = 14 * 86400 / 4;
};

TEST_F(SerialTest, StepsWithWhatIsSignedAndWithEachQuarterOfTheValidity) {
  KeyKeeper keeper = this->keeper();
  settle(keeper);
  now_ += 3600;
  EXPECT_EQ(ahead(keeper), 2U) << "nothing has changed";
  now_ += quarter_ - 3600 - 1;
  EXPECT_EQ(ahead(keeper), 2U);
  EXPECT_EQ(keeper.next_change(), ++now_) << "then signatures are made anew";
  EXPECT_EQ(ahead(keeper), 3U);
  EXPECT_EQ(ahead(keeper, "a decided name"), 4U);
  EXPECT_EQ(ahead(keeper, "a decided name"), 4U);
  options_.denial = model::Denial::nsec3;
  EXPECT_EQ(ahead(keeper, "a decided name"), 5U);
  options_.validity *= 2;
  EXPECT_EQ(ahead(keeper, "a decided name"), 6U);
  now_ += quarter_;
  EXPECT_EQ(ahead(keeper, "a decided name"), 6U) << "quarters are longer now";
  now_ += quarter_;
  EXPECT_EQ(ahead(keeper, "a decided name"), 7U);
}

TEST_F(SerialTest, StepsWithKeysOfARoll) {
  options_.split = true;
  options_.zsk_lifetime = std::chrono::hours(24 * 30);
  KeyKeeper keeper = this->keeper();
  settle(keeper);
  std::set<uint32_t> seen;
  size_t keys = 0;
  for (const Seconds end = now_ + 40 * 86400; now_ < end; now_ = keeper.next_change()) {
    keys = std::max(keys, sign(keeper).value().size());
    const uint32_t here = ahead(keeper);
    EXPECT_TRUE(seen.empty() || here >= *seen.rbegin());
    seen.insert(here);
  }
  EXPECT_EQ(keys, 3U) << "a ZSK has rolled";
  EXPECT_GE(seen.size(), 40U * 86400U / static_cast<size_t>(quarter_) + 2) << "it was published, it signed";
}

TEST_F(SerialTest, StepsWhenTheParentIsAskedToRemoveTheDs) {
  KeyKeeper keeper = this->keeper();
  settle(keeper);
  const Name zone = *parse_name("example.com");
  const KeyFolder folder(keys());
  const auto asked = [&](Seconds when) {
    KeyState state = folder.load(zone).value().at(0).state;
    state.times.ds_unwanted = when;
    EXPECT_TRUE(folder.update(zone, state));
    keeper.begin(now_);
    auto signer = keeper.signer(zone, options_).value();
    EXPECT_TRUE(keeper.commit());
    return signer;
  };
  const auto without = asked(now_);
  EXPECT_TRUE(without->wants_no_ds());
  EXPECT_TRUE(without->synced().empty());
  EXPECT_EQ(without->signing(59).size(), 1U) << "CDS is signed";
  EXPECT_EQ(ahead(keeper), 3U);
  EXPECT_EQ(asked(0)->synced().size(), 1U) << "taken back";
  EXPECT_EQ(ahead(keeper), 4U);
}

/// In whichever order they come.
TEST_F(SerialTest, AKeyThatWasJustMadeIsOneStep) {
  for (int i = 0; i < 8; ++i) {
    options_.split = true;
    options_.zsk_lifetime = std::chrono::hours(24 * 30);
    KeyKeeper keeper(folder_ + "/keys" + std::to_string(i), true);
    const uint32_t first = ahead(keeper);
    EXPECT_EQ(ahead(keeper), first) << "read again";
    const Seconds before = now_;
    now_ += 30 * 86400 - 3600;  // the successor is made
    const uint32_t with_successor = ahead(keeper);
    EXPECT_EQ(ahead(keeper), with_successor);
    now_ = before;
  }
}

TEST_F(SerialTest, NodesAgreeAndNothingIsForgotten) {
  auto manages = std::make_unique<KeyKeeper>(keeper());
  settle(*manages);
  KeyKeeper reads = keeper(false);
  EXPECT_EQ(ahead(reads), 2U);
  EXPECT_EQ(ahead(reads, "what only the other may count"), 2U);
  EXPECT_EQ(ahead(*manages, "more"), 3U);
  EXPECT_EQ(ahead(reads), 3U);
  manages = std::make_unique<KeyKeeper>(keeper());
  EXPECT_EQ(ahead(*manages, "more"), 3U) << "after a start";
  now_ += quarter_;
  EXPECT_EQ(ahead(reads), 4U) << "while the other is down";
  EXPECT_EQ(ahead(*manages, "more"), 4U);
  EXPECT_EQ(manages->next_change(), now_ + quarter_);
}

TEST_F(SerialTest, NeverShrinks) {
  KeyKeeper keeper = this->keeper();
  settle(keeper);
  EXPECT_EQ(ahead(keeper, "1"), 3U);
  const std::string file = keys() + "/Kexample.com.serial";
  ASSERT_TRUE(fs::exists(file));
  const std::string kept = folder_ + "/kept";
  fs::rename(file, kept);
  EXPECT_EQ(ahead(keeper, "1"), 3U) << "the file is gone";
  EXPECT_EQ(ahead(keeper, "2"), 4U);
  fs::rename(kept, file);
  EXPECT_EQ(ahead(keeper, "2"), 4U) << "an old one is there";
  for (const char* broken :
       {"Steps: many", "", "Steps: 9\nSince: 20230101000000\nEvery: 9223372036854775807\n",
        "Steps: 9\nSince: 20230101000000\nEvery: -1\n"}) {
    std::ofstream(file) << broken;
    EXPECT_EQ(ahead(keeper, "2"), 4U) << broken;
  }
  now_ += quarter_;
  EXPECT_EQ(ahead(keeper, "2"), 5U);
  now_ -= 10;
  EXPECT_EQ(ahead(keeper, "2"), 5U) << "the clock was set back";
  fs::rename(keys(), folder_ + "/away");
  EXPECT_EQ(ahead(keeper, "3"), 6U);
  EXPECT_FALSE(fs::exists(keys())) << "no folder is made for it";
}

TEST_F(SerialTest, WhatCouldNotBeSavedIsSavedLater) {
  KeyKeeper manages = this->keeper(), reads = this->keeper(false);
  settle(manages);
  {
    const FullDisk full;
    EXPECT_EQ(ahead(manages, "1"), 3U);
    EXPECT_EQ(manages.next_change(), now_ + 60);
    EXPECT_FALSE(manages.changed_on_disk()) << "or it would be tried each second";
    now_ += 60;
    EXPECT_EQ(ahead(manages, "1"), 3U);
    EXPECT_EQ(manages.next_change(), now_ + 60);
    EXPECT_EQ(ahead(reads), 2U);
  }
  now_ += 60;
  EXPECT_EQ(ahead(manages, "1"), 3U);
  EXPECT_EQ(ahead(reads), 3U);
  EXPECT_GT(manages.next_change(), now_ + 60);
}

TEST_F(SerialTest, WhatCouldNotBeMovedToItsPlaceIsNotTriedEachSecond) {
  KeyKeeper keeper = this->keeper();
  settle(keeper);
  const std::string file = keys() + "/Kexample.com.serial";
  fs::remove(file);
  fs::create_directories(file + "/taken");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ahead(keeper, "1"), 3U);
    EXPECT_EQ(keeper.next_change(), now_ + 60);
    EXPECT_FALSE(keeper.changed_on_disk());
    now_ += 60;
  }
  fs::remove_all(file);
  EXPECT_EQ(ahead(keeper, "1"), 3U);
  EXPECT_GT(keeper.next_change(), now_ + 60);
}

}  // namespace
}  // namespace popnet::dns::sign
