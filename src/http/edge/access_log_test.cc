#include "http/edge/access_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace popnet::http {
namespace {
using namespace std::chrono_literals;
using model::LogField;

LogEntry an_entry() {
  LogEntry entry;
  entry.status = 200;
  entry.outcome = Outcome::hit;
  entry.client = IpAddress::v4(192, 0, 2, 7);
  entry.bytes = 1234;
  entry.time = WallTime(std::chrono::seconds(1'700'000'000) + 45ms);
  entry.first_byte = 1500us;
  entry.total = 2ms;
  return entry;
}
const LogTexts texts = {"shop", "id1", "GET", "www.shop.example", "/a?b", "agent", "http://from/"};

TEST(AccessLogLine, JsonHasTheFieldsInTheirOrder) {
  std::string line;
  constexpr LogField some[] = {LogField::status, LogField::time, LogField::cache, LogField::total};
  write_json(an_entry(), texts, some, line);
  EXPECT_EQ(line,
            "{\"status\":200,\"time\":\"2023-11-14T22:13:20.045Z\",\"cache\":\"hit\",\"total\":0.002000}\n");
  line.clear();
  write_json(an_entry(), texts, {}, line);
  EXPECT_EQ(
      line,
      "{\"time\":\"2023-11-14T22:13:20.045Z\",\"request_id\":\"id1\",\"client\":\"192.0.2.7\",\"site\":"
      "\"shop\","
      "\"method\":\"GET\",\"host\":\"www.shop.example\",\"path\":\"/a?b\",\"protocol\":\"HTTP/"
      "1.1\",\"status\":200,"
      "\"bytes\":1234,\"cache\":\"hit\",\"first_byte\":0.001500,\"total\":0.002000,\"user_agent\":\"agent\","
      "\"referer\":\"http://from/\"}\n");
}

TEST(AccessLogLine, CombinedIsThatOfApache) {
  std::string line;
  write_combined(an_entry(), texts, line);
  EXPECT_EQ(line,
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b HTTP/1.1\" 200 1234 \"http://from/\" "
            "\"agent\"\n");
}

TEST(AccessLogLine, NothingThatUsersSendBreaksOut) {
  LogTexts evil = texts;
  evil[LogEntry::user_agent] = "\"},\n{\\ \x01\xc3\xa4\x7f";
  std::string line;
  constexpr LogField agent[] = {LogField::user_agent};
  write_json(an_entry(), evil, agent, line);
  EXPECT_EQ(line, "{\"user_agent\":\"\\\"},\\u000a{\\\\ \\u0001\\u00c3\\u00a4\\u007f\"}\n");
  line.clear();
  evil[LogEntry::referer] = "";
  write_combined(an_entry(), evil, line);
  EXPECT_EQ(line.substr(line.find("1234")), "1234 \"-\" \"\\x22},\\x0a{\\x5c \\x01\\xc3\\xa4\\x7f\"\n");
}

TEST(LogRing, HandsOverWholeEntriesAroundItsEnd) {
  LogRing ring(1024);
  int put = 0, taken = 0;
  for (int round = 0; round < 1000; ++round) {
    std::vector<std::string> paths;
    for (int i = 0; i < 3; ++i)
      paths.push_back("/" + std::string(static_cast<size_t>(put % 97), 'x') + std::to_string(put + i));
    for (const std::string& path : paths) {
      LogTexts with_path = texts;
      with_path[LogEntry::path] = path;
      if (ring.put(an_entry(), with_path)) ++put;
    }
    size_t i = 0;
    ring.take([&](const LogEntry& entry, const LogTexts& got) {
      EXPECT_EQ(got[LogEntry::path], paths[i++]);
      EXPECT_EQ(got[LogEntry::site], "shop");
      EXPECT_EQ(entry.bytes, 1234U);
      ++taken;
    });
  }
  EXPECT_EQ(taken, put);
  EXPECT_GT(taken, 1000);
}

TEST(LogRing, DropsAndCountsWhatFindsNoRoom) {
  LogRing ring(1024);
  int put = 0;
  while (ring.put(an_entry(), texts)) ++put;
  EXPECT_FALSE(ring.put(an_entry(), texts));
  EXPECT_EQ(ring.dropped(), 2U);
  int taken = 0;
  ring.take([&](const LogEntry&, const LogTexts&) { ++taken; });
  EXPECT_EQ(taken, put);
  EXPECT_TRUE(ring.put(an_entry(), texts));
}

TEST(LogRing, CutsTextsThatAreTooLong) {
  LogRing ring(1 << 16);
  LogTexts long_ones = texts;
  const std::string many(100'000, 'x');
  long_ones[LogEntry::path] = long_ones[LogEntry::user_agent] = many;
  EXPECT_TRUE(ring.put(an_entry(), long_ones));
  ring.take([&](const LogEntry&, const LogTexts& got) {
    EXPECT_EQ(got[LogEntry::path].size(), LogEntry::path_max);
    EXPECT_EQ(got[LogEntry::user_agent].size(), LogEntry::text_max);
    EXPECT_EQ(got[LogEntry::referer], "http://from/");
  });
}

// Run under the thread sanitizer.
TEST(LogRing, OneThreadPutsAnotherTakes) {
  LogRing ring(4096);
  constexpr int count = 20'000;
  std::atomic<bool> done{false};
  uint64_t next = 0, taken = 0;
  std::thread reader([&] {
    for (bool last = false; !last;) {
      last = done;
      ring.take([&](const LogEntry& entry, const LogTexts&) {
        EXPECT_GE(entry.bytes, next);
        next = entry.bytes + 1;
        ++taken;
      });
    }
  });
  LogEntry entry = an_entry();
  for (int i = 0; i < count; ++i) {
    entry.bytes = static_cast<uint64_t>(i);
    ring.put(entry, texts);
  }
  done = true;
  reader.join();
  EXPECT_EQ(taken + ring.dropped(), static_cast<uint64_t>(count));
}

struct LogFile : ::testing::Test {
  const std::string folder = ::testing::TempDir() + "popnet-access-log-" + std::to_string(::getpid());
  const std::string path = folder + "/access.log";
  LogFile() { std::filesystem::create_directories(folder); }
  ~LogFile() override { std::filesystem::remove_all(folder); }
  static int lines_of(const std::string& file) {
    std::ifstream in(file);
    int lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    return lines;
  }
  static bool wait_lines(const std::string& file, int count) {
    for (int i = 0; i < 2000; ++i) {
      if (lines_of(file) >= count) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
};

TEST_F(LogFile, GetsEveryLineAlsoWhenItIsMovedAway) {
  model::AccessLog options;
  options.file = path;
  {
    auto log = AccessLog::open(options, 2);
    ASSERT_TRUE(log) << log.error().message;
    for (int i = 0; i < 100; ++i) (*log)->ring(i % 2).put(an_entry(), texts);
    EXPECT_TRUE(wait_lines(path, 100));
    std::filesystem::rename(path, path + ".1");
    for (int i = 0; i < 2000 && !std::filesystem::exists(path); ++i) std::this_thread::sleep_for(5ms);
    (*log)->ring(0).put(an_entry(), texts);
    EXPECT_TRUE(wait_lines(path, 1));
    (*log)->ring(1).put(an_entry(), texts);
  }
  EXPECT_EQ(lines_of(path), 2) << "the last one is written at the end";
  EXPECT_EQ(lines_of(path + ".1"), 100);
}

TEST_F(LogFile, ThatCannotBeHadIsAnError) {
  model::AccessLog options;
  options.file = folder + "/none/access.log";
  const auto log = AccessLog::open(options, 1);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::machine);
  EXPECT_NE(log.error().message.find("node.access_log.file"), std::string::npos);
}

TEST_F(LogFile, ADiskThatIsFullCostsLinesAndNothingElse) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP();
  model::AccessLog options;
  options.file = "/dev/full";
  auto log = AccessLog::open(options, 1);
  ASSERT_TRUE(log);
  (*log)->ring(0).put(an_entry(), texts);
  for (int i = 0; i < 2000 && (*log)->dropped() == 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ((*log)->dropped(), 1U);
  EXPECT_EQ((*log)->written(), 0U);
}

}  // namespace
}  // namespace popnet::http
