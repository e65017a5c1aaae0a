#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "tls/context.h"
#include "tls/test_certificate.h"

namespace popnet::tls {
namespace {

using ::testing::HasSubstr;

using How = Session::Result;

/// Both ends of a connection, stepped by hand: neither blocks.
class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    ::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_.data()), 0);
  }
  ~TlsTest() override {
    client_.reset();
    server_.reset();
    for (const int fd : fds_) ::close(fd);
  }

  void meet(const ClientContext::Options& options, const std::string& name,
            std::string_view spoken = "http/1.1") {
    server_context_ = *ServerContext::load(certificate_.certificate_path(), certificate_.key_path(), spoken);
    client_context_ = *ClientContext::make(options);
    server_ = server_context_->accept(fds_[0]);
    client_ = client_context_->connect(fds_[1], name);
    for (int i = 0; i < 10; ++i) {
      at_client_ = client_->shake_hands();
      at_server_ = server_->shake_hands();
    }
    // The server's tickets, each of which a read says to be no data.
    char byte;
    for (int tickets = 2; tickets > 0 && at_client_.result == How::done; --tickets)
      EXPECT_EQ(client_->read(std::span(&byte, 1)).result, How::wants_read);
  }
  [[nodiscard]] ClientContext::Options trusting() const {
    return {.ca_file = certificate_.certificate_path()};
  }

  const TestCertificate certificate_{"shop.test", "IP:127.0.0.1"};
  std::array<int, 2> fds_{};
  std::shared_ptr<const ServerContext> server_context_;
  std::shared_ptr<const ClientContext> client_context_;
  std::unique_ptr<Session> server_, client_;
  Session::Progress at_server_{How::wants_read}, at_client_{How::wants_read};
};

TEST_F(TlsTest, CarriesBytesBothWaysToWhomIsTrusted) {
  meet(trusting(), "shop.test");
  ASSERT_EQ(at_client_.result, How::done) << client_->why_broken();
  ASSERT_EQ(at_server_.result, How::done) << server_->why_broken();
  EXPECT_EQ(client_->write(std::string_view("ask")).size, 3U);
  char room[16];
  EXPECT_EQ(server_->read(room).size, 3U);
  EXPECT_EQ(std::string_view(room, 3), "ask");
  EXPECT_EQ(server_->write(std::string_view("answer")).size, 6U);
  EXPECT_EQ(client_->read(std::span(room, 2)).size, 2U);
  EXPECT_TRUE(client_->has_decrypted()) << "four bytes are left of the record";
  EXPECT_EQ(client_->read(room).size, 4U);
  EXPECT_FALSE(client_->has_decrypted());
  EXPECT_EQ(client_->read(room).result, How::wants_read);
}

TEST_F(TlsTest, CertificateForTheAddressWillDo) {
  meet(trusting(), "127.0.0.1");
  EXPECT_EQ(at_client_.result, How::done) << client_->why_broken();
}

TEST_F(TlsTest, CertificateForAnotherNameIsRefused) {
  meet(trusting(), "other.test");
  EXPECT_EQ(at_client_.result, How::broken);
  EXPECT_THAT(client_->why_broken(), HasSubstr("certificate refused: hostname mismatch"));
}

TEST_F(TlsTest, CertificateForAnotherAddressIsRefused) {
  meet(trusting(), "127.0.0.2");
  EXPECT_EQ(at_client_.result, How::broken);
  EXPECT_THAT(client_->why_broken(), HasSubstr("certificate refused: IP address mismatch"));
}

TEST_F(TlsTest, CertificateThatNobodySignedIsRefused) {
  meet({}, "shop.test");
  EXPECT_EQ(at_client_.result, How::broken);
  EXPECT_THAT(client_->why_broken(), HasSubstr("certificate refused: self-signed certificate"));
}

TEST_F(TlsTest, AnyCertificateWillDoForWhoDoesNotAsk) {
  meet({.verify = false}, "other.test");
  EXPECT_EQ(at_client_.result, How::done) << client_->why_broken();
}

TEST_F(TlsTest, WhoNamesProtocolsMustNameOurs) {
  meet({.verify = false, .protocol = "h2"}, "shop.test");
  EXPECT_EQ(at_server_.result, How::broken);
  EXPECT_EQ(at_client_.result, How::broken);
  EXPECT_THAT(client_->why_broken(), HasSubstr("no application protocol"));
}

TEST_F(TlsTest, EndInOrderDiffersFromACut) {
  meet({.verify = false}, "shop.test");
  char room[16];
  ::shutdown(fds_[0], SHUT_WR);
  EXPECT_EQ(client_->read(room).result, How::broken);
}

TEST_F(TlsTest, EndInOrder) {
  meet({.verify = false}, "shop.test");
  char room[16];
  server_.reset();
  EXPECT_EQ(client_->read(room).result, How::closed);
}

TEST_F(TlsTest, WhatIsNotTlsIsBroken) {
  ASSERT_EQ(::send(fds_[0], "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0), 28);
  client_ = (*ClientContext::make({}))->connect(fds_[1], "shop.test");
  client_->shake_hands();
  EXPECT_EQ(client_->shake_hands().result, How::broken);
  EXPECT_THAT(client_->why_broken(), HasSubstr("wrong version number"));
}

TEST_F(TlsTest, FileWithoutCertificatesIsNamed) {
  const auto missing = ClientContext::make({.ca_file = "/nowhere/ca.pem"});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr("/nowhere/ca.pem: "));
  const auto key = ClientContext::make({.ca_file = certificate_.key_path()});
  ASSERT_FALSE(key.ok());
  EXPECT_THAT(key.error().message, HasSubstr("write a PEM file with the certificates to trust"));
}

}  // namespace
}  // namespace popnet::tls
