#include "demo/screen.h"

#include <gtest/gtest.h>

namespace popnet::demo {
namespace {

const std::vector<Advice> advice = {{"dig www.shop.example", "which server?"},
                                    {"curl -si http://x/", "a hit"}};

TEST(DemoScreen, AWideOneHasCommandsAndWhatTheyShowSideBySide) {
  EXPECT_EQ(render(advice, {.columns = 80, .lines = 10}),
            "try, in another terminal:\n"
            "  dig www.shop.example  # which server?\n"
            "  curl -si http://x/    # a hit\n");
}

TEST(DemoScreen, ANarrowOneHasThemOneBelowTheOther) {
  EXPECT_EQ(render(advice, {.columns = 30, .lines = 10}),
            "try, in another terminal:\n"
            "  # which server?\n  dig www.shop.example\n"
            "  # a hit\n  curl -si http://x/\n");
}

TEST(DemoScreen, ASmallOneHasTheCommandsAlone) {
  EXPECT_EQ(render(advice, {.columns = 30, .lines = 4}),
            "try, in another terminal:\n  dig www.shop.example\n  curl -si http://x/\n");
}

TEST(DemoScreen, NothingWrapsOrScrolls) {
  EXPECT_EQ(fit("abcdef\nxy\nlast", {.columns = 4, .lines = 2}), "abcd\nxy");
  EXPECT_EQ(fit("abc\nxy\n", {.columns = 4, .lines = 9}), "abc\nxy\n");
}

}  // namespace
}  // namespace popnet::demo
