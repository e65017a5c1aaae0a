#include "demo/table.h"

#include <gtest/gtest.h>

#include "common/text.h"

namespace popnet::demo {
namespace {

TEST(DemoTable, FitsATerminalAndShowsWhatIsUnknownAsADash) {
  PopRow pop{.name = "ams", .address = "127.0.1.1", .health = "up", .queries_per_second = 12.4};
  OriginRow origin{
      .name = "shop/web1", .address = "127.0.2.1:8000", .health = "up", .load = 0.25, .share = 1.0 / 3};
  const std::string text = render({pop}, {origin});
  for (auto line : split(text, '\n')) EXPECT_LE(line.size(), 100U) << line;
  EXPECT_NE(text.find("ams      127.0.1.1      up              12          0      -      -     100%"),
            text.npos)
      << text;
  EXPECT_NE(text.find("#####...........   33%        -"), text.npos) << text;
}

}  // namespace
}  // namespace popnet::demo
