// What a request must look like (RFC 9112). "\n" in the texts stands for CR LF; \x01 and \x02 for a bare LF
// and a bare CR.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>

#include "http/wire/head.h"

namespace popnet::http {

static void PrintTo(Fault fault, std::ostream* out) {
  *out << to_string(fault);
}

namespace {

std::string wire(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c == '\x01' ? '\n' : c == '\x02' ? '\r' : c;
  }
  return out;
}

struct Refusal {
  const char* text;
  uint16_t status;
  Fault fault;
};

/// Bytes and what was read in them: a head borrows from its bytes.
struct Request {
  std::string bytes;
  RequestHead head;
  Parsed parsed;

  explicit Request(std::string_view text) : bytes(wire(text)) {
    parsed = parse_request(bytes, Limits{}, head);
  }
  [[nodiscard]] bool complete() const { return parsed.complete(); }
};

TEST(RequestHead, IsTakenApart) {
  const Request request(
      "GET /a/b?c=d&e HTTP/1.1\nHost: WWW.example.com:8080\nAccept:\t text/html \t\nX-Empty:\nX: a "
      "b\n\nbody");
  const RequestHead& head = request.head;
  ASSERT_TRUE(request.complete());
  EXPECT_EQ(request.bytes.substr(request.parsed.length), "body");
  EXPECT_EQ(head.method, Method::get);
  EXPECT_EQ(head.target.form, TargetForm::origin);
  EXPECT_EQ(head.target.path, "/a/b");
  EXPECT_EQ(head.target.query, "c=d&e");
  EXPECT_TRUE(head.target.has_query);
  EXPECT_EQ(head.host, "WWW.example.com");
  EXPECT_EQ(head.port, "8080");
  EXPECT_EQ(head.minor, 1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.body, Framing{});
  ASSERT_EQ(head.fields.size(), 4U);
  EXPECT_EQ(head.fields.get(FieldName::accept), "text/html");
  EXPECT_EQ(head.fields.begin()[2].value, "");
  EXPECT_EQ(head.fields.begin()[3].value, "a b");
}

TEST(RequestHead, MayFollowOneEmptyLine) {  // RFC 9112 section 2.2
  const Request request("\nGET / HTTP/1.1\nHost: a\n\n");
  EXPECT_EQ(request.parsed.length, request.bytes.size());
  EXPECT_EQ(Request("\n\nGET / HTTP/1.1\nHost: a\n\n").parsed.status, 400);
}

TEST(RequestHead, HasOneOfThreeTargetForms) {  // RFC 9112 section 3.2
  const Request absolute("GET HTTP://Other.example:81?q HTTP/1.1\nHost: ignored.example\n\n");
  ASSERT_TRUE(absolute.complete());
  EXPECT_EQ(absolute.head.target.form, TargetForm::absolute);
  EXPECT_EQ(absolute.head.host, "Other.example");  // section 3.2.2: overrides Host
  EXPECT_EQ(absolute.head.port, "81");
  EXPECT_EQ(absolute.head.target.path, "/");
  EXPECT_EQ(absolute.head.target.query, "q");
  EXPECT_FALSE(absolute.head.https);

  const Request literal("GET https://[2001:db8::1]/x HTTP/1.1\nHost: a\n\n");
  ASSERT_TRUE(literal.complete());
  EXPECT_EQ(literal.head.host, "[2001:db8::1]");
  EXPECT_EQ(literal.head.port, "");
  EXPECT_TRUE(literal.head.https);

  const Request asterisk("OPTIONS * HTTP/1.1\nHost: a\n\n");
  ASSERT_TRUE(asterisk.complete());
  EXPECT_EQ(asterisk.head.target.form, TargetForm::asterisk);
  EXPECT_EQ(asterisk.head.target.path, "*");

  const Request origin("GET //x/y? HTTP/1.1\nHost: a\n\n");
  ASSERT_TRUE(origin.complete());
  EXPECT_EQ(origin.head.target.path, "//x/y");
  EXPECT_TRUE(origin.head.target.has_query);
  EXPECT_EQ(origin.head.target.query, "");
}

TEST(RequestHead, KeepsMethodsCaseSensitive) {  // RFC 9110 section 9.1
  const Request request("get / HTTP/1.1\nHost: a\n\n");
  ASSERT_TRUE(request.complete());
  EXPECT_EQ(request.head.method, Method::other);
  EXPECT_EQ(request.head.method_text, "get");
}

TEST(RequestHead, SaysHowTheBodyEnds) {  // RFC 9112 section 6.3
  const auto body_of = [](std::string_view fields) {
    const Request request("POST / HTTP/1.1\nHost: a\n" + std::string(fields) + "\n");
    EXPECT_TRUE(request.complete()) << fields;
    return request.head.body;
  };
  EXPECT_EQ(body_of("Content-Length: 0017\n"), (Framing{Framing::Kind::length, 17}));
  EXPECT_EQ(body_of("Transfer-Encoding: Chunked\n"), Framing{Framing::Kind::chunked});
  EXPECT_EQ(body_of(""), Framing{});
}

TEST(RequestHead, SaysWhetherTheConnectionStays) {  // RFC 9112 section 9.3
  const auto keeps = [](std::string_view version, std::string_view connection) {
    const Request request("GET / HTTP/" + std::string(version) + "\nHost: a\n" + std::string(connection) +
                          "\n");
    EXPECT_TRUE(request.complete()) << connection;
    return request.head.keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_TRUE(keeps("1.1", "Connection: x, keep-alive\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: x,\t CLOSE\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: keep-alive\nConnection: close\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: keep-alive; close\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\n"));
  EXPECT_TRUE(keeps("1.9", ""));  // RFC 9110 section 2.5: a higher minor version is read as 1.1
}

TEST(RequestHead, NamesFewOptionsInConnection) {
  const auto with = [](int options) {
    std::string lines;
    for (int i = 0; i < options; ++i) lines += i % 2 == 0 ? "Connection: a," : "b\n";
    return Request("GET / HTTP/1.1\nHost: a\n" + lines + (options % 2 == 0 ? "\n" : "\n\n")).parsed;
  };
  EXPECT_TRUE(with(32).complete());
  EXPECT_EQ(with(33).fault, Fault::too_many_fields);
  EXPECT_EQ(with(33).status, 431);
}

TEST(RequestHead, ReadsExpectations) {  // RFC 9110 section 10.1.1
  EXPECT_TRUE(Request("PUT / HTTP/1.1\nHost: a\nExpect: 100-Continue\n\n").head.expect_continue);
  EXPECT_FALSE(Request("PUT / HTTP/1.0\nHost: a\nExpect: 100-continue\n\n").head.expect_continue);
}

TEST(RequestHead, NeedsNoHostInHttp10) {
  const Request request("GET / HTTP/1.0\n\n");
  EXPECT_TRUE(request.complete());
  EXPECT_EQ(request.head.host, "");
}

TEST(RequestHead, IsRefused) {
  const Refusal refusals[] = {
      // Lines: RFC 9112 sections 2.2, 5.1, 5.2; RFC 9110 section 5.5
      {"GET / HTTP/1.1\x01Host: a\n\n", 400, Fault::bad_line_end},
      {"GET / HTTP/1.1\nHost: a\x01\n", 400, Fault::bad_line_end},
      {"GET / HTTP/1.1\nHost: a\n\x01", 400, Fault::bad_line_end},
      {"GET / HTTP/1.1\nHost: a\nX: b\x02"
       "c\n\n",
       400, Fault::bad_line_end},
      {"GET / HTTP/1.1\nHost: a\nX: b\x02\n\n", 400, Fault::bad_line_end},
      {"\x01GET / HTTP/1.1\nHost: a\n\n", 400, Fault::bad_method},
      {"GET / HTTP/1.1\nHost: a\n folded\n\n", 400, Fault::bad_field_name},
      {"GET / HTTP/1.1\n Host: a\n\n", 400, Fault::bad_field_name},
      {"GET / HTTP/1.1\nHost : a\n\n", 400, Fault::bad_field_name},
      {"GET / HTTP/1.1\nHost: a\nX\t: b\n\n", 400, Fault::bad_field_name},
      {"GET / HTTP/1.1\nHost: a\n: b\n\n", 400, Fault::bad_field_name},
      {"GET / HTTP/1.1\nHost: a\nno colon\n\n", 400, Fault::bad_field_name},
      {"GET / HTTP/1.1\nHost: a\nX(y): b\n\n", 400, Fault::bad_field_name},
      {"GET / HTTP/1.1\nHost: a\nX\xc3\xa4: b\n\n", 400, Fault::bad_field_name},
      {"GET / HTTP/1.1\nHost: a\nX: b\x7f\n\n", 400, Fault::bad_field_value},
      {"GET / HTTP/1.1\nHost: a\nX: 0123456789abcdef0123456789\x0b\n\n", 400, Fault::bad_field_value},
      // Request line: section 3
      {"GET  / HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET /  HTTP/1.1\nHost: a\n\n", 400, Fault::bad_version},
      {"GET / HTTP/1.1 \nHost: a\n\n", 400, Fault::bad_version},
      {"GET /\n\n", 400, Fault::bad_target},
      {"GET\t/ HTTP/1.1\nHost: a\n\n", 400, Fault::bad_method},
      {"G\"T / HTTP/1.1\nHost: a\n\n", 400, Fault::bad_method},
      {" GET / HTTP/1.1\nHost: a\n\n", 400, Fault::bad_method},
      {"GET / http/1.1\nHost: a\n\n", 400, Fault::bad_version},
      {"GET / HTTP/1.10\nHost: a\n\n", 400, Fault::bad_version},
      {"GET / HTTP/01.1\nHost: a\n\n", 400, Fault::bad_version},
      {"GET / HTTP/1\nHost: a\n\n", 400, Fault::bad_version},
      {"GET / HTTP/2.0\nHost: a\n\n", 505, Fault::version_not_supported},
      {"PRI * HTTP/2.0\n\nSM\n\n", 505, Fault::version_not_supported},
      // Targets: section 3.2
      {"GET a HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET * HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"OPTIONS *?x HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET /a#b HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET /\xc3\xa4 HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET /0123456789abcdef0123456789<script> HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET http:///x HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET http://u:p@b/x HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET ftp://b/x HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET http://b:x/ HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"CONNECT a:443 HTTP/1.1\nHost: a\n\n", 501, Fault::connect_refused},
      {"CONNECT / HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET a:443 HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      // Host: section 3.2
      {"GET / HTTP/1.1\n\n", 400, Fault::host_missing},
      {"GET http://a/ HTTP/1.1\n\n", 400, Fault::host_missing},
      {"GET / HTTP/1.1\nHost: a\nHost: a\n\n", 400, Fault::host_repeated},
      {"GET / HTTP/1.1\nHost: a, b\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost:\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: .\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: ..:80\n\n", 400, Fault::bad_host},
      {"GET http://./ HTTP/1.1\nHost: a\n\n", 400, Fault::bad_target},
      {"GET / HTTP/1.1\nHost: u@a\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: a/b\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: a b\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: a:99999\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: a:8o\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: [::1\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: [::g]\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: [::1]x\n\n", 400, Fault::bad_host},
      {"GET / HTTP/1.1\nHost: a%zz\n\n", 400, Fault::bad_host},
      // Framing: section 6
      {"POST / HTTP/1.1\nHost: a\nContent-Length: 3\nTransfer-Encoding: chunked\n\n", 400,
       Fault::length_and_chunked},
      {"POST / HTTP/1.1\nHost: a\nContent-Length: 3\nContent-Length: 4\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nContent-Length: 3\nContent-Length: 3\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nContent-Length: 3, 3\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nContent-Length: +3\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nContent-Length: -3\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nContent-Length: 0x3\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nContent-Length:\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nContent-Length: 9223372036854775808\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nContent-Length: 18446744073709551617\n\n", 400, Fault::bad_content_length},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: identity\n\n", 400, Fault::bad_transfer_coding},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding:\n\n", 400, Fault::bad_transfer_coding},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, gzip\n\n", 400, Fault::bad_transfer_coding},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, chunked\n\n", 400, Fault::bad_transfer_coding},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: x\n\n", 400,
       Fault::bad_transfer_coding},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: \"chunked\"\n\n", 400, Fault::bad_transfer_coding},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: xchunked\n\n", 400, Fault::bad_transfer_coding},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked;q=1\n\n", 400, Fault::bad_transfer_coding},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n\n", 501, Fault::unknown_transfer_coding},
      {"POST / HTTP/1.0\nHost: a\nTransfer-Encoding: chunked\n\n", 400, Fault::transfer_coding_in_1_0},
      {"POST / HTTP/1.1\nHost: a\nExpect: magic\n\n", 417, Fault::expectation_failed},
  };
  for (const Refusal& refusal : refusals) {
    const Parsed parsed = Request(refusal.text).parsed;
    EXPECT_TRUE(parsed.failed()) << refusal.text;
    EXPECT_EQ(parsed.status, refusal.status) << refusal.text;
    EXPECT_EQ(parsed.fault, refusal.fault) << refusal.text;
  }
}

