#include "dns/wire/name.h"

#include <gtest/gtest.h>

#include "common/random.h"
#include "common/text.h"

namespace popnet::dns {
namespace {

std::vector<uint8_t> wire(std::string_view text) {
  const Name name = parse_name(text).value();
  return {name.bytes().begin(), name.bytes().end()};
}

TEST(Name, IsLengthLedLabelsEndedByTheRoot) {
  EXPECT_EQ(wire("www.Example.COM"), (std::vector<uint8_t>{3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l',
                                                           'e', 3, 'c', 'o', 'm', 0}));
  EXPECT_EQ(wire("."), std::vector<uint8_t>{0});
  EXPECT_EQ(wire("a.b."), wire("a.b"));
}

TEST(Name, EscapesOfMasterFilesSurviveTheRoundTrip) {
  EXPECT_EQ(wire("a\\.b.c"), (std::vector<uint8_t>{3, 'a', '.', 'b', 1, 'c', 0}));
  EXPECT_EQ(wire("\\065\\000.x"), (std::vector<uint8_t>{2, 'a', 0, 1, 'x', 0}));
  for (const char* text :
       {"a\\.b.c.", "sp\\032ace.example.", "\\000\\255.", "*.example.", "_sip._tcp.example.", ".", "x\\@y."})
    EXPECT_EQ(parse_name(text)->to_text(), text);
}

TEST(Name, LimitsAre63BytesALabelAnd255AName) {
  const std::string label63(63, 'x'), label64(64, 'x');
  EXPECT_TRUE(parse_name(label63 + ".example").ok());
  EXPECT_FALSE(parse_name(label64 + ".example").ok());
  const std::string name255 = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'x');
  ASSERT_TRUE(parse_name(name255).ok());
  EXPECT_EQ(parse_name(name255)->size(), 255U);
  EXPECT_FALSE(parse_name(name255 + "x").ok());
  EXPECT_FALSE(child_name("y", parse_name(name255)->bytes()).ok());
}

TEST(Name, WhatIsNoNameIsRefusedWithTheReason) {
  for (const char* text : {"", "a..b", ".a", "a\\", "a\\99", "a\\256"}) {
    const auto name = parse_name(text);
    ASSERT_FALSE(name.ok()) << text;
    EXPECT_NE(name.error().message.find("is not a domain name"), std::string::npos);
  }
}

// RFC 4343: only A-Z have a lower case.
TEST(Name, LoweringAndHashingInOnePassEqualsDoingItByteByByte) {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> name;
    const size_t labels = random.below(6);
    for (size_t l = 0; l < labels; ++l) {
      const size_t length = 1 + random.below(20);
      name.push_back(static_cast<uint8_t>(length));
      for (size_t i = 0; i < length; ++i) name.push_back(static_cast<uint8_t>(random.next()));
    }
    name.push_back(0);
    const std::string low = to_lower({reinterpret_cast<const char*>(name.data()), name.size()});
    const NameBytes expected(reinterpret_cast<const uint8_t*>(low.data()), low.size());
    const Name made{NameBytes(name)};
    EXPECT_EQ(std::vector<uint8_t>(made.bytes().begin(), made.bytes().end()),
              std::vector<uint8_t>(expected.begin(), expected.end()));
    EXPECT_EQ(made.hash(), hash_name(expected));
    EXPECT_EQ(made.labels(), labels);
  }
}

TEST(Name, AsPartOfAFilesNameIsSafeAndUnique) {
  const auto file_text = [](std::string_view text) { return to_file_text(parse_name(text)->bytes()); };
  EXPECT_EQ(file_text("example.com"), "example.com.");
  EXPECT_EQ(file_text("."), ".");
  EXPECT_EQ(file_text("0/25.2.0.192.in-addr.arpa"), "0%2F25.2.0.192.in-addr.arpa.");
  EXPECT_EQ(file_text("0%2f25.2.0.192.in-addr.arpa"), "0%252f25.2.0.192.in-addr.arpa.");
  EXPECT_EQ(file_text(R"(\.\.\/x.\000)"), R"(\.\.%2Fx.\000.)");
  const std::string label(63, 'x'), long_name = label + "." + label + "." + label + ".";
  EXPECT_LE(file_text(long_name + std::string(61, '\x01')).size(), 200U);
  EXPECT_NE(file_text(long_name + std::string(60, 'a')), file_text(long_name + std::string(61, 'a')));
}

TEST(Name, MeasuringStopsAtPointersOverlongNamesAndTheEnd) {
  EXPECT_EQ(measure_name(wire("a.bc")).size, 6);
  EXPECT_EQ(measure_name(wire("a.bc")).labels, 2);
  EXPECT_EQ(measure_name(std::vector<uint8_t>{1, 'a', 0xc0, 12}).size, 0);
  EXPECT_EQ(measure_name(std::vector<uint8_t>{0x41, 'a', 0}).size, 0);
  EXPECT_EQ(measure_name(std::vector<uint8_t>{3, 'a', 'b'}).size, 0);
  EXPECT_EQ(measure_name(std::vector<uint8_t>{}).size, 0);
  std::vector<uint8_t> longest(300, 1);  // 1-byte labels of value 1 without an end
  longest[254] = 0;
  EXPECT_EQ(measure_name(longest).size, 255);
  longest[254] = 1;
  longest[256] = 0;
  EXPECT_EQ(measure_name(longest).size, 0);
}

TEST(Name, CanonicalOrderGoesByLabelsFromTheRoot) {
  const std::vector<std::vector<uint8_t>> in_order = {
      // RFC 4034 section 6.1, and longer labels among shorter ones
      wire("."),           wire("example"),
      wire("a.example"),   wire("yljkjljk.a.example"),
      wire("z.a.example"), wire("zabc.a.example"),
      wire("zz.example"),  {1, 1, 1, 'z', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'f', 0},
  };
  for (size_t i = 0; i < in_order.size(); ++i)
    for (size_t j = 0; j < in_order.size(); ++j) {
      const int c = compare_canonical(in_order[i], in_order[j]);
      EXPECT_EQ(c < 0, i < j) << i << " " << j;
      EXPECT_EQ(c == 0, i == j) << i << " " << j;
    }
}

TEST(Name, KnowsItsAncestors) {
  const auto at_or_below = [](std::string_view a, std::string_view b) {
    return is_at_or_below(wire(a), wire(b));
  };
  EXPECT_TRUE(at_or_below("www.example.com", "example.com"));
  EXPECT_TRUE(at_or_below("example.com", "example.com"));
  EXPECT_TRUE(at_or_below("example.com", "."));
  EXPECT_FALSE(at_or_below("notexample.com", "example.com"));
  EXPECT_FALSE(at_or_below("com", "example.com"));
  EXPECT_TRUE(is_wildcard(wire("*.a")));
  EXPECT_FALSE(is_wildcard(wire("x*.a")));
}

}  // namespace
}  // namespace popnet::dns
