#include "http/wire/field_name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/text.h"
#include "http/wire/fields.h"

namespace popnet::http {
namespace {

TEST(FieldName, IsFoundInAnyCase) {
  for (size_t i = 1; i < field_name_count; ++i) {
    const auto name = static_cast<FieldName>(i);
    std::string upper(to_string(name));
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return std::toupper(c); });
    EXPECT_EQ(find_field_name(to_string(name)), name) << to_string(name);
    EXPECT_EQ(find_field_name(to_lower(to_string(name))), name) << to_string(name);
    EXPECT_EQ(find_field_name(upper), name) << upper;
  }
}

TEST(FieldName, WithOneOtherCharacterIsAnother) {
  for (size_t i = 1; i < field_name_count; ++i) {
    const std::string known(to_string(static_cast<FieldName>(i)));
    for (size_t at = 0; at < known.size(); ++at) {
      std::string wrong = known;
      wrong[at] = wrong[at] == 'z' ? 'y' : 'z';
      EXPECT_NE(find_field_name(wrong), static_cast<FieldName>(i)) << wrong;
    }
    EXPECT_EQ(find_field_name(known + "x"), FieldName::other);
  }
  EXPECT_EQ(find_field_name(""), FieldName::other);
  EXPECT_EQ(find_field_name(std::string(300, 'a')), FieldName::other);
}

TEST(Fields, KnowWhichNamesAreThereAndWhichAreRepeated) {
  Fields fields;
  EXPECT_TRUE(fields.add("Vary", "a"));
  EXPECT_TRUE(fields.add("X-Own", "b"));
  EXPECT_TRUE(fields.add("vary", "c"));
  EXPECT_TRUE(fields.has(FieldName::vary));
  EXPECT_TRUE(fields.repeated(FieldName::vary));
  EXPECT_EQ(fields.get(FieldName::vary), "a");
  EXPECT_FALSE(fields.has(FieldName::host));
  EXPECT_EQ(fields.get(FieldName::host), "");
  fields.clear();
  EXPECT_FALSE(fields.has(FieldName::vary));
  EXPECT_TRUE(fields.add(FieldName::vary, "d"));
  EXPECT_FALSE(fields.repeated(FieldName::vary));
  EXPECT_EQ(fields.get(FieldName::vary), "d");
}

TEST(Fields, HoldNoMoreThanTheirCapacity) {
  Fields fields;
  for (size_t i = 0; i < Fields::capacity; ++i) ASSERT_TRUE(fields.add("a", "b"));
  EXPECT_FALSE(fields.add("a", "b"));
  EXPECT_EQ(fields.size(), Fields::capacity);
}

}  // namespace
}  // namespace popnet::http
