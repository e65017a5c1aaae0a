// The kind "http": asks the target for a URL over HTTP or HTTPS and holds the answer against what a working
// server would say. http_ms is the time from the start of the connect to the answer's first byte, TLS
// handshake included: what a user waits.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/schema/table.h"
#include "probe/kinds/api/kind.h"

namespace popnet::probe {

class CurlDriver;

struct HttpOptions : model::KindOptions {
  enum class Method : uint8_t { get, head };
  enum class Scheme : uint8_t { target, http, https };
  std::string path;  // empty = the target's
  Method method = Method::get;
  std::string host;  // empty = the target's
  uint16_t port = 0;
  Scheme scheme = Scheme::target;
  bool verify = true;
  std::string ca_file;
  std::vector<std::string> status;  // "200", "200-399"
  std::string body;
  std::string body_regex;  // as RE2 writes them
};

const config::Table<HttpOptions>& http_options();

class HttpKind final : public Kind {
 public:
  explicit HttpKind(std::shared_ptr<CurlDriver> curl) : curl_(std::move(curl)) {}
  [[nodiscard]] const char* name() const override { return "http"; }
  std::unique_ptr<Attempt> start(const Context& context, const Target& target,
                                 const model::KindOptions& options, Duration timeout,
                                 Done done) const override;

 private:
  const std::shared_ptr<CurlDriver> curl_;
};

}  // namespace popnet::probe
