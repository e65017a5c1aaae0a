// Kinds of probe for tests and the fuzzer: the real ones stand above this folder.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/schema/conditions.h"
#include "config/schema/table.h"

namespace popnet::config {

struct TestHttp : model::KindOptions {
  std::string path;
  std::vector<std::string> status;
};
struct TestTcp : model::KindOptions {};
struct TestHost : model::KindOptions {};
struct TestLoad : model::KindOptions {
  uint16_t port = 0;
  std::string path, memory;
};

inline std::span<const KindTable> test_kinds() {
  static const Table<TestHttp> http(
      "http", "Fetches a page.",
      {option("path", &TestHttp::path).text("/").check(is_url_path).help("Page."),
       option("status", &TestHttp::status).text().preset({"200-399"})});
  static const Table<TestLoad> load("load", "Asks for the load.",
                                    {option("port", &TestLoad::port).integer(1, 65535, 9100),
                                     option("path", &TestLoad::path).text("/metrics"),
                                     option("memory", &TestLoad::memory).text("/memory")});
  static const Table<TestTcp> tcp("tcp", "Connects.", {});
  static const Table<TestHost> host("host", "Looks at the machine.", {});
  static const std::vector<KindTable> kinds{kind_table(http), kind_table(load, false), kind_table(tcp),
                                            kind_table(host, false)};
  return kinds;
}

}  // namespace popnet::config
