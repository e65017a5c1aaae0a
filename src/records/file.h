// A file that somebody reads, moves and removes while it is written: logs. What was renamed or removed is made
// anew, as log rotation wants it. What cannot be written is dropped and counted; the log says so once.
//
// Threading: one thread writes; written() and unwritten(): any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "rt/fd.h"

namespace popnet::records {

/// An open file and whether its name still leads to it.
class NamedFile {
 public:
  /// `path`: "-" is the standard output. `option`: of the config, for errors.
  NamedFile(std::string path, std::string option) : path_(std::move(path)), option_(std::move(option)) {}

  /// Appends to what is there. ErrorCode::machine.
  Status open();
  /// What is there and not empty is renamed to <path>.old first. ErrorCode::machine.
  Status open_fresh();
  /// Somebody has moved or removed it.
  [[nodiscard]] bool was_moved() const;
  /// There is no file of that name, or an empty one.
  [[nodiscard]] bool name_is_free() const;
  /// All of it, or false with errno.
  bool write(std::string_view bytes);
  [[nodiscard]] bool is_open() const { return file_.valid(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Status open_with(int flags);
  const std::string path_, option_;
  rt::UniqueFd file_;
};

/// Lines, gathered and written together.
class LineFile {
 public:
  LineFile(std::string path, std::string option);
  Status open() { return file_.open(); }

  /// Append a line with its end, then call line_added().
  std::string& lines() { return lines_; }
  void line_added();
  void flush();
  /// Call now and then.
  void look_for_rotation();
  [[nodiscard]] uint64_t written() const { return written_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t unwritten() const { return unwritten_.load(std::memory_order_relaxed); }

 private:
  NamedFile file_;
  std::string lines_;
  uint64_t count_ = 0;  // of lines_
  bool failing_ = false;
  std::atomic<uint64_t> written_{0}, unwritten_{0};
};

}  // namespace popnet::records
