#include "cluster/state/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cluster/codec/codec.h"

namespace popnet::cluster {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr TimePoint before{hours(1000)};
constexpr TimePoint after_reboot{seconds(90)};
constexpr WallTime noon{hours(24 * 20000 + 12)};

class StateTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/popnet-state-XXXXXX";
    dir_ = mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::unique_ptr<State> open() {
    auto state = State::open(dir_);
    EXPECT_TRUE(state.ok()) << state.error().message;
    return state.ok() ? std::move(*state) : nullptr;
  }
  [[nodiscard]] std::string file() const { return dir_ + "/state.db"; }
  /// It leaves without closing the file: its write-ahead log stays behind.
  void save_in_a_child_that_is_killed() {
    const pid_t child = fork();
    if (child == 0) {
      auto state = State::open(dir_);
      (*state)->save_config({5, "from the child"});
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
  }

  std::string dir_;
};

Report some_report() {
  Report report;
  report.author = "ams";
  model::ProbeSample sample;
  sample.prober = "fra";
  sample.target = model::TargetId::origin("shop", "web1");
  sample.probe = "http";
  sample.ok = true;
  sample.readings = {{model::Metric::http_ms, 12}};
  sample.at = before - seconds(3);
  sample.max_age = seconds(60);
  report.samples = {sample};
  report.shares.resize(1);
  report.shares[0].author = "ams";
  report.shares[0].generation = 9;
  report.shares[0].at = before;
  report.shares[0].origins = {{"shop/web1", 1}};
  return report;
}

TEST_F(StateTest, has_nothing_at_first) {
  const auto state = open();
  EXPECT_FALSE(state->load_config());
  EXPECT_FALSE(state->load_metrics(before, noon));
}

TEST_F(StateTest, the_config_survives_a_restart) {
  const std::string text =
      "network: {name: test}\n# \xc3\xa4 and a zero byte: " + std::string(1, '\0') + "end\n";
  open()->save_config({7, "older"});
  open()->save_config({~0ULL, text});
  const auto kept = open()->load_config();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->revision, ~0ULL);
  EXPECT_EQ(kept->text, text);
}

TEST_F(StateTest, measurements_have_aged_by_the_time_that_passed) {
  open()->save_metrics(some_report(), before, noon);
  const auto kept = open()->load_metrics(after_reboot, noon + minutes(10));
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->samples.size(), 1U);
  EXPECT_EQ(kept->samples[0].prober, "fra");
  EXPECT_EQ(after_reboot - kept->samples[0].at, minutes(10) + seconds(3));
  ASSERT_EQ(kept->shares.size(), 1U);
  EXPECT_EQ(kept->shares[0].generation, 9U);
  EXPECT_EQ(after_reboot - kept->shares[0].at, minutes(10));
}

TEST_F(StateTest, a_clock_that_was_set_back_does_not_make_measurements_younger) {
  open()->save_metrics(some_report(), before, noon);
  const auto kept = open()->load_metrics(after_reboot, noon - hours(5));
  ASSERT_TRUE(kept);
  EXPECT_EQ(after_reboot - kept->samples[0].at, seconds(3));
}

TEST_F(StateTest, measurements_of_another_age_are_not_kept) {
  open()->save_metrics(some_report(), before, noon);
  EXPECT_FALSE(open()->load_metrics(after_reboot, noon + CodecLimits::age + seconds(1)));
}

TEST_F(StateTest, of_more_measurements_than_a_message_may_hold_the_newest_are_kept) {
  Report report = some_report();
  model::ProbeSample client = report.samples[0];
  client.probe = "rtt";
  client.max_age = hours(1);
  for (size_t i = 0; i < CodecLimits::samples + 5000; ++i) {
    client.target = {model::TargetId::Kind::client, std::to_string(10 + i / 65536) + "." +
                                                        std::to_string(i / 256 % 256) + "." +
                                                        std::to_string(i % 256) + ".0/24"};
    client.at = before - std::chrono::milliseconds(i);
    report.samples.push_back(client);
  }
  open()->save_metrics(report, before, noon);
  const auto kept = open()->load_metrics(before, noon);
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->samples.size(), CodecLimits::samples);
  EXPECT_EQ(kept->shares.size(), 1U);
  const auto is_origin = [](const auto& s) { return s.target.kind == model::TargetId::Kind::origin; };
  EXPECT_EQ(std::count_if(kept->samples.begin(), kept->samples.end(), is_origin), 1)
      << "the oldest, but an origin";
  const auto oldest = std::min_element(
      kept->samples.begin(), kept->samples.end(),
      [&](const auto& a, const auto& b) { return !is_origin(a) && (is_origin(b) || a.at < b.at); });
  EXPECT_EQ(before - oldest->at, std::chrono::milliseconds(CodecLimits::samples - 2));
  open()->save_metrics(some_report(), before, noon);
  EXPECT_EQ(open()->load_metrics(before, noon)->samples.size(), 1U) << "a later save replaces all parts";
}

TEST_F(StateTest, makes_its_folder) {
  dir_ += "/a/b";
  EXPECT_NE(open(), nullptr);
  EXPECT_TRUE(fs::exists(file()));
  dir_ = fs::path(dir_).parent_path().parent_path();
}

TEST_F(StateTest, a_folder_that_cannot_be_made_is_an_error_of_the_machine) {
  std::ofstream(dir_ + "/file") << "x";
  const auto state = State::open(dir_ + "/file/state");
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().code, ErrorCode::machine);
  EXPECT_THAT(state.error().message,
              testing::HasSubstr("node.state_dir: cannot make " + dir_ + "/file/state"));
}

