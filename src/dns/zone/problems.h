// What is wrong with zone data, one line each, collected so that an operator sees all of it at once: "where: zone
// NAME: what is wrong, what would be right", as of a config file.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace popnet::dns {

class Problems {
 public:
  static constexpr size_t lines_max = 100;

  void add(const std::string& where, const std::string& what) {
    if (lines_.size() < lines_max) lines_.push_back(where + ": " + what);
    ++count_;
  }
  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
  size_t count_ = 0;
};

}  // namespace popnet::dns
