#include "control/http/server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "rt/clock.h"
#include "rt/socket.h"

namespace popnet::control {
namespace {

/// A server on a loop of its own that echoes what it was asked.
class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = rt::listen_tcp({IpAddress::v4(127, 0, 0, 1), 0});
    at_ = rt::local_endpoint(listener->get());
    thread_ = std::thread([this, fd = std::make_shared<rt::UniqueFd>(std::move(*listener))] {
      HttpServer server(loop_, std::move(*fd), {.body_max = 100},
                        [this](const HttpRequest& request, auto respond) {
                          if (request.path == "/later") {
                            loop_.post([respond] { respond({.body = "later"}); });
                            return;
                          }
                          respond({.body = request.method + " " + request.path + " " +
                                           request.parameter("a") + " " + request.body,
                                   .fields = {{"X-Test", "1"}}});
                        });
      loop_.run();
    });
  }
  void TearDown() override {
    loop_.stop();
    thread_.join();
  }

  /// Sends the bytes, reads until the peer closes or `until` has come.
  std::string talk(const std::string& bytes, const std::string& until) {
    const rt::SocketAddress address(at_);
    const rt::UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(::connect(fd.get(), address.raw(), address.length), 0);
    EXPECT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string got;
    while (got.find(until) == got.npos) {
      pollfd ready{fd.get(), POLLIN, 0};
      char buffer[4096];
      if (::poll(&ready, 1, 5000) <= 0) return got + "[timeout]";
      const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
      if (n <= 0) return got + "[closed]";
      got.append(buffer, static_cast<size_t>(n));
    }
    return got;
  }

  rt::Loop loop_;
  Endpoint at_;
  std::thread thread_;
};

TEST_F(HttpServerTest, AnswersKeepsAliveAndDecodesParameters) {
  const auto got =
      talk("GET /x?a=b%20c HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n", "later");
  EXPECT_NE(got.find("HTTP/1.1 200 OK\r\n"), got.npos);
  EXPECT_NE(got.find("X-Test: 1\r\n"), got.npos);
  EXPECT_NE(got.find("GET /x b c "), got.npos) << got;
  EXPECT_EQ(got.substr(got.size() - 5), "later");
}

TEST_F(HttpServerTest, ReadsBodiesOfBothFramingsAndHeadHasNone) {
  EXPECT_NE(
      talk("PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "hello").find("PUT /p  hello"),
      std::string::npos);
  EXPECT_NE(
      talk("PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
           "hello")
          .find("PUT /p  hello"),
      std::string::npos);
  EXPECT_EQ(talk("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "[never]").find("HEAD /"),
            std::string::npos);
}

TEST_F(HttpServerTest, RefusesWhatIsWrongAndCloses) {
  for (const auto& [bytes, status] :
       {std::pair{"GET / HTTP/1.1\r\n\r\n", "400"}, std::pair{"nonsense\r\n\r\n", "400"},
        std::pair{"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", "413"}}) {
    const auto got = talk(bytes, "[never]");
    EXPECT_EQ(got.substr(9, 3), status) << got;
    EXPECT_NE(got.find("[closed]"), got.npos);
  }
}

TEST(DecodePercent, LeavesBrokenEscapes) {
  EXPECT_EQ(decode_percent("a%2Fb%"), "a/b%");
  EXPECT_EQ(decode_percent("%zz%4"), "%zz%4");
  EXPECT_EQ(decode_percent("%41"), "A");
}

/// Lowers how many files may be open to those that are, for the life of this.
struct NoMoreDescriptors {
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before);
    const rt::UniqueFd next(::dup(0));
    const rlimit none{static_cast<rlim_t>(next.get()), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before); }
  rlimit before{};
};

TEST(HttpServerWithoutDescriptors, RestsInsteadOfSpinningAndAnswersLater) {
  auto listener = rt::listen_tcp({IpAddress::v4(127, 0, 0, 1), 0});
  const rt::SocketAddress address(rt::local_endpoint(listener->get()));
  rt::Loop loop;
  int asked = 0;
  HttpServer server(loop, std::move(*listener), {}, [&](const HttpRequest&, auto respond) {
    ++asked;
    respond({.body = "fine"});
    loop.stop();
  });
  const rt::UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), address.raw(), address.length), 0);
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_EQ(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));

  std::optional<NoMoreDescriptors> none(std::in_place);
  const Duration before = rt::thread_cpu_time();
  Duration used{};
  rt::Timer enough(loop, [&] {
    used = rt::thread_cpu_time() - before;
    EXPECT_EQ(asked, 0) << "there was a descriptor left";
    none.reset();
  });
  enough.arm_after(std::chrono::milliseconds(500));
  loop.run();
  EXPECT_LT(used, std::chrono::milliseconds(10)) << "the loop spins";
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace popnet::control
