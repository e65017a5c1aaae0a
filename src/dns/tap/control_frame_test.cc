#include "dns/tap/control_frame.h"

#include <gtest/gtest.h>

namespace popnet::dns::tap {
namespace {

using namespace std::string_literals;

std::string field(std::string_view content) {
  return "\0\0\0\1\0\0\0"s + static_cast<char>(content.size()) + std::string(content);
}
std::string accept(const std::string& fields, char type = 1) {
  return "\0\0\0\0\0\0\0"s + static_cast<char>(4 + fields.size()) + "\0\0\0"s + type + fields;
}

TEST(ControlFrame, ReadyAndStartSayWhatWillCome) {
  EXPECT_EQ(control_frame(Control::ready),
            "\0\0\0\0\0\0\0\x22\0\0\0\4\0\0\0\1\0\0\0\x16protobuf:dnstap.Dnstap"s);
  EXPECT_EQ(control_frame(Control::stop), "\0\0\0\0\0\0\0\4\0\0\0\3"s);
  std::string out = "x";
  put_frame("abc", out);
  EXPECT_EQ(out, "x\0\0\0\3abc"s);
}

TEST(ControlFrame, AReaderTakesOurContentAmongOthersOrAny) {
  EXPECT_EQ(hear_accept(accept(field(content_type))), Heard::takes);
  EXPECT_EQ(hear_accept(accept(field("other") + field(content_type))), Heard::takes);
  EXPECT_EQ(hear_accept(accept("")), Heard::takes);
  EXPECT_EQ(hear_accept(accept(field(content_type)) + "more"), Heard::takes);
}

TEST(ControlFrame, OtherAnswersAreRefusals) {
  EXPECT_EQ(hear_accept(accept(field("other"))), Heard::refuses);
  EXPECT_EQ(hear_accept(accept(field("x" + std::string(content_type)))), Heard::refuses)
      << "the name as a whole";
  EXPECT_EQ(hear_accept(accept(field(content_type), 5)), Heard::refuses) << "FINISH";
  EXPECT_EQ(hear_accept(accept(field(content_type).substr(0, 20))), Heard::refuses)
      << "a field longer than the frame";
  EXPECT_EQ(hear_accept("\0\0\0\1"s), Heard::refuses) << "a data frame";
  EXPECT_EQ(hear_accept("\0\0\0\0\0\0\0\3"s), Heard::refuses) << "shorter than its type";
  EXPECT_EQ(hear_accept("\0\0\0\0\0\0\x02\x01"s), Heard::refuses) << "longer than any";
}

TEST(ControlFrame, PartsAreWaitedFor) {
  const std::string whole = accept(field(content_type));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(hear_accept(whole.substr(0, n)), Heard::more) << n;
}

}  // namespace
}  // namespace popnet::dns::tap
