#include "probe/kinds/ftp/ftp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "probe/kinds/curl/bench.h"
#include "rt/clock.h"

namespace popnet::probe {
namespace {

using testing::CurlBench;
using ::testing::HasSubstr;
using testing::Line;
using testing::ScriptedServer;
using testing::target_at;
using namespace std::chrono_literals;

FtpOptions at_port(uint16_t port, const char* path = "/") {
  FtpOptions options = ftp_options().make();
  options.port = port;
  options.path = path;
  return options;
}

Outcome probe(const FtpOptions& options, Duration timeout = 5s) {
  CurlBench bench;
  return bench.run<FtpKind>(target_at({IpAddress::v4(127, 0, 0, 1), 80}), options, timeout);
}

/// vsftpd with anonymous users in a folder of the test, with a certificate for TLS.
class Vsftpd : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_.write("files/pub/hello.txt", "hello");
    const std::string make_certificate = "cd " + dir_.path() +
                                         " && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "
                                         "/CN=ftp.example -keyout key.pem -out cert.pem"
                                         " 2>openssl.log";
    ASSERT_EQ(std::system(make_certificate.c_str()), 0);
    dir_.write(
        "vsftpd.conf",
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port=" + std::to_string(port_) +
            "\nbackground=NO\nrun_as_launching_user=YES\nanonymous_enable=YES\nlocal_enable=NO\nanon_root=" +
            (dir_ / "files") +
            "\nxferlog_enable=NO\nssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=NO"
            "\nforce_anon_data_ssl=NO\nrsa_cert_file=" +
            (dir_ / "cert.pem") + "\nrsa_private_key_file=" + (dir_ / "key.pem") + "\n");
    vsftpd_ = std::make_unique<testing::Daemon>(
        std::vector<std::string>{"/usr/sbin/vsftpd", dir_ / "vsftpd.conf"}, dir_ / "log");
    ASSERT_TRUE(vsftpd_->listens({IpAddress::v4(127, 0, 0, 1), port_}));
  }
  const testing::TempDir dir_;
  const uint16_t port_ = testing::free_port();
  std::unique_ptr<testing::Daemon> vsftpd_;
};

TEST_F(Vsftpd, ResponseTimeOfALogin) {
  const Outcome outcome = probe(at_port(port_));
  ASSERT_TRUE(outcome.ok) << outcome.error;
  ASSERT_EQ(outcome.readings.size(), 1U);
  EXPECT_EQ(outcome.readings[0].metric, model::Metric::ftp_ms);
  EXPECT_GT(outcome.readings[0].value, 0);
  EXPECT_LT(outcome.readings[0].value, 5000);
}

TEST_F(Vsftpd, DirectoryAndFileAreAskedFor) {
  EXPECT_EQ(probe(at_port(port_, "/pub/")).error, "");
  EXPECT_EQ(probe(at_port(port_, "/pub/hello.txt")).error, "");
  EXPECT_THAT(probe(at_port(port_, "/missing/")).error, HasSubstr("FTP 550"));
  EXPECT_THAT(probe(at_port(port_, "/pub/missing.txt")).error, HasSubstr("FTP 550"));
}

TEST_F(Vsftpd, WrongUserIsRefused) {
  FtpOptions options = at_port(port_);
  options.user = "nobody-here";
  EXPECT_THAT(probe(options).error, HasSubstr("FTP 530"));
}

TEST_F(Vsftpd, ExplicitTls) {
  FtpOptions options = at_port(port_, "/pub/hello.txt");
  options.tls = true;
  EXPECT_THAT(probe(options).error, HasSubstr("TLS certificate refused: "));
  options.verify = false;
  const Outcome outcome = probe(options);
  EXPECT_TRUE(outcome.ok) << outcome.error;
}

TEST_F(Vsftpd, ACertificateIsTrustedWhereTheProbeSaysSo) {
  FtpOptions options = at_port(port_);
  options.tls = true;
  options.ca_file = dir_ / "cert.pem";
  CurlBench bench;
  Target target = target_at({IpAddress::v4(127, 0, 0, 1), 80});
  target.host = "ftp.example";
  EXPECT_EQ(bench.run<FtpKind>(target, options).error, "");
  target.host = "other.example";
  EXPECT_THAT(bench.run<FtpKind>(target, options).error, HasSubstr("TLS certificate refused: "));
}

/// A server that says `greeting` and then answers each command by its first word; "" hangs.
ScriptedServer::Script ftp_server(std::string greeting, std::map<std::string, std::string> answers) {
  return [greeting = std::move(greeting), answers = std::move(answers)](Line& line) {
    line.send(greeting + "\r\n");
    for (std::string command = line.line(); !command.empty(); command = line.line()) {
      const auto answer = answers.find(command.substr(0, command.find(' ')));
      if (answer == answers.end() || answer->second.empty()) return line.until_closed();
      line.send(answer->second + "\r\n");
    }
  };
}

const std::map<std::string, std::string> polite = {{"USER", "331 who"},  {"PASS", "230 in"},
                                                   {"PWD", "257 \"/\""}, {"CWD", "250 moved"},
                                                   {"TYPE", "200 ok"},   {"SIZE", "213 5"}};

