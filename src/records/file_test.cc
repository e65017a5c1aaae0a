#include "records/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/log.h"

namespace popnet::records {
namespace {

/// As a disk that is full: nothing is written beyond so many bytes of a file.
void limit_files(rlim_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST(LineFile, OnlyWholeLinesAreThereWhenTheDiskWasFull) {
  signal(SIGXFSZ, SIG_IGN);
  log::set_level(log::Level::error);
  const std::string path = testing::TempDir() + "popnet_line_file";
  std::filesystem::remove(path);
  LineFile file(path, "test");
  ASSERT_TRUE(file.open().ok());
  const auto add = [&](const std::string& line, int times) {
    for (int i = 0; i < times; ++i) file.lines() += line + "\n", file.line_added();
    file.flush();
  };
  add("before", 1);
  limit_files(50);
  add("while it is full", 10);
  add("while it is full", 10);
  EXPECT_EQ(file.unwritten(), 20U);
  limit_files(RLIM_INFINITY);
  add("after", 2);
  std::ifstream in(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "before\nafter\nafter\n");
  EXPECT_EQ(file.written(), 3U);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace popnet::records