TEST(RequestHead, IsRefusedForANulByteAnywhere) {
  const std::string good = wire("GET /path HTTP/1.1\nHost: example.com\nX-Long-Name: some value\n\n");
  for (size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] = '\0';
    RequestHead head;
    EXPECT_FALSE(parse_request(bad, Limits{}, head).complete()) << at;
  }
}

TEST(RequestHead, HasLimits) {
  const Limits limits{.head_max = 200, .uri_max = 50, .fields_max = 3};
  const auto status = [&limits](const std::string& text) {
    RequestHead head;
    return parse_request(wire(text), limits, head).status;
  };
  const std::string rest = " HTTP/1.1\nHost: a\n\n";
  EXPECT_EQ(status("GET /" + std::string(49, 'a') + rest), 0);
  EXPECT_EQ(status("GET /" + std::string(50, 'a') + rest), 414);
  EXPECT_EQ(status("GET /" + std::string(300, 'a')), 414);
  EXPECT_EQ(status("GET / HTTP/1.1\nHost: a\nX: 1\nY: 2\n\n"), 0);
  EXPECT_EQ(status("GET / HTTP/1.1\nHost: a\nX: 1\nY: 2\nZ: 3\n\n"), 431);
  EXPECT_EQ(status("GET / HTTP/1.1\nHost: a\nX: " + std::string(300, 'a')), 431);
  EXPECT_EQ(status("GET / HTTP/1.1\nHost: a\nX: " + std::string(300, 'a') + "\n\n"), 431);
  const std::string filler = "GET / HTTP/1.1\nHost: a\nX: ";
  const auto head_of = [&](size_t size) {
    return filler + std::string(size - wire(filler).size() - 4, 'a') + "\n\n";
  };
  EXPECT_EQ(status(head_of(200)), 0);
  EXPECT_EQ(status(head_of(201)), 431);
}

