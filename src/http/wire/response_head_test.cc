// What a response must look like (RFC 9112 sections 4 and 6.3). "\n" in the texts stands for CR LF.
#include <gtest/gtest.h>

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
    out += c;
  }
  return out;
}

TEST(ResponseHead, IsTakenApart) {
  const auto bytes = wire("HTTP/1.1 404 Not  Here\nContent-Length: 5\nSet-Cookie: a\nSet-Cookie: b\n\nhello");
  ResponseHead head;
  const Parsed parsed = parse_response(bytes, Limits{}, head);
  ASSERT_TRUE(parsed.complete());
  EXPECT_EQ(bytes.substr(parsed.length), "hello");
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.reason, "Not  Here");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.fields.repeated(FieldName::set_cookie));
}

TEST(ResponseHead, MayHaveNoReason) {
  ResponseHead head;
  EXPECT_TRUE(parse_response("HTTP/1.1 200 \r\n\r\n", Limits{}, head).complete());
  EXPECT_EQ(head.reason, "");
  EXPECT_TRUE(parse_response("HTTP/1.0 200\r\n\r\n", Limits{}, head).complete());
  EXPECT_FALSE(head.keep_alive);
}

TEST(ResponseHead, IsRefused) {
  struct {
    const char* text;
    Fault fault;
  } const refusals[] = {
      {"ICY 200 OK\n\n", Fault::bad_start_line},
      {"<html>\n\n", Fault::bad_start_line},
      {"HTTP/2.0 200 OK\n\n", Fault::version_not_supported},
      {"HTTP/1.x 200 OK\n\n", Fault::bad_version},
      {"HTTP/1.1  200 OK\n\n", Fault::bad_status},
      {"HTTP/1.1 20 OK\n\n", Fault::bad_status},
      {"HTTP/1.1 2000 OK\n\n", Fault::bad_status},
      {"HTTP/1.1 099 OK\n\n", Fault::bad_status},
      {"HTTP/1.1 600 OK\n\n", Fault::bad_status},
      {"HTTP/1.1 -20 OK\n\n", Fault::bad_status},
      {"HTTP/1.1 200OK\n\n", Fault::bad_status},
      {"HTTP/1.1\n\n", Fault::bad_status},
      {"HTTP/1.1 200 OK\nX y: z\n\n", Fault::bad_field_name},
      {"HTTP/1.1 200 OK\n : y\n\n", Fault::bad_field_name},
      {"HTTP/1.1 200 OK\nX: y\n Y : z\n\n", Fault::bad_field_name},
      {"HTTP/1.1 200 OK\nX: y\n z\n\n", Fault::bad_field_name},
  };
  for (const auto& refusal : refusals) {
    ResponseHead head;
    const Parsed parsed = parse_response(wire(refusal.text), Limits{}, head);
    EXPECT_TRUE(parsed.failed()) << refusal.text;
    EXPECT_EQ(parsed.fault, refusal.fault) << refusal.text;
    EXPECT_EQ(parsed.status, 502) << refusal.text;
  }
  ResponseHead head;
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\nX: y\n\n", Limits{}, head).fault, Fault::bad_line_end);
  std::string options = "a";
  for (int i = 0; i < 32; ++i) options += ", a";
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\nConnection: " + options + "\r\n\r\n", Limits{}, head).fault,
            Fault::too_many_fields);
  EXPECT_EQ(parse_response("HTTP/1.1 200 " + std::string(40000, 'a'), Limits{}, head).fault,
            Fault::head_too_long);
}

