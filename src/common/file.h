// Files that a user names, opened to be read: regular ones only. A pipe hangs whoever opens it until somebody
// writes, and a device may never end.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "common/result.h"

namespace popnet {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// Never waits. ErrorCode::not_found or machine; the message is the reason alone, such as "Permission denied"
/// or "it is a pipe, no file".
Result<File> open_to_read(const std::string& path);

}  // namespace popnet
