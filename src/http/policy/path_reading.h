// How the server behind us may read a path. Rules are matched against what it will make of it, not against
// the bytes alone: nginx decodes every escape and merges slashes before it looks for the file, so
// "//secret/x",
// "/secret%2Fx" and "/%73ecret/x" are "/secret/x" to it.
//
//   asked     escapes of unreserved characters decoded (RFC 3986 section 6.2.2.2), nothing else
//   usual     all escapes decoded, once; "\" is "/"; slashes merged; an empty path is "/"
//   bare      usual, without what follows a ";" in each segment: servlet containers take that for parameters
//
// Dot segments are removed by no reading. A path that has one in any of them is to be refused: what is left
// of it after the removal depends on the server.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace popnet::http {

class PathReadings {
 public:
  static constexpr size_t path_max = 16 * 1024;  // longer ones are refused

  /// Keeps views of `path`, and of itself. No allocation.
  explicit PathReadings(std::string_view path);
  PathReadings(const PathReadings&) = delete;
  PathReadings& operator=(const PathReadings&) = delete;

  [[nodiscard]] bool refused() const { return refused_; }
  /// All readings are the same.
  [[nodiscard]] bool plain() const { return plain_; }
  [[nodiscard]] std::string_view asked() const { return asked_; }
  [[nodiscard]] std::string_view usual() const { return usual_; }
  [[nodiscard]] std::string_view bare() const { return bare_; }

 private:
  std::string_view asked_, usual_, bare_;
  bool plain_ = true;
  bool refused_ = false;
  std::array<char, path_max> rooms_[3];  // left as they are until a path needs them
};

/// The text of a rule in the usual reading.
std::string usual_reading(std::string_view text);

}  // namespace popnet::http