TEST(ResponseHead, LosesBlanksBeforeItsColons) {  // RFC 9112 section 5.1
  ResponseHead head;
  std::string bytes;  // to which the head points
  const auto read = [&](const char* text) { return parse_response(bytes = wire(text), Limits{}, head); };
  ASSERT_TRUE(read("HTTP/1.1 200 OK\nX \t: y\nContent-Length : 7\n\n").complete());
  EXPECT_EQ(head.fields.begin()->name, "X");
  EXPECT_EQ(head.fields.begin()->value, "y");
  EXPECT_EQ(response_framing(head, Method::get).body, (Framing{Framing::Kind::length, 7}));
  ASSERT_TRUE(read("HTTP/1.1 200 OK\nContent-Length : 7\nTransfer-Encoding\t: chunked\n\n").complete());
  EXPECT_EQ(response_framing(head, Method::get).fault, Fault::length_and_chunked);
  ASSERT_TRUE(read("HTTP/1.1 200 OK\nContent-Length : 7\nContent-Length: 8\n\n").complete());
  EXPECT_EQ(response_framing(head, Method::get).fault, Fault::bad_content_length);
}

TEST(ResponseHead, SaysHowItsBodyEnds) {  // RFC 9112 section 6.3
  using Kind = Framing::Kind;
  struct {
    const char* text;
    Method method;
    ResponseFraming want;
  } const cases[] = {
      {"HTTP/1.1 200 OK\nContent-Length: 7\n\n", Method::get, {{Kind::length, 7}}},
      {"HTTP/1.1 200 OK\nContent-Length: 7\n\n", Method::head, {}},
      {"HTTP/1.1 204 OK\nContent-Length: 7\n\n", Method::get, {}},
      {"HTTP/1.1 304 OK\nContent-Length: 7\n\n", Method::get, {}},
      {"HTTP/1.1 103 OK\n\n", Method::get, {}},
      {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", Method::get, {{Kind::chunked}}},
      {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", Method::head, {}},
      {"HTTP/1.1 200 OK\n\n", Method::get, {{Kind::until_close}}},
      {"HTTP/1.0 200 OK\n\n", Method::post, {{Kind::until_close}}},
      {"HTTP/1.1 200 OK\nContent-Length: 7\nTransfer-Encoding: chunked\n\n",
       Method::get,
       {{}, Fault::length_and_chunked}},
      {"HTTP/1.1 200 OK\nContent-Length: 7\nTransfer-Encoding: chunked\n\n",
       Method::head,
       {{}, Fault::length_and_chunked}},
      {"HTTP/1.1 200 OK\nContent-Length: 7\nContent-Length: 8\n\n",
       Method::get,
       {{}, Fault::bad_content_length}},
      {"HTTP/1.1 200 OK\nContent-Length: seven\n\n", Method::get, {{}, Fault::bad_content_length}},
      {"HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n",
       Method::get,
       {{}, Fault::unknown_transfer_coding}},
      {"HTTP/1.1 200 OK\nTransfer-Encoding: gzip\n\n", Method::get, {{}, Fault::bad_transfer_coding}},
      {"HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n", Method::get, {{}, Fault::transfer_coding_in_1_0}},
  };
  for (const auto& c : cases) {
    const auto bytes = wire(c.text);  // the head borrows from it
    ResponseHead head;
    ASSERT_TRUE(parse_response(bytes, Limits{}, head).complete()) << c.text;
    const ResponseFraming got = response_framing(head, c.method);
    EXPECT_EQ(got.fault, c.want.fault) << c.text;
    if (got.fault == Fault::none) {
      EXPECT_EQ(got.body, c.want.body) << c.text;
    }
  }
}

TEST(FieldSection, IsReadAlone) {
  Fields fields;
  EXPECT_EQ(parse_field_section("\r\n", Limits{}, fields).length, 2U);
  EXPECT_EQ(parse_field_section("A: b\r\n\r\nmore", Limits{}, fields).length, 8U);
  EXPECT_EQ(fields.size(), 1U);
  EXPECT_EQ(parse_field_section("A: b\r\n", Limits{}, fields).state, Parsed::State::need_more);
  EXPECT_EQ(parse_field_section("A b\r\n\r\n", Limits{}, fields).status, 400);
}

}  // namespace
}  // namespace popnet::http
