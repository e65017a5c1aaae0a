#include "config/load/yaml.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/test_load.h"

namespace popnet::config {
namespace {

using testing::ElementsAre;

TEST(Syntax, BrokenYamlNamesTheLine) {
  EXPECT_THAT(problems_of("node:\n  pop: [ams\nbus: {}\n"),
              ElementsAre("a.yaml:3:4: yaml: a list begun with '[' does not end, close it with ']'"));
  EXPECT_THAT(problems_of("node: {dns: true\n"),
              ElementsAre("a.yaml:2:1: yaml: a mapping begun with '{' does not end, close it with '}'"));
  EXPECT_THAT(
      problems_of("node:\n    dns: true\n  edge: true\n"),
      ElementsAre(
          "a.yaml:3:3: yaml: does not line up with the block it is in, indent it like its neighbours"));
  EXPECT_THAT(
      problems_of("node: pop: ams\n"),
      ElementsAre(
          "a.yaml:1:10: yaml: a ':' that does not fit here, indent with spaces, and quote texts with ':'"));
  EXPECT_THAT(
      problems_of("node: *x\n"),
      ElementsAre("a.yaml:1:7: yaml: an alias of nothing, name an anchor (&name) that stands before it"));
}

TEST(Syntax, TabsAreNoIndentation) {
  EXPECT_THAT(
      problems_of("node:\n\tpop: ams\n"),
      ElementsAre(
          "a.yaml:2:5: yaml: a ':' that does not fit here, indent with spaces, and quote texts with ':'"));
}

TEST(Syntax, BytesThatAreNoText) {
  EXPECT_THAT(problems_of(std::string("node:\n  p\0p: a\n", 14)),
              ElementsAre("a.yaml:2:4: yaml: byte 0x00 is no text, write UTF-8 without control characters"));
  EXPECT_THAT(problems_of("\xff\xfe"),
              ElementsAre("a.yaml:1:1: yaml: byte 0xff is no text, write UTF-8 without control characters"));
  EXPECT_THAT(problems_of("# \xc3\xbc\n# \xed\xa0\x80\n"),
              ElementsAre("a.yaml:2:3: yaml: byte 0xed is no text, write UTF-8 without control characters"));
}

TEST(Syntax, OneDocumentOnly) {
  EXPECT_THAT(problems_of("node: {}\n---\nnode: {}\n"),
              ElementsAre("a.yaml:2:1: yaml: a second document begins here, write one only"));
}

TEST(Syntax, KeysAreWords) {
  EXPECT_THAT(problems_of("[a]: b\n"),
              ElementsAre("a.yaml:1:1: yaml: this cannot be a key, write a plain word"));
}

TEST(Syntax, TooDeep) {
  EXPECT_THAT(problems_of("a: " + std::string(40, '[') + std::string(40, ']')),
              ElementsAre("a.yaml:1:35: yaml: nested deeper than 32 levels, write it flatter"));
}

TEST(Syntax, TooDeepByAliases) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) text += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  EXPECT_THAT(problems_of(text),
              ElementsAre("a.yaml:31:6: yaml: nested deeper than 32 levels, write it flatter"));
}

TEST(Syntax, AliasesThatMultiply) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    text += fmt::format("a{}: &a{} [*a{}", i, i, i - 1);
    for (int n = 1; n < 10; ++n) text += fmt::format(", *a{}", i - 1);
    text += "]\n";
  }
  EXPECT_THAT(
      problems_of(text),
      ElementsAre("a.yaml:6:30: yaml: more than 500000 values, aliases counted each time: write fewer"));
}

TEST(Syntax, AliasToItself) {
  EXPECT_THAT(
      problems_of("a: &a [*a]\n"),
      ElementsAre("a.yaml:1:8: yaml: an alias to the value it stands in, name one that ends before it"));
}

TEST(Syntax, TooLong) {
  EXPECT_THAT(problems_of(std::string((8 << 20) + 1, '#')),
              ElementsAre("a.yaml:1:1: yaml: the text has 8388609 bytes, write at most 8388608"));
}

TEST(Syntax, AliasesAndMergeKeysWork) {
  const auto config = config_of(R"(
sites:
  - name: shop
    hostnames: [{name: www.shop.example}]
    origins: &servers [{name: a, address: 192.0.2.1:80}]
    cache: &cache {object_size_max: 1MiB, ignore_query: true}
  - name: news
    hostnames: [{name: www.news.example}]
    origins: *servers
    cache: {<<: *cache, ignore_query: false}
)");
  ASSERT_EQ(config->sites.size(), 2U);
  EXPECT_EQ(config->sites[1].origins[0].endpoint.to_string(), "192.0.2.1:80");
  EXPECT_EQ(config->sites[1].cache.object_size_max, 1U << 20);
  EXPECT_FALSE(config->sites[1].cache.ignore_query);
}

TEST(Syntax, MergeKeyNeedsAMapping) {
  EXPECT_THAT(problems_of("node: {<<: x}\n"),
              ElementsAre("a.yaml:1:8: yaml: '<<' takes a mapping, write an alias of one"));
}

}  // namespace
}  // namespace popnet::config
