// The cache key (RFC 9111 section 2): what two requests must have in common to share an object.
//
//   site NUL scheme "://" host path ["?" query]
//
// The site stands first and no site name holds a NUL, so that two sites can never share a key, whatever their
// hostnames. The host is lower case, without final dot and without port: what a user writes into Host beyond
// the hostname that the config serves chooses no object of its own, so a purge finds them all. Fills ask the
// origin for just that host. Path and query stay as sent: an origin may tell "%41" from "A".
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
  std::string_view host{};  // any case, with final dot or without
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
