// RFC 8941 sections 3.2 and 4.2.2.
#include "http/wire/structured.h"

#include <gtest/gtest.h>

#include <string>

namespace popnet::http {
namespace {

using Type = DictionaryMember::Type;

/// "key:type:text key:type:text", or "error".
std::string read(std::string_view text) {
  constexpr const char* types[] = {"boolean", "integer", "decimal", "string", "token", "bytes", "list"};
  std::string out;
  DictionaryMember member;
  while (!text.empty()) {
    if (!take_member(text, member)) return "error";
    out += (out.empty() ? "" : " ") + std::string(member.key) + ":" + types[static_cast<int>(member.type)] +
           ":" + std::string(member.text);
  }
  return out;
}

TEST(Dictionary, HasMembersOfAllTypes) {
  EXPECT_EQ(read("a"), "a:boolean:");
  EXPECT_EQ(read("a=?0, b=?1"), "a:boolean:0 b:boolean:1");
  EXPECT_EQ(read("max-age=60"), "max-age:integer:60");
  EXPECT_EQ(read("a=-1,b=1.5 ,\tc=999999999999999"), "a:integer:-1 b:decimal:1.5 c:integer:999999999999999");
  EXPECT_EQ(read("a=\"x, \\\"y\\\\\""), "a:string:x, \\\"y\\\\");
  EXPECT_EQ(read("*a=tok:en/x, b=*"), "*a:token:tok:en/x b:token:*");
  EXPECT_EQ(read("a=:YQ==:"), "a:bytes:YQ==");
  EXPECT_EQ(read("a=(1 \"b\";x=1  c), b=()"), "a:list:1 \"b\";x=1  c b:list:");
}

TEST(Dictionary, LeavesParametersOut) {
  EXPECT_EQ(read("a=1;x;y=\"2;,\"; z=?0, b;q=0.5"), "a:integer:1 b:boolean:");
}

TEST(Dictionary, IsNoneWithOneError) {
  for (const char* text : {"A=1",
                           "=1",
                           "a=",
                           "a=,b",
                           "a,",
                           "a,,b",
                           ",a",
                           "a b",
                           "a=1 b",
                           "a=1;",
                           "a=1;B",
                           "a=1;b=",
                           "a=\"x",
                           "a=\"\\x\"",
                           "a=\"\x7f\"",
                           "a=\"\xc3\xa9\"",
                           "a=:YQ",
                           "a=:Y~:",
                           "a=?2",
                           "a=?",
                           "a=1.",
                           "a=.5",
                           "a=1.2345",
                           "a=1234567890123.0",
                           "a=--1",
                           "a=-",
                           "a=1234567890123456",
                           "a=(1",
                           "a=(1,2)",
                           "a=(1\"b\")",
                           "a='60'",
                           "a=+60",
                           "a = 60",
                           "a= 60",
                           "a=60s",
                           "a=@1659578233"})
    EXPECT_EQ(read(text), "error") << text;
}

TEST(Dictionary, TrueIsABooleanThatIsNotFalse) {
  DictionaryMember member;
  for (const auto& [text, is] :
       {std::pair<std::string_view, bool>{"a", true}, {"a=?1", true}, {"a=?0", false}, {"a=1", false}}) {
    std::string_view rest = text;
    ASSERT_TRUE(take_member(rest, member));
    EXPECT_EQ(member.is_true(), is) << text;
  }
}

}  // namespace
}  // namespace popnet::http
