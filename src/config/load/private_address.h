// Addresses that only some machines can reach, and those not the customer's business: by asking for them a node
// would lend its place in the network to whoever wrote the config (server-side request forgery).
#pragma once

#include <string_view>

#include "common/ip.h"

namespace popnet::config {

/// "a loopback address", "a private address", …; empty for one that the whole Internet can reach. Looks into the
/// forms of IPv6 that carry an IPv4 address (mapped, NAT64 of RFC 6052, 6to4 of RFC 3056). Sources: the IANA
/// special-purpose address registries (RFC 6890); the ranges for documentation are left out, since nobody is there.
std::string_view why_private(const IpAddress& address);

}  // namespace popnet::config