TEST_F(StateTest, a_file_that_is_no_database_is_moved_aside) {
  std::ofstream(file()) << "this is not a database, but it is long enough to look like one at first "
                        << std::string(4096, 'x');
  const auto state = open();
  ASSERT_NE(state, nullptr);
  EXPECT_FALSE(state->load_config());
  state->save_config({1, "text"});
  EXPECT_EQ(state->load_config()->text, "text");
  EXPECT_TRUE(fs::exists(file() + ".damaged"));
}

TEST_F(StateTest, a_file_with_damaged_pages_is_moved_aside) {
  open()->save_config({1, std::string(100'000, 'c')});
  {
    // The last connection has emptied the write-ahead log into the file.
    std::fstream damage(file(), std::ios::in | std::ios::out | std::ios::binary);
    damage.seekp(4096);
    damage << std::string(8192, '\xee');
  }
  const auto state = open();
  ASSERT_NE(state, nullptr);
  EXPECT_FALSE(state->load_config());
  EXPECT_TRUE(fs::exists(file() + ".damaged"));
}

TEST_F(StateTest, a_file_cut_short_is_moved_aside) {
  open()->save_config({1, std::string(100'000, 'c')});
  fs::resize_file(file(), 5000);
  const auto state = open();
  ASSERT_NE(state, nullptr);
  EXPECT_FALSE(state->load_config());
}

TEST_F(StateTest, a_file_of_a_newer_popnet_is_moved_aside) {
  open()->save_config({1, "text"});
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA user_version = 99", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  EXPECT_FALSE(open()->load_config());
  EXPECT_TRUE(fs::exists(file() + ".damaged"));
}

TEST_F(StateTest, measurements_that_cannot_be_read_back_count_as_not_kept) {
  open()->save_metrics(some_report(), before, noon);
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "UPDATE kept SET text = '{\"v\":1}'", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  EXPECT_FALSE(open()->load_metrics(before, noon));
}

TEST_F(StateTest, a_full_disk_stops_nothing_and_saving_works_again_when_there_is_room) {
  const auto state = open();
  state->save_config({1, "kept before"});
  ASSERT_FALSE(state->failing());

  // The kernel refuses to let files grow, as a full disk would.
  signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit full{1, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  state->save_config({2, std::string(1'000'000, 'x')});
  state->save_metrics(some_report(), before, noon);
  setrlimit(RLIMIT_FSIZE, &old);

  EXPECT_TRUE(state->failing());
  ASSERT_TRUE(state->load_config());
  EXPECT_EQ(state->load_config()->text, "kept before");
  state->save_config({3, "kept after"});
  EXPECT_FALSE(state->failing());
  EXPECT_EQ(state->load_config()->text, "kept after");
}

/// A user who may only read what others have.
class SomeUser {
 public:
  SomeUser() {
    if (was_ == 0) {
      EXPECT_EQ(seteuid(65534), 0);
    }
  }
  ~SomeUser() { EXPECT_EQ(seteuid(was_), 0); }
  SomeUser(const SomeUser&) = delete;

 private:
  const uid_t was_ = geteuid();
};

TEST_F(StateTest, a_file_that_may_only_be_read_is_written_as_soon_as_it_may) {
  fs::permissions(dir_, fs::perms{0777});
  open()->save_config({1, "kept before"});
  fs::permissions(file(), fs::perms{0444});
  std::ofstream(file() + "-wal").close();  // as of a process that was killed
  std::ofstream(file() + "-shm").close();
  std::unique_ptr<State> state;
  {
    const SomeUser user;
    state = open();
    ASSERT_TRUE(state);
    EXPECT_EQ(state->load_config()->text, "kept before");
    state->save_config({2, "lost"});
    EXPECT_TRUE(state->failing());
  }
  for (const auto& each : fs::directory_iterator(dir_)) fs::permissions(each, fs::perms{0666});
  const SomeUser user;
  state->save_config({3, "kept after"});
  EXPECT_FALSE(state->failing());
  EXPECT_EQ(open()->load_config()->text, "kept after");
}

TEST_F(StateTest, a_disk_that_is_full_at_the_start_costs_nothing_that_was_kept) {
  dir_ += "/what?100%";
  open()->save_config({1, "kept before"});
  signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit full{1, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  const auto opened = State::open(dir_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const auto& state = *opened;
  const auto kept = state->load_config();
  state->save_metrics(some_report(), before, noon);
  const bool failed = state->failing();
  state->save_config({2, "lost"});
  const auto still = state->load_config();
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_TRUE(failed);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->text, "kept before");
  EXPECT_EQ(still->text, "kept before");
  state->save_config({3, "kept after"});
  EXPECT_FALSE(state->failing());
  EXPECT_EQ(open()->load_config()->text, "kept after");
  dir_ = fs::path(dir_).parent_path();
}

TEST_F(StateTest, what_a_killed_process_has_left_is_read_on_a_full_disk_too) {
  ASSERT_NO_FATAL_FAILURE(save_in_a_child_that_is_killed());
  signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit full{1, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  const auto opened = State::open(dir_);
  const auto kept = opened.ok() ? (*opened)->load_config() : std::nullopt;
  setrlimit(RLIMIT_FSIZE, &old);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->text, "from the child");
}

TEST_F(StateTest, a_process_killed_between_saves_loses_none_of_them) {
  ASSERT_NO_FATAL_FAILURE(save_in_a_child_that_is_killed());
  const auto kept = open()->load_config();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->text, "from the child");
}

}  // namespace
}  // namespace popnet::cluster
