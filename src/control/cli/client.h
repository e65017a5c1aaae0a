// Asks a running node's admin API.
//
// Errors: ErrorCode::unavailable when no node answers there, timeout when it does not answer in time, else
// what the node says of the request: invalid (400, 403, 405, 413), not_found (404), conflict (412),
// unavailable (503), peer (anything else, or an answer that is not popnet's). Messages are one line; where
// the node lists problems they follow, one a line.
//
// Threading: one thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "common/time.h"

namespace popnet::control {

class Client {
 public:
  static constexpr const char* default_admin = "127.0.0.1:8500";
  static constexpr std::chrono::seconds timeout{10};

  /// `admin`: address and port of the node's admin server, with or without "http://".
  explicit Client(std::string admin = default_admin);

  /// The body of a 200. `etag`: gets the answer's ETag as sent, or becomes empty.
  Result<std::string> get(const std::string& path, std::string* etag = nullptr) {
    return ask("GET", path, {}, {}, etag);
  }
  /// `condition`: one more field, such as "If-Match: \"7\"".
  Result<std::string> put(const std::string& path, const std::string& body,
                          const std::string& condition = {}) {
    return ask("PUT", path, body, condition, nullptr);
  }
  Result<std::string> post(const std::string& path, const std::string& body) {
    return ask("POST", path, body, {}, nullptr);
  }

  /// For a value in a query.
  static std::string escape(std::string_view value);

 private:
  Result<std::string> ask(const char* method, const std::string& path, const std::string& body,
                          const std::string& condition, std::string* etag);

  const std::string admin_;  // without "http://"
};

}  // namespace popnet::control
