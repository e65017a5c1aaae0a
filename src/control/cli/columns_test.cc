#include "control/cli/columns.h"

#include <gtest/gtest.h>

#include <sstream>

namespace popnet::control {
namespace {

TEST(Columns, align_and_end_without_spaces) {
  Columns table({{"NAME"}, {"LOAD", Columns::Align::right}, {"WHY"}});
  table.row({"ams", "0.1", "chosen"});
  table.row({"frankfurt", "12.25", ""});
  EXPECT_EQ(table.text(),
            "NAME        LOAD  WHY\n"
            "ams          0.1  chosen\n"
            "frankfurt  12.25\n");
}

TEST(Columns, the_last_column_wraps_between_words) {
  Columns table({{"POP"}, {"WHY"}}, 40);
  table.row({"ams", "too loaded: it accepts only a part of its clients, and not this one"});
  table.row({"fra", "chosen"});
  EXPECT_EQ(table.text(),
            "POP  WHY\n"
            "ams  too loaded: it accepts only a part\n"
            "     of its clients, and not this one\n"
            "fra  chosen\n");
}

TEST(Columns, what_is_unbroken_moves_to_the_next_line_whole) {
  Columns table({{"A"}, {"B"}}, 20);
  table.row({"a", unbroken("http 12.0 ms") + ", " + unbroken("cpu 20 % (1 s)")});
  EXPECT_EQ(table.text(), "A  B\na  http 12.0 ms,\n   cpu 20 % (1 s)\n");
}

TEST(Columns, count_characters_and_not_bytes) {
  Columns table({{"A"}, {"B"}});
  table.row({"→", "x"});
  table.row({"ab", "y"});
  EXPECT_EQ(table.text(), "A   B\n→   x\nab  y\n");
}

TEST(Columns, a_word_longer_than_the_room_stays_whole) {
  Columns table({{"A"}, {"B"}}, 20);
  const std::string word(60, 'x');
  table.row({"a", "see " + word});
  EXPECT_EQ(table.text(), "A  B\na  see\n   " + word + "\n");
}

TEST(Columns, nothing_without_rows) {
  EXPECT_EQ(Columns({{"A"}, {"B"}}).text(), "");
}

TEST(Show, quantities_in_words) {
  EXPECT_EQ(show_age(std::nullopt), "-");
  EXPECT_EQ(show_age(0), "0 ms");
  EXPECT_EQ(show_age(340.4), "340 ms");
  EXPECT_EQ(show_age(2500), "2.5 s");
  EXPECT_EQ(show_age(12'000), "12 s");
  EXPECT_EQ(show_age(180'000), "3 min");
  EXPECT_EQ(show_age(5 * 3'600'000.0), "5 h");
  EXPECT_EQ(show_age(72 * 3'600'000.0), "3 d");
  EXPECT_EQ(show_percent(0.416), "42 %");
  EXPECT_EQ(show_load(0.125), "0.12");
  EXPECT_EQ(show_value("http_ms", 12.34), "12.3 ms");
  EXPECT_EQ(show_value("rtt_ms", 140.4), "140 ms");
  EXPECT_EQ(show_value("cpu", 0.5), "50 %");
  EXPECT_EQ(show_count(0), "0");
  EXPECT_EQ(show_count(999), "999");
  EXPECT_EQ(show_count(1000), "1,000");
  EXPECT_EQ(show_count(1234567), "1,234,567");
}

}  // namespace
}  // namespace popnet::control
