#include "control/api/admin_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>

#include "control/api/testing.h"
#include "rt/socket.h"

namespace popnet::control {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class AdminServerTest : public ::testing::Test {
 protected:
  void start() {
    auto server = AdminServer::start({IpAddress::v4(127, 0, 0, 1), 0}, hooks_);
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
  }
  /// One request on a connection of its own; the whole response.
  std::string ask(const std::string& request_line, const std::string& body = {}) {
    const rt::SocketAddress address(server_->endpoint());
    const rt::UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(::connect(fd.get(), address.raw(), address.length), 0);
    const std::string request = request_line + " HTTP/1.1\r\nHost: " + server_->endpoint().to_string() +
                                "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                                "\r\n\r\n" + body;
    size_t sent = 0;
    while (sent < request.size()) {
      const ssize_t n = ::send(fd.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return "[cannot send]";
      sent += static_cast<size_t>(n);
    }
    std::string got;
    for (;;) {
      pollfd ready{fd.get(), POLLIN, 0};
      char buffer[65536];
      if (::poll(&ready, 1, 10'000) <= 0) return got + "[timeout]";
      const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
      if (n <= 0) return got;
      got.append(buffer, static_cast<size_t>(n));
    }
  }

  Hooks hooks_ = testing::make_hooks();
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, answers_over_the_network) {
  start();
  EXPECT_THAT(ask("GET /healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(ask("GET /v1/status"), HasSubstr("\"pop\":\"p0\""));
  EXPECT_THAT(ask("POST /v1/purge", R"({"site":"shop"})"), HasSubstr("{\"purged\":\"site shop\""));
  EXPECT_THAT(ask("GET /v1/nothing"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(AdminServerTest, takes_a_config_of_a_mebibyte_and_no_more) {
  std::atomic<size_t> got{0};
  hooks_.put_config = [&](const std::string& text, std::optional<uint64_t>) {
    got = text.size();
    return ConfigOutcome();
  };
  start();
  EXPECT_THAT(ask("PUT /v1/config", std::string(1 << 20, '#')), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(got, size_t{1} << 20);
  for (int i = 0; i < 20; ++i)  // the answer comes while the body is still being sent
    EXPECT_THAT(ask("PUT /v1/config", std::string(8 << 20, '#')), StartsWith("HTTP/1.1 413 "));
}

TEST_F(AdminServerTest, answers_health_checks_while_a_change_takes_its_time) {
  std::promise<void> begun, go_on;
  hooks_.reload = [&, wait = go_on.get_future().share()] {
    begun.set_value();
    wait.wait();
    return ConfigOutcome();
  };
  start();
  auto reload = std::async(std::launch::async, [&] { return ask("POST /v1/reload"); });
  begun.get_future().wait();
  EXPECT_THAT(ask("GET /healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("GET /metrics"), StartsWith("HTTP/1.1 200 "));
  go_on.set_value();
  EXPECT_THAT(reload.get(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, many_may_ask_at_once) {
  std::atomic<int> purges{0};
  hooks_.purge = [&](const cluster::PurgeOrder&) {
    ++purges;
    return Status();
  };
  start();
  std::vector<std::thread> users;
  for (int i = 0; i < 4; ++i)
    users.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        EXPECT_THAT(ask("GET /v1/status"), StartsWith("HTTP/1.1 200 "));
        EXPECT_THAT(ask("POST /v1/purge", R"({"site":"shop"})"), StartsWith("HTTP/1.1 200 "));
      }
    });
  for (auto& user : users) user.join();
  EXPECT_EQ(purges, 80);
}

TEST_F(AdminServerTest, a_port_in_use_is_an_error_of_the_machine_that_names_it) {
  start();
  const auto second = AdminServer::start(server_->endpoint(), hooks_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::machine);
  EXPECT_THAT(second.error().message, HasSubstr(server_->endpoint().to_string()));
}

TEST_F(AdminServerTest, ends_while_clients_are_connected) {
  start();
  const rt::SocketAddress address(server_->endpoint());
  const rt::UniqueFd idle(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(idle.get(), address.raw(), address.length), 0);
  EXPECT_THAT(ask("GET /healthz"), StartsWith("HTTP/1.1 200 "));
  server_.reset();
  pollfd ready{idle.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
}

}  // namespace
}  // namespace popnet::control
