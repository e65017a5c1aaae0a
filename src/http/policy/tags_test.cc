#include "http/policy/tags.h"

#include <gtest/gtest.h>

#include <string>

namespace popnet::http {
namespace {

using Tags = std::vector<std::string_view>;

struct Line {
  FieldName name;
  std::string_view value;
};

Tags tags_of(std::initializer_list<Line> lines, bool all = true) {
  Fields fields;
  for (const Line& line : lines) EXPECT_TRUE(fields.add(line.name, to_string(line.name), line.value));
  Tags tags;
  EXPECT_EQ(read_tags(fields, tags), all);
  return tags;
}

TEST(Tags, OfSurrogateKeyAreSeparatedBySpaces) {
  EXPECT_EQ(tags_of({{FieldName::surrogate_key, "  red  blue/1\tGreen,x "}}),
            (Tags{"red", "blue/1", "Green,x"}));
  EXPECT_EQ(tags_of({{FieldName::surrogate_key, ""}}), Tags{});
}

TEST(Tags, OfCacheTagAreSeparatedByCommas) {
  EXPECT_EQ(tags_of({{FieldName::cache_tag, "red, blue one ,,Green"}}), (Tags{"red", "blue one", "Green"}));
}

TEST(Tags, OfAllLinesCount) {
  EXPECT_EQ(tags_of({{FieldName::cache_tag, "a"},
                     {FieldName::surrogate_key, "b c"},
                     {FieldName::age, "d"},
                     {FieldName::surrogate_key, "e"}}),
            (Tags{"b", "c", "e", "a"}));
  EXPECT_EQ(tags_of({{FieldName::age, "d"}}), Tags{});
}

TEST(Tags, BeyondTheLimitAreAnError) {
  std::string many;
  for (size_t i = 0; i < tags_max; ++i) many += "t ";
  EXPECT_EQ(tags_of({{FieldName::surrogate_key, many}}).size(), tags_max);
  many += "t";
  (void)tags_of({{FieldName::surrogate_key, many}}, false);
  (void)tags_of({{FieldName::surrogate_key, many}, {FieldName::cache_tag, "t, t"}}, false);
}

}  // namespace
}  // namespace popnet::http
