// The commands against a socket that plays the node.
#include "control/cli/commands.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace popnet::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Answers one request with the bytes given, and keeps what was asked.
class PlayedNode {
 public:
  explicit PlayedNode(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_, raw, length), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, raw, &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~PlayedNode() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::string admin() const { return "127.0.0.1:" + std::to_string(port_); }
  /// REQUIRES: the answer has been received
  [[nodiscard]] const std::string& asked() const { return asked_; }

 private:
  void serve() {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    char buffer[4096];
    while (!complete()) {
      const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      asked_.append(buffer, static_cast<size_t>(n));
    }
    (void)!::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    ::close(fd);
  }
  [[nodiscard]] bool complete() const {
    const auto head_end = asked_.find("\r\n\r\n");
    if (head_end == asked_.npos) return false;
    const auto length = asked_.find("Content-Length: ");
    const size_t body = length == asked_.npos ? 0 : std::stoul(asked_.substr(length + 16));
    return asked_.size() >= head_end + 4 + body;
  }

  const std::string answer_;
  std::string asked_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

std::string http(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(Commands, explain_asks_with_escaped_values_and_renders) {
  PlayedNode node(http("200 OK", R"({"sentence":"all is well","candidates":[]})"));
  Client client("http://" + node.admin() + "/");
  const auto said = ask_explanation(client, "www.shop.example&x=1", "198.51.100.0/24");
  ASSERT_TRUE(said.ok()) << said.error().message;
  EXPECT_THAT(*said, StartsWith("all is well\n"));
  EXPECT_THAT(
      node.asked(),
      StartsWith("GET /v1/explain?name=www.shop.example%26x%3D1&client=198.51.100.0%2F24 HTTP/1.1\r\n"));
  EXPECT_THAT(node.asked(), HasSubstr("Host: " + node.admin()));
}

TEST(Commands, explain_asks_for_a_type) {
  PlayedNode node(http("200 OK", R"({"sentence":"all is well","candidates":[]})"));
  Client client(node.admin());
  ASSERT_TRUE(ask_explanation(client, "www.shop.example", "198.51.100.7", "AAAA").ok());
  EXPECT_THAT(node.asked(),
              StartsWith("GET /v1/explain?name=www.shop.example&client=198.51.100.7&type=AAAA HTTP/1.1\r\n"));
}

TEST(Commands, status_renders) {
  PlayedNode node(http("200 OK", R"({"version":"9.9","pop":"ams","uptime_s":5})"));
  Client client(node.admin());
  const auto said = ask_status(client);
  ASSERT_TRUE(said.ok());
  EXPECT_THAT(*said, StartsWith("popnet 9.9 at ams, up 5.0 s, ready\n"));
}

TEST(Commands, purge_sends_the_order) {
  PlayedNode node(http("200 OK", R"({"purged":"site shop","soft":true})"));
  Client client(node.admin());
  const auto said = ask_purge(client, {.url = "", .prefix = "", .site = "shop", .tags = {}, .soft = true});
  ASSERT_TRUE(said.ok()) << said.error().message;
  EXPECT_EQ(*said, "site shop: every node revalidates it\n");
  EXPECT_THAT(node.asked(), StartsWith("POST /v1/purge HTTP/1.1\r\n"));
  EXPECT_THAT(node.asked(), HasSubstr("\r\n\r\n{\"site\":\"shop\",\"soft\":true}"));
}

TEST(Commands, purge_names_tags_and_prefixes) {
  const std::pair<PurgeRequest, const char*> cases[] = {
      {{"", "", "shop", {"red", "blue"}, false}, R"({"site":"shop","tags":["red","blue"]})"},
      {{"", "http://x/a/", "", {}, false}, R"({"prefix":"http://x/a/"})"},
      {{"", "http://x/caf\xe9/", "", {}, false}, R"({"prefix":"http://x/caf%E9/"})"},
      {{"http://x/caf\xc3\xa9", "", "", {}, false}, R"({"url":"http://x/caf%C3%A9"})"},
  };
  for (const auto& [request, body] : cases) {
    PlayedNode node(http("200 OK", R"({"purged":"it","soft":false})"));
    Client client(node.admin());
    ASSERT_TRUE(ask_purge(client, request).ok());
    EXPECT_THAT(node.asked(), HasSubstr(std::string("\r\n\r\n") + body));
  }
}

TEST(Commands, purge_wants_exactly_one_thing) {
  Client client;
  for (const auto& request :
       {PurgeRequest{}, PurgeRequest{"http://x/", "", "shop", {}, false},
        PurgeRequest{"", "", "", {"a"}, false}, PurgeRequest{"http://x/", "http://x/", "", {}, false},
        PurgeRequest{"http://x/", "", "", {"a"}, false}}) {
    const auto said = ask_purge(client, request);
    ASSERT_FALSE(said.ok());
    EXPECT_EQ(said.error().code, ErrorCode::usage);
  }
}

TEST(Commands, push_shows_warnings_and_where_it_went) {
  PlayedNode node(
      http("200 OK",
           R"({"on_bus":true,"revision":8,"problems":["popnet.yaml:3:1: sites.0: warning: no probes"]})"));
  Client client(node.admin());
  const auto said = push_config(client, {"network: {name: test}\n"});
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(*said,
            "popnet.yaml:3:1: sites.0: warning: no probes\n"
            "the bus has it as revision 8: every node takes it over\n");
  EXPECT_THAT(node.asked(), StartsWith("PUT /v1/config HTTP/1.1\r\n"));
  EXPECT_THAT(node.asked(), HasSubstr("\r\n\r\nnetwork: {name: test}\n"));
}

TEST(Commands, a_refused_config_is_an_error_with_every_problem) {
  PlayedNode node(http("400 Bad Request",
                       R"({"error":"the config has errors","problems":["a:1:1: x: bad","a:2:1: y: bad"]})"));
  Client client(node.admin());
  const auto said = push_config(client, {"x: y"});
  ASSERT_FALSE(said.ok());
  EXPECT_EQ(said.error().code, ErrorCode::invalid);
  EXPECT_EQ(said.error().message, "the config has errors\na:1:1: x: bad\na:2:1: y: bad");
}

TEST(Commands, push_says_which_config_it_replaces) {
  const std::string marked =
      "# popnet config revision 7; keep this line, popnet config push goes by it\nx: y\n";
  const std::pair<PushRequest, const char*> cases[] = {
      {{"x: y\n"}, "\r\nIf-None-Match: *\r\n"},
      {{marked}, "\r\nIf-Match: \"7\"\r\n"},
      {{marked, 9}, "\r\nIf-Match: \"9\"\r\n"},
  };
  for (const auto& [request, condition] : cases) {
    PlayedNode node(http("200 OK", R"({"on_bus":true})"));
    Client client(node.admin());
    ASSERT_TRUE(push_config(client, request).ok());
    EXPECT_THAT(node.asked(), HasSubstr(condition));
    EXPECT_THAT(node.asked(), HasSubstr("\r\n\r\nx: y\n")) << "the mark stays at home";
  }
  PlayedNode node(http("200 OK", R"({"on_bus":true})"));
  Client client(node.admin());
  ASSERT_TRUE(push_config(client, {.text = marked, .force = true}).ok());
  EXPECT_THAT(node.asked(), Not(HasSubstr("If-")));
}

TEST(Commands, a_push_that_comes_too_late_is_told_what_to_do) {
  PlayedNode node(http("412 Precondition Failed", R"({"error":"it is at revision 8 by now"})"));
  Client client(node.admin());
  const auto said = push_config(client, {"x: y", 7});
  ASSERT_FALSE(said.ok());
  EXPECT_EQ(said.error().code, ErrorCode::conflict);
  EXPECT_THAT(said.error().message,
              StartsWith("it is at revision 8 by now; see with popnet config show what is new"));
  EXPECT_THAT(said.error().message, HasSubstr("--force"));
}

TEST(Commands, show_tells_the_revision_where_there_is_one) {
  PlayedNode node("HTTP/1.1 200 OK\r\nETag: \"7\"\r\nContent-Length: 5\r\n\r\nx: y\n");
  Client client(node.admin());
  EXPECT_EQ(*ask_config(client),
            "# popnet config revision 7; keep this line, popnet config push goes by it\nx: y\n");
  PlayedNode alone(http("200 OK", "x: y\n"));
  Client other(alone.admin());
  EXPECT_EQ(*ask_config(other), "x: y\n");
}

TEST(Commands, a_large_config_goes_whole) {
  PlayedNode node(http("200 OK", R"({"on_bus":false})"));
  Client client(node.admin());
  const std::string text(900'000, '#');
  const auto said = push_config(client, {text});
  ASSERT_TRUE(said.ok()) << said.error().message;
  EXPECT_EQ(*said, "this node has taken it over\n");
  EXPECT_EQ(node.asked().size() - node.asked().find("\r\n\r\n") - 4, text.size());
}

TEST(Commands, what_the_node_refuses_has_the_nodes_words_and_a_fitting_code) {
  const std::pair<const char*, ErrorCode> cases[] = {{"400 Bad Request", ErrorCode::invalid},
                                                     {"403 Forbidden", ErrorCode::invalid},
                                                     {"404 Not Found", ErrorCode::not_found},
                                                     {"412 Precondition Failed", ErrorCode::conflict},
                                                     {"503 Service Unavailable", ErrorCode::unavailable},
                                                     {"500 Internal Server Error", ErrorCode::peer}};
  for (const auto& [status, code] : cases) {
    PlayedNode node(http(status, R"({"error":"not that"})"));
    Client client(node.admin());
    const auto said = ask_config(client);
    ASSERT_FALSE(said.ok());
    EXPECT_EQ(said.error().message, "not that");
    EXPECT_EQ(said.error().code, code) << status;
  }
}

TEST(Commands, without_a_node_say_what_to_do) {
  std::string admin;
  {
    PlayedNode gone("");
    admin = gone.admin();
  }
  Client client(admin);
  const auto said = ask_status(client);
  ASSERT_FALSE(said.ok());
  EXPECT_EQ(said.error().code, ErrorCode::unavailable);
  EXPECT_EQ(said.error().message,
            "no node answers at " + admin + ": connection refused; is popnet serve running?");
}

TEST(Commands, something_else_at_that_port_is_not_a_node) {
  for (const std::string& answer : {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string(),
                                    http("404 Not Found", "<html>nothing here</html>")}) {
    PlayedNode node(answer);
    Client client(node.admin());
    const auto said = ask_status(client);
    ASSERT_FALSE(said.ok());
    EXPECT_EQ(said.error().code, ErrorCode::peer);
    EXPECT_THAT(said.error().message, HasSubstr("what answers at " + node.admin() + " is not a popnet node"));
  }
}

TEST(Commands, an_address_that_is_none_is_wrong_usage) {
  for (const char* admin : {"", "127.0.0.1:port", "[::1"}) {
    Client client(admin);
    const auto said = ask_status(client);
    ASSERT_FALSE(said.ok()) << admin;
    EXPECT_EQ(said.error().code, ErrorCode::usage) << admin << ": " << said.error().message;
  }
}

}  // namespace
}  // namespace popnet::control
