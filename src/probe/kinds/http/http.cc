#include "probe/kinds/http/http.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "common/units.h"
#include "config/schema/conditions.h"
#include "probe/kinds/curl/driver.h"

namespace popnet::probe {

namespace {

using config::option;

struct StatusRange {
  int first = 0;
  int last = 0;
};

/// "204" or "200-399".
std::optional<StatusRange> parse_status(std::string_view text) {
  const auto number = [](std::string_view digits) {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
    return error == std::errc() && end == digits.end() && digits.size() == 3 && value >= 100 ? value : 0;
  };
  const auto dash = text.find('-');
  const int first = number(text.substr(0, dash));
  const int last = dash == text.npos ? first : number(text.substr(dash + 1));
  if (first == 0 || last < first) return std::nullopt;
  return StatusRange{first, last};
}

/// The time to match is linear in the body and the memory is bounded, whatever pattern a customer writes and
/// whatever a server answers: all probes of a node share one thread.
RE2 compiled(const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  options.set_dot_nl(true);
  return RE2(pattern, options);
}

Error invalid(std::string message) {
  return {ErrorCode::invalid, std::move(message)};
}

Status check_status(const std::string& text) {
  if (parse_status(text)) return {};
  return invalid(fmt::format("'{}' is not a status, write one like 204 or a range like 200-399", text));
}

Status check_regex(const std::string& pattern) {
  const RE2 regex = compiled(pattern);
  if (regex.ok()) return {};
  return invalid(fmt::format("'{}' is not a regular expression: {}", pattern, regex.error()));
}

Status check_together(const HttpOptions& options) {
  const bool looks = !options.body.empty() || !options.body_regex.empty();
  if (options.method == HttpOptions::Method::get || !looks) return {};
  return invalid("an answer to HEAD has no body, use method: GET with body or body_regex");
}

bool expected(const HttpOptions& options, int status) {
  return std::any_of(options.status.begin(), options.status.end(), [status](const std::string& text) {
    const auto range = parse_status(text);
    return range && status >= range->first && status <= range->last;
  });
}

/// What is wrong with a complete answer; empty when nothing is.
std::string complaint(const HttpOptions& options, const CurlReply& reply) {
  if (!expected(options, reply.status))
    return fmt::format("HTTP {}, expected {}", reply.status, fmt::join(options.status, ", "));
  const std::string where =
      reply.body_cut ? "the first " + format_size(reply.body.size()) + " of the body" : "the body";
  if (reply.body.find(options.body) == std::string::npos)
    return fmt::format("'{}' is not in {}", options.body, where);
  if (!options.body_regex.empty() && !RE2::PartialMatch(reply.body, compiled(options.body_regex)))
    return fmt::format("nothing in {} matches '{}'", where, options.body_regex);
  return {};
}

Outcome judge(const HttpOptions& options, CurlReply reply) {
  Outcome outcome{.error = std::move(reply.error), .inconclusive = reply.our_fault};
  if (reply.status != 0) outcome.readings = {{model::Metric::http_ms, to_ms(reply.first_byte)}};
  if (outcome.error.empty()) outcome.error = complaint(options, reply);
  outcome.ok = outcome.error.empty();
  return outcome;
}

bool use_tls(const HttpOptions& options, const Target& target) {
  if (options.scheme == HttpOptions::Scheme::target) return target.tls;
  return options.scheme == HttpOptions::Scheme::https;
}

}  // namespace

const config::Table<HttpOptions>& http_options() {
  using Method = HttpOptions::Method;
  using Scheme = HttpOptions::Scheme;
  static const config::Table<HttpOptions> table(
      "http",
      "Asks for a URL over HTTP or HTTPS, holds status and body against what is expected, and takes the time "
      "to the "
      "answer's first byte (http_ms). Redirects are not followed.",
      {
          option("path", &HttpOptions::path)
              .text()
              .check(config::is_url_path)
              .preset_help("/ of an origin, the health page of a POP")
              .help("Path and query to ask for."),
          option("method", &HttpOptions::method)
              .choice({{"GET", Method::get}, {"HEAD", Method::head}}, "GET"),
          option("host", &HttpOptions::host)
              .text()
              .preset_help("what the edge would send")
              .help("Host field; with HTTPS also the name to ask for (SNI) and the one the certificate must "
                    "be for."),
          option("port", &HttpOptions::port)
              .integer(0, 65535, 0)
              .help("Port to connect to; 0 means the target's own."),
          option("scheme", &HttpOptions::scheme)
              .choice({{"target", Scheme::target, "as users reach it"},
                       {"http", Scheme::http},
                       {"https", Scheme::https}},
                      "target"),
          option("verify", &HttpOptions::verify)
              .boolean(true)
              .help("HTTPS: a certificate that is not trusted, or is for another name, is a failure. An "
                    "origin with "
                    "`tls_verify: false` is never held to it."),
          option("ca_file", &HttpOptions::ca_file)
              .file("a PEM file")
              .preset_help("the origin's `tls_ca_file`, or those this machine trusts")
              .help("HTTPS: file with the PEM certificates to trust."),
          option("status", &HttpOptions::status)
              .text()
              .preset({"200-399"})
              .check(check_status)
              .help("Statuses of a working server: single ones like 204 and ranges like 200-399."),
          option("body", &HttpOptions::body)
              .text()
              .help("Text that must occur in the first 64KiB of the body."),
          option("body_regex", &HttpOptions::body_regex)
              .text()
              .check(check_regex)
              .help(
                  "Regular expression (RE2 syntax: no back references) that the first 64KiB of the body must "
                  "match somewhere."),
      },
      check_together);
  return table;
}

std::unique_ptr<Attempt> HttpKind::start(const Context& /*context*/, const Target& target,
                                         const model::KindOptions& options, Duration timeout,
                                         Done done) const {
  const auto& http = static_cast<const HttpOptions&>(options);
  CurlRequest request{
      .protocol = use_tls(http, target) ? CurlRequest::Protocol::https : CurlRequest::Protocol::http,
      .endpoint = {target.endpoint.address, http.port != 0 ? http.port : target.endpoint.port},
      .host = http.host.empty() ? target.host : http.host,
      .tls_name = http.host.empty() ? target.tls_name : "",
      .path = http.path.empty() ? target.path : http.path,
      .head = http.method == HttpOptions::Method::head,
      .verify_tls = http.verify && target.tls_verify,
      .ca_file = http.ca_file.empty() ? target.tls_ca_file : http.ca_file,
      .timeout = timeout,
  };
  return curl_->start(std::move(request), [&http, done = std::move(done)](CurlReply reply) {
    done(judge(http, std::move(reply)));
  });
}

}  // namespace popnet::probe
