#include "dns/transfer/reply_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace popnet::dns {
namespace {

/// A reply without question, with an OPT record in the section that has this many records.
std::optional<ReplyHead> read(const std::vector<uint8_t>& options, uint8_t answers = 0,
                              uint8_t additionals = 1) {
  std::vector<uint8_t> message = {0, 7, 0x84, 0, 0, 0, 0, answers, 0, 0, 0, additionals};
  message.insert(message.end(),
                 {0, 0, type::opt, 4, 0xd0, 0, 0, 0, 0, 0, static_cast<uint8_t>(options.size())});
  message.insert(message.end(), options.begin(), options.end());
  return read_reply_head(message);
}

TEST(ReplyHead, HasTheAgeThatTheSenderTells) {
  const auto expire = [](const std::vector<uint8_t>& options, uint8_t answers = 0, uint8_t additionals = 1) {
    const auto head = read(options, answers, additionals);
    EXPECT_TRUE(head.has_value());
    return head ? head->expire : std::nullopt;
  };
  EXPECT_EQ(expire({0, 9, 0, 4, 0, 9, 0x3a, 0x80}), 604800U);
  EXPECT_EQ(expire({0, 3, 0, 1, 'x', 0, 9, 0, 4, 0, 0, 0, 1}), 1U) << "behind another option";
  EXPECT_EQ(expire({}), std::nullopt);
  EXPECT_EQ(expire({0, 9, 0, 0}), std::nullopt) << "as a query has it";
  EXPECT_EQ(expire({0, 9, 0, 3, 0, 0, 1}), std::nullopt);
  EXPECT_EQ(expire({0, 9, 0, 4, 0, 0, 1}), std::nullopt) << "runs out of the record";
  EXPECT_EQ(expire({0, 9}), std::nullopt);
  EXPECT_EQ(expire({0, 9, 0, 4, 0, 0, 0, 1}, 1, 0), std::nullopt) << "an answer";
}

}  // namespace
}  // namespace popnet::dns
