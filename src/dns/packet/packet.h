// One UDP datagram in an Ethernet frame, as an AF_XDP socket gets and sends it: the kernel has looked at none
// of it, so everything that it would have checked is checked here. IPv4 without options (RFC 791), IPv6
// without extension headers (RFC 8200), UDP (RFC 768); no fragments, no VLAN tags: who redirects frames here
// leaves the rest to the kernel, and what comes nevertheless is malformed.
//
// Pure; nothing is allocated; every input gives one of the verdicts below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/ip.h"

namespace popnet::dns {

inline constexpr size_t ethernet_header = 14;
inline constexpr size_t ipv4_header = 20;
inline constexpr size_t ipv6_header = 40;
inline constexpr size_t udp_header = 8;
/// Of all headers of a reply, at most.
inline constexpr size_t packet_headers_max = ethernet_header + ipv6_header + udp_header;

enum class PacketVerdict : uint8_t {
  fine,
  malformed,     ///< no UDP datagram, or lengths that contradict each other
  bad_checksum,  ///< of IPv4 or UDP; also none over IPv6 (RFC 8200 section 8.1)
  martian,       ///< from an address that no packet may come from (RFC 1812 section 5.3.7)
};
inline constexpr size_t packet_verdicts = 4;

/// Borrows from the frame.
struct Datagram {
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
  std::span<const uint8_t> payload;
};

/// Reads `frame` into `datagram`, whose members are set only if the verdict is fine.
///
/// A frame that a neighbour on the same machine has sent (veth) has never been on a wire and carries the sum
/// of its pseudo header alone where the checksum belongs: the kernel leaves the rest to a network card that is
/// not there. That counts as right.
PacketVerdict parse_packet(std::span<const uint8_t> frame, Datagram& datagram);

/// How many bytes before its payload the reply to this datagram has.
inline size_t reply_headers(const Datagram& query) {
  return ethernet_header + (query.source.is_v4() ? ipv4_header : ipv6_header) + udp_header;
}

/// Writes the headers of the reply before its payload, which stands at frame + reply_headers(query): to the
/// address, port and MAC the query came from; never to be fragmented. Returns the size of the frame.
/// REQUIRES: `query` was read from `query_frame`; `frame` has room for the headers and the payload;
/// payload_size is at most 65,507
size_t write_reply_headers(std::span<const uint8_t> query_frame, const Datagram& query, size_t payload_size,
                           std::span<uint8_t> frame);

}  // namespace popnet::dns
