#include "rt/passing.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>

#include "rt/socket.h"

namespace popnet::rt {
namespace {

using namespace std::chrono_literals;

class Passing : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("popnet-passing-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    path_ = folder_ / "socket";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// Two ends of a connection at path_.
  void connect() {
    auto listener = listen_local(path_);
    ASSERT_TRUE(listener.ok()) << listener.error().message;
    auto here = connect_local(path_);
    ASSERT_TRUE(here.ok()) << here.error().message;
    here_ = std::move(*here);
    there_ = UniqueFd(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  std::filesystem::path folder_;
  std::string path_;
  UniqueFd here_, there_;
};

Endpoint at(const char* text) {
  return *Endpoint::parse(text);
}

TEST_F(Passing, WhatWaitsInASocketIsReceivedByWhoGetsIt) {
  connect();
  auto server = bind_udp(at("127.0.0.1:0"));
  ASSERT_TRUE(server.ok());
  const SocketAddress address(local_endpoint(server->get()));
  const UniqueFd client(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(sendto(client.get(), "hello", 5, 0, address.raw(), address.length), 5);

  ASSERT_TRUE(send_message(here_.get(), "take it", {server->get()}).ok());
  server->reset();
  auto received = receive_message(there_.get(), 5s);
  ASSERT_TRUE(received.ok()) << received.error().message;
  EXPECT_EQ(received->text, "take it");
  ASSERT_EQ(received->fds.size(), 1U);
  char buffer[16];
  EXPECT_EQ(recv(received->fds[0].get(), buffer, sizeof buffer, 0), 5);
}

TEST_F(Passing, IsTheOwnersOnlyWhateverTheUmask) {
  const mode_t before = ::umask(0);
  connect();
  ::umask(before);
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
}

TEST_F(Passing, NobodyThereIsNotTheSameAsNotAllowed) {
  EXPECT_EQ(connect_local(path_).error().code, ErrorCode::not_found);
  { auto listener = listen_local(path_); }
  EXPECT_EQ(connect_local(path_).error().code, ErrorCode::not_found) << "who listened has ended";
  EXPECT_EQ(connect_local(std::string(200, 'x')).error().code, ErrorCode::machine);
}

TEST_F(Passing, WhatWasSaidBeforeTheEndIsHeard) {
  connect();
  ASSERT_TRUE(send_message(here_.get(), "never read").ok());
  ASSERT_TRUE(send_message(there_.get(), "busy").ok());
  there_.reset();
  const auto last = receive_message(here_.get(), 5s);
  ASSERT_TRUE(last.ok()) << last.error().message;
  EXPECT_EQ(last->text, "busy");
  EXPECT_EQ(receive_message(here_.get(), 5s).error().code, ErrorCode::peer);
}

TEST_F(Passing, SilenceIsTold) {
  connect();
  EXPECT_EQ(receive_message(here_.get(), 1ms).error().code, ErrorCode::timeout);
}

TEST(PassedSockets, AreTakenByUseAndAddress) {
  PassedSockets sockets;
  const auto some = [] { return UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); };
  sockets.add({"dns-udp", at("127.0.0.1:53")}, some());
  sockets.add({"dns-udp", at("127.0.0.1:53")}, some());
  sockets.add({"dns-tcp", at("127.0.0.1:53")}, some());
  sockets.add({"dns-udp", at("127.0.0.2:53")}, some());
  EXPECT_TRUE(sockets.has_port(53));
  EXPECT_FALSE(sockets.has_port(80));
  EXPECT_EQ(sockets.take({"dns-udp", at("127.0.0.1:53")}).size(), 2U);
  EXPECT_TRUE(sockets.take({"dns-udp", at("127.0.0.1:53")}).empty());
  EXPECT_EQ(sockets.size(), 2U);
}

}  // namespace
}  // namespace popnet::rt
