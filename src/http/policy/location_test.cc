#include "http/policy/location.h"

#include <gtest/gtest.h>

namespace popnet::http {
namespace {

std::string seen(std::string_view location) {
  return location_under_prefix(location, "content.example", "shop");
}

TEST(Location, OfThisHostIsUnderThePrefix) {
  EXPECT_EQ(seen("/new"), "/shop/new");
  EXPECT_EQ(seen("/"), "/shop/");
  EXPECT_EQ(seen("/?page=2"), "/shop/?page=2");
  EXPECT_EQ(seen("http://content.example/new"), "http://content.example/shop/new");
  EXPECT_EQ(seen("HTTPS://Content.Example:8443/new#x"), "HTTPS://Content.Example:8443/shop/new#x");
  EXPECT_EQ(seen("//content.example/new"), "//content.example/shop/new");
  EXPECT_EQ(seen("http://content.example"), "http://content.example/shop");
  EXPECT_EQ(seen("http://content.example?page=2"), "http://content.example/shop?page=2");
}

TEST(Location, ElsewhereStaysAsItIs) {
  for (const std::string_view location :
       {"", "new", "../new", "?page=2", "#top", "http://other.example/new", "//other.example/new",
        "http://content.example.evil/new", "ftp://content.example/new", "http:/new",
        "mailto:a@content.example"})
    EXPECT_EQ(seen(location), location);
}

}  // namespace
}  // namespace popnet::http
