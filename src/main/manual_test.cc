#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/load/manual.h"
#include "node/config_source.h"
#include "node/probe_kinds.h"

namespace popnet::main {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(std::string(POPNET_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Manual, TheReferenceInDocsIsWhatTheTablesSay) {
  EXPECT_EQ(read("docs/configuration.md"), config::manual(node::probe_kind_tables()))
      << "run: out/popnet manual > docs/configuration.md";
}

TEST(Examples, EachIsWithoutErrorAndWarning) {
  for (const char* name : {"reverse-proxy", "zone", "network"}) {
    const node::ConfigSource source{
        std::string(POPNET_SOURCE_DIR) + "/examples/" + name + ".yaml", std::nullopt, {}};
    const auto loaded = source.load(std::nullopt, 1);
    EXPECT_TRUE(loaded.config) << name;
    EXPECT_EQ(config::report(loaded.problems), "") << name;
  }
}

}  // namespace
}  // namespace popnet::main
