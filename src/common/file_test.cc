#include "common/file.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace popnet {
namespace {

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "popnet-file-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string at(const std::string& name) const { return folder_ + "/" + name; }
  static Error error_of(const std::string& path) {
    const auto file = open_to_read(path);
    return file ? Error{ErrorCode::usage, "was opened"} : file.error();
  }

  std::string folder_;
};

TEST_F(FileTest, a_file_is_read) {
  std::ofstream(at("a")) << "word";
  const auto file = open_to_read(at("a"));
  ASSERT_TRUE(file.ok()) << file.error().message;
  char text[8] = {};
  EXPECT_EQ(std::fread(text, 1, sizeof text, file->get()), 4U);
  EXPECT_STREQ(text, "word");
}

TEST_F(FileTest, a_link_is_followed) {
  std::ofstream(at("a")) << "word";
  std::filesystem::create_symlink("a", at("link"));
  EXPECT_TRUE(open_to_read(at("link")).ok());
}

TEST_F(FileTest, what_is_not_there_is_told_from_what_cannot_be_read) {
  EXPECT_EQ(error_of(at("nothing")).code, ErrorCode::not_found);
  EXPECT_EQ(error_of(at("nothing")).message, "No such file or directory");
  EXPECT_EQ(error_of(folder_).code, ErrorCode::machine);
  EXPECT_EQ(error_of(folder_).message, "Is a directory");
}

TEST_F(FileTest, a_pipe_without_a_writer_does_not_hang) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_EQ(error_of(at("pipe")).message, "it is a pipe, no file");
}

TEST_F(FileTest, devices_and_sockets_are_no_files) {
  EXPECT_EQ(error_of("/dev/zero").message, "it is a device, no file");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  at("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(error_of(at("socket")).message, "it is a socket, no file");
  ::close(fd);
}

}  // namespace
}  // namespace popnet
