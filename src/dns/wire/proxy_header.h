// The PROXY protocol, version 2 (haproxy's doc/proxy-protocol.txt): what a load balancer puts before the
// first byte of a TCP connection, or before each UDP message, to tell whose it is. Pure; nothing is
// allocated.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/ip.h"

namespace popnet::dns {

inline constexpr size_t proxy_header_min = 16;

struct ProxyHeader {
  enum class Verdict : uint8_t {
    incomplete,  ///< `size` bytes are needed to tell more
    broken,
    fine,
  };
  Verdict verdict = Verdict::broken;
  size_t size = 0;                 // of the header; 16 until those are there
  std::optional<Endpoint> source;  // none: the balancer speaks for itself (LOCAL), or a family not of IP
};

/// Reads the header at the front of `bytes`. Extensions (TLVs) are skipped.
ProxyHeader read_proxy_header(std::span<const uint8_t> bytes);

}  // namespace popnet::dns
