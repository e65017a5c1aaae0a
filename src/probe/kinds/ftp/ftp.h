// The kind "ftp": logs in to an FTP server and, with a path, asks for a directory or for a file's size.
// ftp_ms is the time from the start of the connect to the last answer needed. Nothing is transferred and no
// data connection is made.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "config/schema/table.h"
#include "probe/kinds/api/kind.h"

namespace popnet::probe {

class CurlDriver;

struct FtpOptions : model::KindOptions {
  uint16_t port = 21;
  std::string user;
  std::string password;
  std::string path;  // "/" = the login is enough; "/pub/" = a directory; "/pub/file" = a file
  bool tls = false;
  bool verify = true;
  std::string ca_file;
};

const config::Table<FtpOptions>& ftp_options();

class FtpKind final : public Kind {
 public:
  explicit FtpKind(std::shared_ptr<CurlDriver> curl) : curl_(std::move(curl)) {}
  [[nodiscard]] const char* name() const override { return "ftp"; }
  std::unique_ptr<Attempt> start(const Context& context, const Target& target,
                                 const model::KindOptions& options, Duration timeout,
                                 Done done) const override;

 private:
  const std::shared_ptr<CurlDriver> curl_;
};

}  // namespace popnet::probe
