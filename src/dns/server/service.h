// The HTTPS record (RFC 9460) of a decided hostname: ServiceMode, the name itself as target, the protocols that the
// operator names, and as hints the addresses that are decided for the client. No allocation.
#pragma once

#include <span>
#include <string>

#include "common/bytes.h"
#include "common/ip.h"

namespace popnet::dns {

inline constexpr size_t https_data_max = 512;  // bytes; more than any config makes

/// RDATA, with its length before it. Leaves `out` failed when it does not fit.
void write_https_data(std::span<const std::string> alpn, std::span<const IpAddress> v4,
                      std::span<const IpAddress> v6, ByteWriter& out);

}  // namespace popnet::dns