std::map<std::string, std::string> polite_but(const std::string& command, const std::string& answer) {
  auto answers = polite;
  answers[command] = answer;
  return answers;
}

TEST(Ftp, FailuresAreInWords) {
  EXPECT_EQ(probe(at_port(testing::free_port())).error, "connection refused");

  const ScriptedServer silent([](Line& line) { line.until_closed(); });
  EXPECT_EQ(probe(at_port(silent.endpoint().port), 100ms).error, "no answer within 100ms");

  const ScriptedServer full([](Line& line) { line.send("421 Too many users\r\n"); });
  EXPECT_EQ(probe(at_port(full.endpoint().port)).error, "FTP 421 Too many users");

  const ScriptedServer ssh([](Line& line) {
    line.send("SSH-2.0-OpenSSH_9.2\r\n");
    line.until_closed();
  });
  EXPECT_EQ(probe(at_port(ssh.endpoint().port)).error, "the answer is not FTP: 'SSH-2.0-OpenSSH_9.2'");

  const ScriptedServer closes([](Line&) {});
  EXPECT_NE(probe(at_port(closes.endpoint().port)).error, "");

  const ScriptedServer endless([](Line& line) {
    line.send("220-Welcome\r\n");
    while (line.peer_is_there()) line.send("220-" + std::string(500, 'x') + "\r\n");
  });
  EXPECT_EQ(probe(at_port(endless.endpoint().port)).error, "the head of the answer is larger than 64KiB");
}

/// Whatever a server does, other transfers of the loop go on meanwhile: its longest turn while the probe
/// runs.
Duration longest_turn(const FtpOptions& options, Duration timeout, std::string* error) {
  CurlBench bench;
  Duration longest{};
  TimePoint last{};
  std::unique_ptr<rt::Timer> tick;
  bench.on([&] {
    last = rt::monotonic_now();
    tick = std::make_unique<rt::Timer>(bench.loop(), [&] {
      const TimePoint now = rt::monotonic_now();
      longest = std::max(longest, now - std::exchange(last, now));
      tick->arm_after(1ms);
    });
    tick->arm_after(1ms);
  });
  *error = bench.run<FtpKind>(target_at({IpAddress::v4(127, 0, 0, 1), 80}), options, timeout).error;
  bench.on([&] { tick.reset(); });
  return longest;
}

// Where libcurl blocks, it does so for the rest of the timeout or for ever.
constexpr Duration patience = 1s;
constexpr Duration noticeable = 700ms;

TEST(Ftp, AServerThatStallsAnywhereHoldsUpNobodyElse) {
  for (const char* command : {"PASS", "CWD", "SIZE"}) {
    const ScriptedServer server(ftp_server("220 hi", polite_but(command, "")));
    std::string error;
    EXPECT_LT(longest_turn(at_port(server.endpoint().port, "/pub/file"), patience, &error), noticeable)
        << command;
    EXPECT_EQ(error, "no answer within 1s") << command;
  }
  const ScriptedServer deaf_to_quit(ftp_server("220 hi", polite));
  std::string error;
  EXPECT_LT(longest_turn(at_port(deaf_to_quit.endpoint().port, "/pub/file"), patience, &error), noticeable);
  EXPECT_EQ(error, "");
}

TEST(Ftp, AServerThatTalksNonsenseHoldsUpNobodyElse) {
  for (const char* command : {"USER", "PASS", "PWD", "CWD", "TYPE", "SIZE"}) {
    for (const char* answer : {"500 no", "226 odd", "350 odd", "nonsense"}) {
      const ScriptedServer server(ftp_server("220 hi", polite_but(command, answer)));
      std::string error;
      EXPECT_LT(longest_turn(at_port(server.endpoint().port, "/pub/file"), patience, &error), noticeable)
          << command << " " << answer;
      EXPECT_NE(error, "") << command << " " << answer;
    }
  }
}

TEST(Ftp, AStalledTlsHandshakeHoldsUpNobodyElse) {
  const ScriptedServer server(ftp_server("220 hi", {{"AUTH", "234 go on"}}));
  FtpOptions options = at_port(server.endpoint().port);
  options.tls = true;
  std::string error;
  EXPECT_LT(longest_turn(options, patience, &error), noticeable);
  EXPECT_NE(error, "");
}

TEST(Ftp, ACancelledTlsAttemptIsSilent) {
  const ScriptedServer server([](Line& line) { line.until_closed(); });
  FtpOptions options = at_port(server.endpoint().port);
  options.tls = true;
  const Target target = target_at(server.endpoint());
  std::atomic<int> called{0};
  {
    CurlBench bench;
    const FtpKind kind(bench.driver());
    std::unique_ptr<Attempt> attempt;
    bench.on([&] {
      const Context context{bench.loop(), bench.memory};
      attempt = kind.start(context, target, options, 300ms, [&](const Outcome&) { ++called; });
    });
    bench.on([&] { attempt.reset(); });
  }
  EXPECT_EQ(called, 0);
}

}  // namespace
}  // namespace popnet::probe
