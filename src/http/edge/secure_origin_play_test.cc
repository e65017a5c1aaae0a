#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "http/edge/play.h"
#include "rt/clock.h"
#include "rt/socket.h"
#include "tls/test_certificate.h"

namespace popnet::http::play {
namespace {

using ::testing::HasSubstr;
using tls::TestCertificate;

/// Origins that show `certificate` and an edge that trusts it.
class SecureOrigins : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ::signal(SIGPIPE, SIG_IGN); }  // as popnet does

  Play& play(const std::function<void(model::Origin&)>& change = {}, int origins = 1) {
    play_ = std::make_unique<Play>(Setting{.site =
                                               [&](model::Site& site) {
                                                 for (model::Origin& origin : site.origins) trust(origin);
                                                 if (change) change(site.origins[0]);
                                               },
                                           .options = [](Edge::Options& o) { o.threads = 1; },
                                           .origins = origins});
    for (int i = 0; i < origins; ++i) play_->origin(static_cast<size_t>(i)).secure(context_);
    return *play_;
  }
  void trust(model::Origin& origin) const {
    origin.tls = true;
    origin.tls_ca_file = certificate_.certificate_path();
  }

  const TestCertificate certificate_{"www.shop.example", "IP:127.0.0.1"};
  const std::shared_ptr<const tls::ServerContext> context_ =
      *tls::ServerContext::load(certificate_.certificate_path(), certificate_.key_path(), "http/1.1");
  std::unique_ptr<Play> play_;
};

TEST_F(SecureOrigins, AnswerAsOthersDoAndKeepTheirConnection) {
  Play& p = play();
  p.origin().on("/a", ok("hi"));
  p.origin().on("/b", ok("ho", "Cache-Control: no-store\r\n"));
  EXPECT_EQ(p.get("/a").body, "hi");
  EXPECT_EQ(p.get("/a").body, "hi");
  EXPECT_EQ(p.get("/b").body, "ho");
  EXPECT_EQ(p.get("/b").body, "ho");
  EXPECT_EQ(p.origin().count("/a"), 1);
  EXPECT_EQ(p.origin().count("/b"), 2);
  EXPECT_EQ(p.origin().connections(), 1);
}

TEST_F(SecureOrigins, KeepOneConnectionForAllThreads) {
  Play p(Setting{.site = [&](model::Site& site) { trust(site.origins[0]); },
                 .options = [](Edge::Options& o) { o.threads = 3; }});
  p.origin().secure(context_);
  p.origin().on("/a", ok("hi", "Cache-Control: no-store\r\n"));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(p.get("/a").body, "hi");  // each by another connection of a user
  EXPECT_EQ(p.origin().count("/a"), 24);
  EXPECT_EQ(p.origin().connections(), 1);
}

