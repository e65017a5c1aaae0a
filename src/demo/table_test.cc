#include "demo/table.h"

#include <gtest/gtest.h>

#include "common/text.h"

namespace popnet::demo {
namespace {

TEST(DemoTable, FitsATerminalAndShowsWhatIsUnknownAsADash) {
  PopRow pop{.name = "ams", .address = "127.0.1.1", .health = "up", .queries_per_second = 12.4};
  OriginRow origin{
      .name = "shop/web1", .address = "127.0.2.1:8000", .health = "up", .load = 0.25, .share = 1.0 / 3};
  for (const size_t columns : {size_t{80}, size_t{160}})
    for (auto line : split(render({pop}, {origin}, columns), '\n')) EXPECT_LE(line.size(), columns) << line;
  const std::string text = render({pop}, {origin}, 80);
  EXPECT_NE(text.find("ams        127.0.1.1      up             12          0     -     -        -"),
            text.npos)
      << text;
  EXPECT_NE(text.find("33% ##.....       -   0.0"), text.npos) << text;
}

}  // namespace
}  // namespace popnet::demo
