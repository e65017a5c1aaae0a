#include "probe/kinds/ftp/talk.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace popnet::probe {
namespace {

using Goal = FtpTalk::Goal;

/// How the talk stands after the lines: "reached", "open", or the error. Lines after its end are a failure.
std::string listen(Goal goal, std::initializer_list<const char*> lines) {
  FtpTalk talk(goal);
  bool over = false;
  for (const char* line : lines) {
    EXPECT_FALSE(over) << "the talk was over before: " << line;
    over = talk.hear(line);
  }
  if (!talk.error().empty()) return talk.error();
  EXPECT_EQ(over, talk.reached());
  return talk.reached() ? "reached" : "open";
}

TEST(FtpTalk, LoginIsEnoughWithoutAPath) {
  EXPECT_EQ(listen(Goal::login, {"220 ready", "331 password please", "230 welcome"}), "reached");
  EXPECT_EQ(listen(Goal::login, {"220 ready", "230 no password needed"}), "reached");
  EXPECT_EQ(listen(Goal::login, {"220 ready", "331 password please"}), "open");
}

TEST(FtpTalk, WithTlsTheLoginComesLater) {
  EXPECT_EQ(listen(Goal::directory, {"220 ready", "234 go on", "331 password", "230 in", "200 PBSZ",
                                     "200 PROT", "257 \"/\"", "250 directory changed"}),
            "reached");
}

TEST(FtpTalk, FileIsFoundByItsSize) {
  EXPECT_EQ(listen(Goal::file, {"220 x", "331 x", "230 x", "257 \"/\"", "250 cwd", "200 type", "213 4711"}),
            "reached");
  EXPECT_EQ(listen(Goal::file, {"220 x", "331 x", "230 x", "257 \"/\"", "250 cwd"}), "open");
}

TEST(FtpTalk, RefusalsAreQuoted) {
  EXPECT_EQ(listen(Goal::login, {"220 x", "331 x", "530 Login incorrect."}), "FTP 530 Login incorrect.");
  EXPECT_EQ(listen(Goal::file, {"220 x", "331 x", "230 x", "257 \"/\"", "550 No such file"}),
            "FTP 550 No such file");
  EXPECT_EQ(listen(Goal::login, {"421 Too many connections"}), "FTP 421 Too many connections");
}

TEST(FtpTalk, RepliesOfSeveralLinesMayHoldAnyText) {
  EXPECT_EQ(listen(Goal::login, {"220-Hello", "500 this is prose", "  230 so is this", "220 end", "331 x",
                                 "230-Hi", "", "230 end"}),
            "reached");
  EXPECT_EQ(listen(Goal::login, {"220-Hello", "221 another code"}), "open");
}

TEST(FtpTalk, WhatIsNotFtpIsSaidSo) {
  EXPECT_EQ(listen(Goal::login, {"SSH-2.0-OpenSSH"}), "the answer is not FTP: 'SSH-2.0-OpenSSH'");
  EXPECT_EQ(listen(Goal::login, {""}), "the answer is not FTP: ''");
  EXPECT_EQ(listen(Goal::login, {"22"}), "the answer is not FTP: '22'");
  EXPECT_EQ(listen(Goal::login, {"2200 x"}), "the answer is not FTP: '2200 x'");
  EXPECT_EQ(listen(Goal::login, {"042 x"}), "the answer is not FTP: '042 x'");
}

TEST(FtpTalk, AnAnswerOutOfPlaceEndsTheTalk) {
  EXPECT_EQ(listen(Goal::file, {"220 x", "230 x", "257 \"/\"", "226 done"}), "unexpected FTP 226 done");
  EXPECT_EQ(listen(Goal::file, {"220 x", "230 x", "150 here it comes"}), "unexpected FTP 150 here it comes");
}

}  // namespace
}  // namespace popnet::probe
