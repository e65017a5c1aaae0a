// What the tests of this folder share: a file from text, its problems as lines, the config of a file without
// problems.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/load/load.h"
#include "config/load/test_kinds.h"

namespace popnet::config {

inline LoadInput input_of(const std::string& text, std::vector<std::string> sets = {}) {
  LoadInput input;
  input.text = text;
  input.file = "a.yaml";
  input.sets = std::move(sets);
  input.kinds = test_kinds();
  return input;
}

inline std::vector<std::string> problems_of(const LoadInput& input) {
  std::vector<std::string> lines;
  for (const Problem& problem : load(input).problems) lines.push_back(to_string(problem));
  return lines;
}
inline std::vector<std::string> problems_of(const std::string& text, std::vector<std::string> sets = {}) {
  return problems_of(input_of(text, std::move(sets)));
}

inline std::shared_ptr<const model::Config> config_of(const LoadInput& input) {
  const Loaded loaded = load(input);
  EXPECT_EQ(report(loaded.problems), "");
  return loaded.config ? loaded.config : std::make_shared<const model::Config>();
}
inline std::shared_ptr<const model::Config> config_of(const std::string& text,
                                                      std::vector<std::string> sets = {}) {
  return config_of(input_of(text, std::move(sets)));
}

/// The smallest site there is, to hang one more option on: append at the depth of the site (four spaces).
inline const std::string site = R"(sites:
  - name: shop
    hostnames: [{name: www.shop.example}]
    origins: [{address: 192.0.2.1:80}]
)";

/// Two POPs, and a node that has not said which is its own.
inline const std::string two_pops =
    "pops:\n  - {name: ams, addresses: 192.0.2.1}\n  - {name: nyc, addresses: 192.0.2.2}\n";

}  // namespace popnet::config
