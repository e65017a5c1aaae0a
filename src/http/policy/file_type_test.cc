// Web cache deception: an answer that is not what the ending of its path promises.
#include "http/policy/file_type.h"

#include <gtest/gtest.h>

namespace popnet::http {
namespace {

TEST(FileType, FitsTheEndingOfThePath) {
  struct {
    const char* path;
    const char* type;
  } const good[] = {
      {"/a.css", "text/css"},
      {"/a.CSS", "Text/CSS; charset=utf-8"},
      {"/a.js", "application/javascript"},
      {"/a.js", "text/javascript;charset=utf-8"},
      {"/a.jpg", "image/webp"},  // converted on the way
      {"/a.woff2", "font/woff2"},
      {"/a.zip", "application/zip"},
      {"/a.png", "application/octet-stream"},
      {"/a.html", "text/html"},
      {"/a.php", "text/html"},
      {"/account", "text/html"},
      {"/", "text/html"},
      {"/v1.2/account", "text/html"},  // the ending is that of the last segment
      {"/a.css/", "text/html"},
      {"/a.", "text/html"},
      {"/account", ""},
  };
  for (const auto& c : good) EXPECT_TRUE(type_fits_path(c.path, c.type)) << c.path << " " << c.type;
}

TEST(FileType, DoesNotFitWhatAnApplicationMadeOfThePath) {
  struct {
    const char* path;
    const char* type;
  } const bad[] = {
      {"/account/x.css", "text/html"},       {"/account/x.css", ""},
      {"/account/x.js", "application/json"}, {"/account/x.png", "text/html; image/png"},
      {"/account;x.css", "text/html"},       {"/account%3Bx.css", "text/html"},
      {"/account/x.css;a=b", "text/html"},   {"/account%2Fx.css", "text/html"},
      {"/account%00.css", "text/html"},      {"/account%0a.css", "text/html"},
      {"/account%23.css", "text/html"},      {"/account%3F.css", "text/html"},
      {"/account/.css", "text/html"},        {"/account/x.%63ss", "text/html"},
      {"/account/x.c%73s", "text/html"},     {"/account/x.zip", "application/json"},
      {"/account/x.pdf", "application/xml"},
  };
  for (const auto& c : bad) EXPECT_FALSE(type_fits_path(c.path, c.type)) << c.path << " " << c.type;
}

}  // namespace
}  // namespace popnet::http
