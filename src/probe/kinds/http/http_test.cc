#include "probe/kinds/http/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probe/kinds/curl/bench.h"

namespace popnet::probe {
namespace {

using testing::CurlBench;
using ::testing::HasSubstr;
using testing::Line;
using testing::ScriptedServer;
using testing::target_at;
using namespace std::chrono_literals;

Outcome probe(const Endpoint& endpoint, const HttpOptions& options = http_options().make(),
              Duration timeout = 5s) {
  CurlBench bench;
  return bench.run<HttpKind>(target_at(endpoint), options, timeout);
}

std::string refusal(const char* option, const char* text) {
  HttpOptions options = http_options().make();
  const Status status = http_options().find(option)->set(&options, text);
  return status.ok() ? "accepted" : status.error().message;
}

TEST(HttpOptionsTable, RefusesWhatCannotWork) {
  EXPECT_EQ(refusal("path", "/a?b=c%20d"), "accepted");
  EXPECT_THAT(refusal("path", "index.html"), HasSubstr("begins with '/'"));
  EXPECT_EQ(refusal("status", "204"), "accepted");
  EXPECT_EQ(refusal("status", "200-299"), "accepted");
  for (const char* wrong : {"", "20", "2000", "299-200", "200-", "-299", "2xx", "200-299-300", "000"})
    EXPECT_THAT(refusal("status", wrong), HasSubstr("is not a status")) << wrong;
  EXPECT_EQ(refusal("body_regex", "^ok|ready$"), "accepted");
  EXPECT_THAT(refusal("body_regex", "(ok"), HasSubstr("is not a regular expression: missing )"));
  EXPECT_THAT(refusal("body_regex", "(a*)\\1"), HasSubstr("invalid escape sequence: \\1"));
  EXPECT_THAT(refusal("body_regex", "((((a{1,255}){1,255}){1,255}){1,255}){1,255}"),
              HasSubstr("is not a regular expression"));

  HttpOptions options = http_options().make();
  EXPECT_TRUE(http_options().check(&options).ok());
  options.method = HttpOptions::Method::head;
  options.body = "ok";
  EXPECT_THAT(http_options().check(&options).error().message, HasSubstr("use method: GET"));
}

TEST(Http, StatusDecidesAndTheTimeToFirstByteIsMeasured) {
  const ScriptedServer fine([](Line& line) {
    line.head();
    std::this_thread::sleep_for(30ms);  // the server's work
    line.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    std::this_thread::sleep_for(20ms);
    line.send("ok");
  });
  const Outcome outcome = probe(fine.endpoint());
  ASSERT_TRUE(outcome.ok) << outcome.error;
  ASSERT_EQ(outcome.readings.size(), 1U);
  EXPECT_EQ(outcome.readings[0].metric, model::Metric::http_ms);
  EXPECT_GE(outcome.readings[0].value, 29);
  EXPECT_LT(outcome.readings[0].value, 1000);

  const ScriptedServer busy(testing::answers("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"));
  const Outcome refused = probe(busy.endpoint());
  EXPECT_FALSE(refused.ok);
  EXPECT_FALSE(refused.inconclusive);
  EXPECT_EQ(refused.error, "HTTP 503, expected 200-399");
  EXPECT_EQ(refused.readings.size(), 1U);

  HttpOptions options = http_options().make();
  options.status = {"200", "503-504"};
  EXPECT_TRUE(probe(busy.endpoint(), options).ok);
  options.status = {"200", "300-302"};
  EXPECT_EQ(probe(busy.endpoint(), options).error, "HTTP 503, expected 200, 300-302");
}

TEST(Http, BodyIsSearched) {
  const ScriptedServer server(
      testing::answers("HTTP/1.1 200 OK\r\n\r\n{\"state\": \"ready\", \"queue\": 12}"));
  HttpOptions options = http_options().make();
  options.body = "\"ready\"";
  options.body_regex = "\"queue\": [0-9]{1,2}\\}";
  EXPECT_EQ(probe(server.endpoint(), options).error, "");
  options.body_regex = "\"queue\": [0-9]\\}";
  EXPECT_EQ(probe(server.endpoint(), options).error, "nothing in the body matches '\"queue\": [0-9]\\}'");
  options.body = "\"broken\"";
  EXPECT_EQ(probe(server.endpoint(), options).error, "'\"broken\"' is not in the body");

  const ScriptedServer hostile(testing::answers("HTTP/1.1 200 OK\r\n\r\n" + std::string(60'000, 'a')));
  options.body.clear();
  options.body_regex = "(a*)*(a|aa)+(a?){100}b";  // a matcher that tries one way after the other never ends
  EXPECT_THAT(probe(hostile.endpoint(), options).error, HasSubstr("nothing in the body matches"));
  options.body_regex.clear();

  const ScriptedServer large(
      testing::answers("HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, ' ') + "ready"));
  options.body = "ready";
  EXPECT_EQ(probe(large.endpoint(), options).error, "'ready' is not in the first 64KiB of the body");
}

TEST(Http, TargetSaysHostAndPathUnlessOptionsDo) {
  std::vector<std::string> head;
  const ScriptedServer server([&](Line& line) {
    head = line.head();
    line.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  Target target = target_at(server.endpoint());
  target.host = "www.shop.example";
  target.path = model::edge_health_path;
  {
    CurlBench bench;
    ASSERT_TRUE(bench.run<HttpKind>(target, http_options().make()).ok);
  }
  EXPECT_EQ(head.at(0), "GET /.well-known/popnet/health HTTP/1.1");
  EXPECT_THAT(head, ::testing::Contains("Host: www.shop.example"));

  HttpOptions options = http_options().make();
  options.method = HttpOptions::Method::head;
  options.path = "/up";
  options.host = "check.shop.example";
  options.port = server.endpoint().port;
  target.endpoint.port = testing::free_port();
  {
    CurlBench bench;
    ASSERT_TRUE(bench.run<HttpKind>(target, options).ok);
  }
  EXPECT_EQ(head.at(0), "HEAD /up HTTP/1.1");
  EXPECT_THAT(head, ::testing::Contains("Host: check.shop.example"));
}

TEST(Http, FailuresAreInWords) {
  EXPECT_EQ(probe({IpAddress::v4(127, 0, 0, 1), testing::free_port()}).error, "connection refused");
  const ScriptedServer silent([](Line& line) { line.until_closed(); });
  const Outcome late = probe(silent.endpoint(), http_options().make(), 100ms);
  EXPECT_EQ(late.error, "no answer within 100ms");
  EXPECT_TRUE(late.readings.empty());
}

TEST(Http, MeasuresPythonsServer) {
  const testing::TempDir dir;
  dir.write("index.html", "hello from python");
  const Endpoint endpoint{IpAddress::v4(127, 0, 0, 1), testing::free_port()};
  const testing::Daemon python({"python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory",
                                dir.path(), std::to_string(endpoint.port)},
                               dir / "log");
  ASSERT_TRUE(python.listens(endpoint));
  HttpOptions options = http_options().make();
  options.body = "hello from python";
  const Outcome outcome = probe(endpoint, options);
  EXPECT_TRUE(outcome.ok) << outcome.error;
}

/// nginx with one plain and one TLS server and a certificate for shop.example made for the occasion.
class Nginx : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_.write("nginx.conf", R"(daemon off; master_process off; error_log stderr; pid nginx.pid;
events {}
http {
  access_log access.log; client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;
  scgi_temp_path e;
  server { listen )" + plain_.to_string() +
                                 R"(; return 200 "plain $host"; }
  server { listen )" + tls_.to_string() +
                                 R"( ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;
           return 200 "tls $ssl_server_name"; }
})");
    const std::string make_certificate =
        "cd " + dir_.path() +
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
        "/CN=shop.example"
        " -addext subjectAltName=DNS:shop.example -keyout key.pem -out cert.pem 2>openssl.log";
    ASSERT_EQ(std::system(make_certificate.c_str()), 0);
    nginx_ =
        std::make_unique<testing::Daemon>(std::vector<std::string>{"/usr/sbin/nginx", "-p", dir_.path(), "-c",
                                                                   dir_ / "nginx.conf", "-e", "stderr"},
                                          dir_ / "log");
    ASSERT_TRUE(nginx_->listens(plain_) && nginx_->listens(tls_));
  }
  Outcome probe_tls(const HttpOptions& options) {
    Target target = target_at(tls_);
    target.tls = true;
    target.host = "shop.example";
    CurlBench bench;
    return bench.run<HttpKind>(target, options);
  }
  const testing::TempDir dir_;
  const Endpoint plain_{IpAddress::v4(127, 0, 0, 1), testing::free_port()};
  const Endpoint tls_{IpAddress::v4(127, 0, 0, 1), testing::free_port()};
  std::unique_ptr<testing::Daemon> nginx_;
};

TEST_F(Nginx, AnswersPlainProbes) {
  HttpOptions options = http_options().make();
  options.body_regex = "^plain 127";
  EXPECT_EQ(probe(plain_, options).error, "");
}

TEST_F(Nginx, CertificateIsCheckedAndTheServerNameSent) {
  HttpOptions options = http_options().make();
  options.ca_file = dir_ / "cert.pem";
  options.body = "tls shop.example";
  EXPECT_EQ(probe_tls(options).error, "");

  options.host = "other.example";
  EXPECT_THAT(probe_tls(options).error, HasSubstr("TLS certificate refused: "));
  EXPECT_THAT(probe_tls(options).error, HasSubstr("other.example"));

  options = http_options().make();
  EXPECT_THAT(probe_tls(options).error, HasSubstr("self-signed certificate"));
  options.verify = false;
  EXPECT_EQ(probe_tls(options).error, "");
}

TEST_F(Nginx, SchemeGoesBeforeTheTargets) {
  HttpOptions options = http_options().make();
  options.scheme = HttpOptions::Scheme::http;
  options.port = plain_.port;
  options.body = "plain shop.example";
  EXPECT_EQ(probe_tls(options).error, "");
}

}  // namespace
}  // namespace popnet::probe
