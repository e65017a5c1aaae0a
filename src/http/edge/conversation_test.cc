// Whole conversations: the corpus of the fuzzer http_conversation, and what becomes of it by chance.
#include "http/edge/conversation.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/log.h"
#include "common/random.h"

namespace popnet::http::conversation {
namespace {

std::vector<std::string> corpus() {
  std::vector<std::string> scripts;
  for (const auto& entry :
       std::filesystem::directory_iterator(POPNET_SOURCE_DIR "/tests/fuzz/http_conversation_fuzz")) {
    std::ifstream file(entry.path(), std::ios::binary);
    scripts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

/// Pieces taken out, put twice, exchanged between scripts, or replaced by words that matter.
std::string changed(std::string script, const std::vector<std::string>& others, Random& random) {
  constexpr std::string_view words[] = {"\r\n",
                                        "\r\n\r\n",
                                        "\n",
                                        "\xff"
                                        "c",
                                        "\xff"
                                        "n",
                                        "\xff"
                                        "o",
                                        "\xff"
                                        "z",
                                        "\xff"
                                        "e",
                                        "\xff"
                                        "C",
                                        "\xff"
                                        "d",
                                        "\xff"
                                        "g",
                                        "0\r\n\r\n",
                                        "Content-Length: 3\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "Content-Length: 0\r\n",
                                        "Connection: close\r\n",
                                        "Range: bytes=1-2\r\n",
                                        "Vary: X\r\n",
                                        "X: {\r\n",
                                        "304",
                                        "206",
                                        "/slice",
                                        "Content-Range: bytes 0-3/10\r\n",
                                        "Content-Range: bytes 4-7/10\r\n",
                                        "Content-Range: bytes 8-9/10\r\n",
                                        "Content-Length: 4\r\n",
                                        "101",
                                        "103",
                                        "204",
                                        "POST",
                                        "HEAD",
                                        "a.test",
                                        "b.test",
                                        "HTTP/1.0",
                                        " ",
                                        ":",
                                        ";",
                                        "max-age=0",
                                        "no-cache",
                                        "Age: 99\r\n",
                                        "ETag: \"w\"\r\n",
                                        "Location: /x\r\n",
                                        "Content-Location: /x\r\n",
                                        "Expect: 100-continue\r\n",
                                        "Cache-Control: only-if-cached\r\n"};
  const auto at = [&random](size_t size) { return static_cast<size_t>(random.next() % (size + 1)); };
  for (size_t i = 0, count = 1 + at(3); i < count; ++i) {
    const size_t from = at(script.size()), length = at(std::min<size_t>(script.size() - from, 24));
    const std::string& other = others[at(others.size() - 1)];
    switch (random.next() % 4) {
      case 0:
        script.erase(from, length);
        break;
      case 1:
        script.insert(at(script.size()), script.substr(from, length));
        break;
      case 2:
        script.insert(from, other.substr(at(other.size()), at(60)));
        break;
      default:
        script.replace(from, random.next() % 2 ? length : 0, words[at(std::size(words) - 1)]);
    }
  }
  return script;
}

TEST(Conversation, HoldsWhateverIsSaid) {
  log::set_level("error");
  const Stage stage;
  const std::vector<std::string> scripts = corpus();
  ASSERT_GT(scripts.size(), 10U);
  for (const std::string& script : scripts) EXPECT_EQ(Conversation(stage, script).play(), "") << script;
  // More, and others: CONVERSATIONS="100000 8".
  int rounds = 1500;
  unsigned seed = 7;
  if (const char* wanted = std::getenv("CONVERSATIONS")) std::sscanf(wanted, "%d %u", &rounds, &seed);
  Random random(seed);
  for (int i = 0; i < rounds; ++i) {
    const std::string script = changed(scripts[random.next() % scripts.size()], scripts, random);
    ASSERT_EQ(Conversation(stage, script).play(), "") << i << ": " << script;
  }
  log::set_level("info");
}

TEST(Conversation, ReachesTheWebServersAndTheStore) {  // else it would hold anything
  const Stage stage;
  const std::string ok = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\n{{{";
  const std::string get = "cGET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";
  Conversation conversation(stage, "o" + ok + "\xff" + get + "\xff" + get);
  EXPECT_EQ(conversation.play(), "");
  EXPECT_EQ(conversation.heard(), 1U);
  const std::string answers = conversation.answers(0);
  EXPECT_NE(answers.find("; stored"), answers.npos) << answers;
  EXPECT_NE(answers.find("; hit"), answers.npos) << answers;
}

TEST(Conversation, ReachesTheSlices) {
  const Stage stage;
  const auto slice = [](const std::string& place, const std::string& bytes) {
    return "oHTTP/1.1 206 Partial\r\nCache-Control: max-age=60\r\nETag: \"v\"\r\nContent-Range: bytes " +
           place + "/10\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + bytes + "\xff";
  };
  const std::string get = "cGET /slice HTTP/1.1\r\nHost: a.test\r\n\r\n\xff";
  Conversation conversation(stage,
                            slice("0-3", "abcd") + slice("4-7", "efgh") + slice("8-9", "ij") + get + get);
  EXPECT_EQ(conversation.play(), "");
  EXPECT_EQ(conversation.heard(), 3U);
  const std::string answers = conversation.answers(0);
  EXPECT_NE(answers.find("\r\n\r\nabcdefghijHTTP/1.1 200"), answers.npos) << answers;
  EXPECT_TRUE(answers.ends_with("\r\n\r\nabcdefghij")) << answers;
}

TEST(Conversation, JudgesWhatIsWrong) {
  EXPECT_EQ(
      read_message("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", false, true).state,
      Message::State::wrong);
  EXPECT_EQ(read_message("GET / HTTP/1.1\r\nA: b\nc: d\r\n\r\n", false, false).state, Message::State::wrong);
  EXPECT_EQ(read_message("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy", false, false).state,
            Message::State::partial);
  EXPECT_EQ(
      read_message("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n", false, false).state,
      Message::State::wrong);
  const auto announcing = [](const char* length) {
    return read_message(std::string("HTTP/1.1 200 OK\r\nContent-Length: ") + length + "\r\n\r\nx", false,
                        true)
        .state;
  };
  EXPECT_EQ(announcing("4000000000000000000"), Message::State::partial);
  EXPECT_EQ(announcing("18446744073709551616"), Message::State::wrong);
  EXPECT_EQ(announcing("+1"), Message::State::wrong);
  const Message two = read_message("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP", false, true);
  EXPECT_EQ(two.state, Message::State::complete);
  EXPECT_EQ(two.length, 39U);
  EXPECT_EQ(read_requests("GET /a HTTP/1.1\r\nHost: A.test.\r\nContent-Length: 3\r\n\r\nabcGET /b "
                          "HTTP/1.1\r\nHost: b\r\n\r\nX")
                .size(),
            2U);
}

}  // namespace
}  // namespace popnet::http::conversation
