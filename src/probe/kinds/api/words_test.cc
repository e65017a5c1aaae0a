#include "probe/kinds/api/words.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace popnet::probe {
namespace {
using namespace std::chrono_literals;

TEST(Words, AreThoseAnOperatorExpects) {
  EXPECT_EQ(no_answer_within(2s), "no answer within 2s");
  EXPECT_EQ(no_answer_within(250ms), "no answer within 250ms");
  EXPECT_EQ(socket_words(ECONNREFUSED), "connection refused");
  EXPECT_EQ(socket_words(EHOSTUNREACH), "no route to host");
}

TEST(Words, TellWhoIsInTheWay) {
  EXPECT_TRUE(our_fault(EMFILE));
  EXPECT_TRUE(our_fault(EACCES));
  EXPECT_FALSE(our_fault(ECONNREFUSED));
  EXPECT_FALSE(our_fault(ENETUNREACH));
}

TEST(Words, HostileTextIsMadeFitForALogLine) {
  EXPECT_EQ(printable(" SSH-2.0-x\r\n"), "SSH-2.0-x");
  EXPECT_EQ(printable("\x1b[31mred\x1b[0m\n\xff"), "?[31mred?[0m??");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace popnet::probe
