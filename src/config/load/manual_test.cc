#include "config/load/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load/fill.h"
#include "config/load/test_kinds.h"
#include "config/load/yaml.h"
#include "config/schema/tables.h"

namespace popnet::config {
namespace {

using testing::HasSubstr;

/// Every option of a table, and of the tables below it, is in the manual with a word of help.
void expect_described(const std::string& text, const TableBase& table) {
  for (const Row& row : table.rows()) {
    EXPECT_THAT(text, HasSubstr("| `" + row.name + "` |"));
    EXPECT_FALSE(row.help.empty()) << table.name() << "." << row.name;
    if (row.table) expect_described(text, *row.table);
  }
}

TEST(Manual, DescribesEveryOption) {
  const std::string text = manual(test_kinds());
  expect_described(text, config_table());
  expect_described(text, probe_table());
  EXPECT_THAT(text, HasSubstr("\n### Kind load\n"));
}

TEST(Manual, ShowsTypeBoundsDefaultAndEffect) {
  const std::string text = manual(test_kinds());
  EXPECT_THAT(
      text,
      HasSubstr("| `cache_memory` | size, 1MiB to 16TiB | `256MiB` | restart | Memory for stored objects, "));
  EXPECT_THAT(text, HasSubstr("| `pop_probes` | list of [probes](#probes), at most 16 | one `http` probe"));
  EXPECT_THAT(text, HasSubstr("| `pops` | list of [pops](#pops), at most 4096 |"));
  EXPECT_THAT(text, HasSubstr("| `addresses` | list (IP address), at most 2 | *required* | reload |"));
  EXPECT_THAT(text,
              HasSubstr("| `latency` | mapping (name: duration), 0 to 10s, at most 4096 | none | reload |"));
  EXPECT_THAT(text, HasSubstr("| `location` | section [location](#location) | none |  |"));
  EXPECT_THAT(text,
              HasSubstr("| `kind` | choice | `memory` | restart | What carries measurements, config and "
                        "purges.<br>`memory`: within this process: for a single node<br>`nats`: "));
  EXPECT_THAT(text, HasSubstr("| `max_age` | duration, 100ms to 7d | 3 x `interval` + `timeout` | reload |"));
}

TEST(Manual, DescribesASharedSectionOnce) {
  const std::string text = manual(test_kinds());
  for (const char* heading : {"\n### load\n", "\n### controller\n", "\n### location\n", "\n### probes\n"}) {
    const auto first = text.find(heading);
    ASSERT_NE(first, text.npos) << heading;
    EXPECT_EQ(text.find(heading, first + 1), text.npos) << heading;
  }
}

/// The example of a section is YAML that its own table takes.
template <class S>
void expect_example(const Table<S>& table) {
  Problems problems;
  const NodePtr root = read_yaml(table.example(), table.name(), problems);
  const Entry* entry = root->find(table.name());
  ASSERT_NE(entry, nullptr) << table.name();
  const std::vector<NodePtr> one{entry->value};
  for (const NodePtr& node : entry->value->kind == Node::Kind::list ? entry->value->items : one) {
    S object;
    Filler(test_kinds(), problems).fill(table, *node, &object);
  }
  for (const Problem& problem : std::move(problems).sorted()) ADD_FAILURE() << to_string(problem);
}

TEST(Manual, ExamplesAreRight) {
  expect_example(network_table());
  expect_example(client_latency_table());
  expect_example(pop_table());
  expect_example(location_table());
  expect_example(client_table());
  expect_example(zone_table());
  expect_example(node_table());
  expect_example(access_log_table());
  expect_example(dnstap_table());
  expect_example(query_log_table());
  expect_example(bus_table());
  expect_example(site_table());
  expect_example(hostname_table());
  expect_example(origin_table());
  expect_example(rule_table());
  expect_example(cache_table());
  expect_example(fill_table());
  expect_example(http_node_table());
  expect_example(load_table());
  expect_example(controller_table());
}

TEST(Manual, ExampleOfProbesIsRight) {
  Problems problems;
  const NodePtr root = read_yaml(probe_table().example(), "probes", problems);
  for (const NodePtr& node : root->find("probes")->value->items) {
    model::ProbeSpec spec;
    Filler(test_kinds(), problems).fill_probe(*node, spec);
  }
  EXPECT_FALSE(problems.has_errors());
}

}  // namespace
}  // namespace popnet::config
