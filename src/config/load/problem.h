// What is wrong with a config: one line each, where it stands, and what would be right. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace popnet::config {

/// Where something stands. Lines and columns count from 1, columns in bytes. A line of 0: not from a file,
/// and `file` says from what ("--set node.pop=ams").
struct Place {
  std::shared_ptr<const std::string> file;
  uint32_t line = 0;
  uint32_t column = 0;
};

struct Problem {
  enum class Severity : uint8_t {
    error,    ///< this config is not used
    warning,  ///< it is used, but probably does not do what was meant
  };
  Place place;
  std::string
      key;  // dotted path as --set takes it: "sites.0.origins.1.address"; "yaml" for the syntax itself
  std::string message;  // what is wrong, what would be right
  Severity severity = Severity::error;
};

/// "file:line:column: key: message"; warnings have "warning: " before the message.
std::string to_string(const Problem& problem);

/// Collects problems, and knows when to stop: more than a few hundred help nobody.
class Problems {
 public:
  static constexpr size_t count_max = 500;

  void error(const Place& place, std::string key, std::string message);
  void warning(const Place& place, std::string key, std::string message);
  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  [[nodiscard]] size_t errors() const { return errors_; }
  /// More would not be kept, so that a reader may stop looking.
  [[nodiscard]] bool full() const { return all_.size() >= count_max; }
  /// Is there an error already at that key, or below it?
  [[nodiscard]] bool touches(std::string_view key) const;
  /// In the order of the files, what came from no file last.
  [[nodiscard]] std::vector<Problem> sorted() &&;

 private:
  void add(Problem problem);

  std::vector<Problem> all_;
  size_t errors_ = 0;
};

}  // namespace popnet::config
