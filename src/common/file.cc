#include "common/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace popnet {

namespace {

/// Null: a file that can be read to its end.
const char* no_file(mode_t mode) {
  if (S_ISREG(mode)) return nullptr;
  if (S_ISDIR(mode)) return std::strerror(EISDIR);
  if (S_ISFIFO(mode)) return "it is a pipe, no file";
  if (S_ISSOCK(mode)) return "it is a socket, no file";
  return "it is a device, no file";
}

Error failed(int error) {
  return {error == ENOENT ? ErrorCode::not_found : ErrorCode::machine, std::strerror(error)};
}

}  // namespace

Result<File> open_to_read(const std::string& path) {
  struct stat about {};
  // Looked at before, because opening some devices does something; and after, because it may be another by then.
  if (::stat(path.c_str(), &about) != 0) return failed(errno);
  if (const char* what = no_file(about.st_mode)) return Error{ErrorCode::machine, what};
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return failed(errno);
  const char* what = ::fstat(fd, &about) != 0 ? std::strerror(errno) : no_file(about.st_mode);
  File file(what == nullptr ? ::fdopen(fd, "r") : nullptr);
  if (file) return file;
  const Error error = what == nullptr ? failed(errno) : Error{ErrorCode::machine, what};
  ::close(fd);
  return error;
}

}  // namespace popnet
