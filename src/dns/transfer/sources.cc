#include "dns/transfer/sources.h"

#include <algorithm>

namespace popnet::dns {

namespace {

std::optional<IpAddress> only_address(std::span<const Endpoint> listen, bool v4) {
  std::optional<IpAddress> only;
  for (const Endpoint& endpoint : listen) {
    const IpAddress& address = endpoint.address;
    if (address.is_v4() != v4) continue;
    if (address.is_unspecified() || (only && *only != address)) return std::nullopt;
    only = address;
  }
  return only;
}

}  // namespace

Sources sources_of(std::span<const Endpoint> listen) {
  return {only_address(listen, true), only_address(listen, false)};
}

}  // namespace popnet::dns
