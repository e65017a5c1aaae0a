// The cache key (RFC 9111 section 2): what two requests must have in common to share an object.
//
//   site NUL scheme "://" host [":" port] path ["?" query]
//
// The site stands first and no site name holds a NUL, so that two sites can never share a key, whatever their
// hostnames. Only what RFC 3986 section 6.2.2 and 6.2.3 calls equal is made equal: case of the host, default
// port, empty path. Path and query stay as sent: an origin may tell "%41" from "A".
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/hash.h"
#include "http/wire/head.h"

namespace popnet::http {

struct KeyParts {
  std::string_view site{};  // unique name
  bool https = false;
  std::string_view host{};  // any case
  std::string_view port{};  // digits or empty
  std::string_view path{};
  std::string_view query{};
  bool has_query = false;
};
KeyParts key_parts(std::string_view site, const RequestHead& request, bool ignore_query);
KeyParts key_parts(std::string_view site, const HttpUrl& url, bool ignore_query);

/// Room for one key; one for each thread.
class KeyBuilder {
 public:
  static constexpr size_t capacity = 12 * 1024;
  /// Valid until the next call; empty when it does not fit (never with the default Limits).
  std::string_view make(const KeyParts& parts);

 private:
  std::array<char, capacity> room_;
};

}  // namespace popnet::http
