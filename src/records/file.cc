#include "records/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "common/log.h"

namespace popnet::records {

namespace {
constexpr size_t lines_bytes = 256 * 1024;  // written at a time
constexpr size_t line_bytes = 64 * 1024;    // at most
constexpr mode_t mode = 0640;
constexpr const char* standard_output = "-";
/// What is written next would stand behind half a line, as a part of it. Not where another process (the one that this one
/// replaces) has appended since, nor in what is no file.
void cut_back(int fd, off_t bytes) {
  const int why = errno;
  struct stat now {};
  const off_t end = ::lseek(fd, 0, SEEK_CUR);
  if (bytes > 0 && end >= bytes && ::fstat(fd, &now) == 0 && S_ISREG(now.st_mode) && now.st_size == end)
    (void)!::ftruncate(fd, end - bytes);
  errno = why;
}

}  // namespace

Status NamedFile::open() {
  return open_with(O_APPEND);
}

Status NamedFile::open_fresh() {
  if (path_ != standard_output && !name_is_free()) std::rename(path_.c_str(), (path_ + ".old").c_str());
  return open_with(O_TRUNC);
}

Status NamedFile::open_with(int flags) {
  file_ = rt::UniqueFd(path_ == standard_output
                           ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                           : ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode));
  if (file_.valid()) return {};
  return Error{ErrorCode::machine,
               fmt::format("{}: cannot open {}: {}", option_, path_, std::strerror(errno))};
}

bool NamedFile::was_moved() const {
  if (path_ == standard_output) return false;
  struct stat named {};
  struct stat open {};
  return !file_.valid() || ::stat(path_.c_str(), &named) != 0 || ::fstat(file_.get(), &open) != 0 ||
         named.st_ino != open.st_ino || named.st_dev != open.st_dev;
}

bool NamedFile::name_is_free() const {
  struct stat named {};
  return ::stat(path_.c_str(), &named) != 0 || named.st_size == 0;
}

// When it fails, nothing of it stays in a file.
bool NamedFile::write(std::string_view bytes) {
  off_t written = 0;
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      cut_back(file_.get(), written);
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(n));
    written += n;
  }
  return true;
}

LineFile::LineFile(std::string path, std::string option) : file_(std::move(path), std::move(option)) {
  lines_.reserve(lines_bytes + line_bytes);
}

void LineFile::line_added() {
  ++count_;
  if (lines_.size() >= lines_bytes) flush();
}

void LineFile::flush() {
  const bool failed = !file_.write(lines_);
  if (failed && !failing_)
    log::warning("log {}: {}: what cannot be written is dropped", file_.path(), std::strerror(errno));
  failing_ = failed;
  (failed ? unwritten_ : written_).fetch_add(count_, std::memory_order_relaxed);
  lines_.clear();
  count_ = 0;
}

void LineFile::look_for_rotation() {
  if (!file_.was_moved()) return;
  const bool failed_before = !file_.is_open();
  if (const Status opened = file_.open(); !opened.ok() && !failed_before)
    log::warning("{}", opened.error().message);
}

}  // namespace popnet::records
