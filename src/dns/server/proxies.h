// What load balancers put before a message over UDP.
#pragma once

#include <cstddef>
#include <span>

#include "dns/server/policy.h"
#include "dns/wire/proxy_header.h"

namespace popnet::dns {

/// How many bytes of a message from `resolver` are a PROXY header; `resolver` becomes who it names. A proxy's
/// message without one is none of ours: all of it is skipped, and so it gets no reply.
inline size_t skip_proxy_header(const Policy& policy, std::span<const uint8_t> message, IpAddress& resolver) {
  if (!policy.is_proxy(resolver)) return 0;
  const ProxyHeader header = read_proxy_header(message);
  if (header.verdict != ProxyHeader::Verdict::fine) return message.size();
  if (header.source) resolver = header.source->address;
  return header.size;
}

}  // namespace popnet::dns
