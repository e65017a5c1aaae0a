// The demo's client DNS server: one question for an IPv4 address over UDP, with the visitor's network as EDNS
// client subnet (RFC 7871), as a public resolver would ask. Blocks for at most the timeout; for the demo's
// visitor threads only.
#pragma once

#include <string_view>
#include <vector>

#include "common/ip.h"
#include "common/result.h"
#include "common/time.h"

namespace popnet::demo {

/// Asks `server` from a source port of its own. ErrorCode::timeout, or ErrorCode::peer with the rcode.
Result<std::vector<IpAddress>> lookup(const Endpoint& server, std::string_view name, const Prefix& visitor,
                                      Duration timeout, uint16_t id);

}  // namespace popnet::demo
