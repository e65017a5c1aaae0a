// The BPF program that stands before the kernel's network stack: UDP datagrams that are for one of our
// endpoints go to the AF_XDP socket of the queue they arrived by; all else passes on to the kernel as if we
// were not there: TCP, other ports and addresses, fragments, IPv4 options, IPv6 extension headers, VLAN tags,
// frames for other machines, and queues that have no socket.
//
// It is put together here, instruction by instruction (Documentation/bpf/standardization in the Linux source),
// because it is short, knows its endpoints when it is made, and so needs no compiler and no map to look them up in.
#pragma once

#include <linux/bpf.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/ip.h"

namespace popnet::rt {

/// Longer frames than this are no queries and would not fit into a socket's frame: the kernel's.
inline constexpr int filter_frame_max = 1518;
/// The kernel's verifier walks all ways through the program; with so many it has had no trouble.
inline constexpr size_t filter_endpoints_max = 256;

/// Pure. `mac`: of the interface. `map_fd`: of an XSKMAP with queue -> socket.
/// REQUIRES: at most filter_endpoints_max endpoints, none of them unspecified
std::vector<bpf_insn> make_filter(const std::array<uint8_t, 6>& mac, std::span<const Endpoint> endpoints,
                                  int map_fd);

}  // namespace popnet::rt