TEST(RequestHead, OutcomeDoesNotDependOnHowTheBytesWereSplit) {
  const std::string texts[] = {
      wire("\nPOST /a?b HTTP/1.1\nHost: example.com\nContent-Length: 4\nX: y\n\nbody"),
      wire("GET / HTTP/1.1\nHost: a\nX : y\n\n"),
      wire("GET / HTTP/1.1\x01Host: a\n\n"),
      "\x16\x03\x01 what TLS sends \r\n\r\n",
  };
  for (const std::string& text : texts) {
    RequestHead head;
    const Parsed whole = parse_request(text, Limits{}, head);
    Parsed last;
    for (size_t size = 1; size <= text.size() && last.state == Parsed::State::need_more; ++size) {
      last = parse_request(std::string_view(text).substr(0, size), Limits{}, head, size - 1);
      const Parsed fresh = parse_request(std::string_view(text).substr(0, size), Limits{}, head);
      EXPECT_EQ(last, fresh) << text << size;
    }
    EXPECT_EQ(last, whole) << text;
  }
}

TEST(RequestHead, FromSomebodyWhoSpeaksTlsIsRefusedAtTheFirstByte) {
  RequestHead head;
  EXPECT_EQ(parse_request("\x16", Limits{}, head).status, 400);
}

TEST(HttpUrl, IsWrittenAsBrowsersSendIt) {
  for (const auto& [written, sent] : std::vector<std::pair<std::string, std::string>>{
           {"http://h/caf\xc3\xa9", "http://h/caf%C3%A9"},
           {"http://h/caf%c3%a9?a%", "http://h/caf%c3%a9?a%"},
           {"http://h?a b\"<>\x7f\t", "http://h?a%20b%22%3C%3E%7F%09"},
           {"http://h/{a|b}\\^`'", "http://h/{a|b}\\^`'"},
           {"http://h/\xff#a \xff", "http://h/%FF#a \xff"},
           {"http://b\xc3\xbc", "http://b\xc3\xbc"},
           {"http://h#\xff", "http://h#\xff"},
           {"/\xff", "/\xff"},
           {"", ""}})
    EXPECT_EQ(escape_url(written), sent);
}

}  // namespace
}  // namespace popnet::http
