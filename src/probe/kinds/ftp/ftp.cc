#include "probe/kinds/ftp/ftp.h"

#include <utility>

#include "config/schema/conditions.h"
#include "probe/kinds/curl/driver.h"
#include "probe/kinds/ftp/talk.h"

namespace popnet::probe {

namespace {

using config::option;

FtpTalk::Goal goal_of(const std::string& path) {
  if (path == "/") return FtpTalk::Goal::login;
  return path.ends_with('/') ? FtpTalk::Goal::directory : FtpTalk::Goal::file;
}

Outcome judge(const FtpTalk& talk, const CurlReply& reply) {
  if (talk.reached()) return {.ok = true, .readings = {{model::Metric::ftp_ms, to_ms(reply.total)}}};
  if (!talk.error().empty()) return {.error = talk.error()};
  if (!reply.error.empty()) return {.error = reply.error, .inconclusive = reply.our_fault};
  return {.error = "the server ended the talk early"};
}

}  // namespace

const config::Table<FtpOptions>& ftp_options() {
  static const config::Table<FtpOptions> table(
      "ftp",
      "Logs in to an FTP server, asks for a directory or a file where a path says so, and takes the time "
      "until the "
      "answer (ftp_ms). Nothing is transferred.",
      {
          option("port", &FtpOptions::port).integer(1, 65535, 21),
          option("user", &FtpOptions::user).text("anonymous"),
          option("password", &FtpOptions::password).text("popnet-probe@"),
          option("path", &FtpOptions::path)
              .text("/")
              .check(config::is_url_path)
              .help("Below the directory that the login gives: / is content with the login, /pub/ enters a "
                    "directory, "
                    "/pub/file asks for the size of a file."),
          option("tls", &FtpOptions::tls)
              .boolean(false)
              .help("Explicit TLS (AUTH TLS, RFC 4217) before the login."),
          option("verify", &FtpOptions::verify)
              .boolean(true)
              .help("With tls: a certificate that is not trusted, or is for another name, is a failure."),
          option("ca_file", &FtpOptions::ca_file)
              .file("a PEM file")
              .preset_help("those this machine trusts")
              .help("With tls: file with the PEM certificates to trust."),
      });
  return table;
}

std::unique_ptr<Attempt> FtpKind::start(const Context& /*context*/, const Target& target,
                                        const model::KindOptions& options, Duration timeout,
                                        Done done) const {
  const auto& ftp = static_cast<const FtpOptions&>(options);
  const auto talk = std::make_shared<FtpTalk>(goal_of(ftp.path));
  CurlRequest request{
      .protocol = ftp.tls ? CurlRequest::Protocol::ftp_tls : CurlRequest::Protocol::ftp,
      .endpoint = {target.endpoint.address, ftp.port},
      .host = target.host,
      .path = ftp.path,
      .verify_tls = ftp.verify,
      .ca_file = ftp.ca_file,
      .user = ftp.user,
      .password = ftp.password,
      .timeout = timeout,
      .on_line = [talk](std::string_view line) { return talk->hear(line); },
  };
  return curl_->start(std::move(request),
                      [talk, done = std::move(done)](const CurlReply& reply) { done(judge(*talk, reply)); });
}

}  // namespace popnet::probe