TEST_F(SecureOrigins, TheHandshakeIsTimeThatTheOriginTakes) {
  Gate gate;  // outlives the origin's threads
  Play p(Setting{.site =
                     [&](model::Site& site) {
                       trust(site.origins[0]);
                       site.server_timing = true;
                     },
                 .options = [](Edge::Options& o) { o.threads = 1; }});
  p.origin().secure(context_);
  p.origin().hold(gate);
  p.origin().on("/a", ok("hi"));
  const auto origin_ms = [](const Response& r) {
    const std::string timing = r.field("server-timing"), name = "origin;dur=";
    const size_t at = timing.find(name);
    return at == timing.npos ? -1 : std::stod(timing.substr(at + name.size()));
  };
  Browser user = p.browser();
  user.send("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  ASSERT_TRUE(Play::eventually([&] { return p.origin().connections() == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // what the handshake takes
  gate.open();
  EXPECT_GE(origin_ms(user.read()), 100);
}

TEST_F(SecureOrigins, LargeBodiesComeWholeBothWays) {
  Play& p = play();
  std::string large;
  while (large.size() < (3U << 20)) large += "line " + std::to_string(large.size()) + "\n";
  p.origin().on("/down", ok(large));
  std::string received;
  p.origin().on("/up", [&](Asked& asked) {
    received = asked.body;
    asked.line.send(ok("thanks", ""));
  });
  EXPECT_EQ(p.get("/down").body, large);
  const std::string length = std::to_string(large.size());
  EXPECT_EQ(p.browser()
                .ask("POST /up HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: " + length + "\r\n\r\n" +
                     large)
                .body,
            "thanks");
  EXPECT_EQ(received, large);
}

TEST_F(SecureOrigins, CertificateForAnotherNameIsNoOrigin) {
  Play& p = play([](model::Origin& origin) { origin.tls_name = "other.example"; });
  p.origin().on("/a", ok("hi"));
  EXPECT_EQ(p.get("/a").status, 502);
  EXPECT_EQ(p.origin().count("/a"), 0) << "nothing may be asked of it";
}

TEST_F(SecureOrigins, NameOfTheConfigIsTheOneToBeShown) {
  Play& p = play([](model::Origin& origin) { origin.tls_name = "127.0.0.1"; });
  p.origin().on("/a", ok("hi"));
  EXPECT_EQ(p.get("/a").body, "hi");
}

TEST_F(SecureOrigins, CertificateThatNobodyTrustsIsNoOriginUnlessToldSo) {
  Play& strict = play([](model::Origin& origin) { origin.tls_ca_file.clear(); });
  strict.origin().on("/a", ok("hi"));
  EXPECT_EQ(strict.get("/a").status, 502);
  Play& lax = play([](model::Origin& origin) {
    origin.tls_ca_file.clear();
    origin.tls_verify = false;
  });
  lax.origin().on("/a", ok("hi"));
  EXPECT_EQ(lax.get("/a").body, "hi");
}

TEST_F(SecureOrigins, AnotherOriginIsAskedWhenOneCannotBeTrusted) {
  Play& p = play([](model::Origin& origin) { origin.tls_name = "other.example"; }, 2);
  for (size_t i : {0U, 1U})
    p.origin(i).on("", ok("from " + std::to_string(i), "Cache-Control: no-store\r\n"));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(p.get("/" + std::to_string(i)).body, "from 1");
}

TEST_F(SecureOrigins, TheirFilesMissingFailsRequestsAndNothingElse) {
  Play& p = play([](model::Origin& origin) { origin.tls_ca_file = "/nowhere/ca.pem"; });
  EXPECT_EQ(p.get("/a").status, 502);
  EXPECT_EQ(p.origin().connections(), 0);
}

TEST_F(SecureOrigins, PlainHttpWhereHttpsIsExpectedIsNoOrigin) {
  Play& p = play();
  p.origin().secure(nullptr);
  p.origin().on("/a", ok("hi"));
  p.origin().allow_garbage();
  EXPECT_EQ(p.get("/a").status, 502);
}

// RFC 9112 section 9.8.
TEST_F(SecureOrigins, BodyUntilCloseIsWholeOnlyWithACloseInOrder) {
  Play& p = play();
  const std::string head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\n";
  p.origin().on("/whole", [&](Asked& asked) {
    asked.line.send(head + "all of it");
    asked.line.end_tls();
    asked.line.shut();
  });
  p.origin().on("/cut", [&](Asked& asked) {
    asked.line.send(head + "some of i");
    asked.line.shut();
  });
  EXPECT_EQ(p.get("/whole").body, "all of it");
  EXPECT_THAT(p.get("/whole").field("cache-status"), HasSubstr("hit"));
  (void)p.get("/cut");
  (void)p.get("/cut");
  EXPECT_EQ(p.origin().count("/whole"), 1);
  EXPECT_EQ(p.origin().count("/cut"), 2) << "what may be a part is not stored";
}

/// An origin that takes a request, and then changes its keys (RFC 8446 section 4.6.3) again and again instead of answering.
class KeyChanger {
 public:
  explicit KeyChanger(const TestCertificate& certificate)
      : listener_(*rt::listen_tcp({IpAddress::v4(127, 0, 0, 1), 0})) {
    SSL_CTX_use_certificate_chain_file(context_.get(), certificate.certificate_path().c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), certificate.key_path().c_str(), SSL_FILETYPE_PEM);
    thread_ = std::thread([this] {
      while (!stop) serve();
    });
  }
  ~KeyChanger() {
    stop = true;
    thread_.join();
  }
  [[nodiscard]] Endpoint endpoint() const { return rt::local_endpoint(listener_.get()); }

  std::atomic<bool> stop = false;
  std::atomic<uint64_t> changes = 0;

 private:
  void serve() {
    pollfd asked{listener_.get(), POLLIN, 0};
    if (::poll(&asked, 1, 100) != 1) return;
    const rt::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) return;
    const timeval bound{1, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
    const std::unique_ptr<SSL, void (*)(SSL*)> session(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(session.get(), fd.get());
    char request[4096];
    if (SSL_accept(session.get()) != 1 || SSL_read(session.get(), request, sizeof request) <= 0) return;
    while (!stop && SSL_key_update(session.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(session.get()) == 1)
      ++changes;
  }

  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  rt::UniqueFd listener_;
  std::thread thread_;
};

TEST_F(SecureOrigins, KeysThatChangeWithoutEndKeepNobodyElseWaiting) {
  KeyChanger origin(certificate_);
  Play& p = play([&](model::Origin& o) { o.endpoint = origin.endpoint(); });
  Browser waiting = p.browser();
  waiting.send("GET /a HTTP/1.1\r\nHost: www.shop.example\r\n\r\n");
  while (origin.changes < 100) std::this_thread::yield();
  Duration slowest = {};
  for (const auto end = rt::monotonic_now() + std::chrono::seconds(1); rt::monotonic_now() < end;) {
    const auto asked = rt::monotonic_now();
    EXPECT_EQ(p.get(model::edge_health_path).status, 200);
    slowest = std::max<Duration>(slowest, rt::monotonic_now() - asked);
  }
  EXPECT_LT(slowest, std::chrono::milliseconds(500));
}

}  // namespace
}  // namespace popnet::http::play
