// The cache key (RFC 9111 section 2): what two requests must have in common to share an object.
//
//   site NUL scheme "://" host path ["?" query] [NUL port]
//
// The site stands first and no site name holds a NUL, so that two sites can never share a key, whatever their
// hostnames. The host is lower case and without final dot. Path and query stay as sent: an origin may tell "%41"
// from "A". Fills ask the origin for just that host and port, so what a user writes beyond them changes nothing.
//
// The port is a part of the target URI, and applications make absolute URLs of it. But users may write any: if each
// chose an object of its own, strangers could fill the store with copies, and if it reached the origin without being
// in the key, one of them could have his port in everybody's links. So it counts where it is true: where it is the
// port at which this request has arrived. Any other is as none, and so is the scheme's default.
//
// It stands behind all else because purges and configs speak of hostnames and paths: all below "host/img/" is one prefix
// whatever the port, for nodes that listen elsewhere, too; and what has that URL under any port are as many keys as the
// node has ports, which are few and known. No NUL is in a URL, and behind that of a slice (edge/slices.h) there is another.
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
  uint16_t port = 0;  // 0: none
};
KeyParts key_parts(std::string_view site, const RequestHead& request, bool ignore_query);
/// Without a port, whatever the URL has.
KeyParts key_parts(std::string_view site, const HttpUrl& url, bool ignore_query);

/// RequestHead::own_port of what has arrived at that port.
uint16_t own_port(const RequestHead& request, uint16_t local);

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
