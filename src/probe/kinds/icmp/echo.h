// Times one ICMP echo (RFC 792, RFC 4443 section 4.1) on an unprivileged "ping" socket: SOCK_DGRAM with
// IPPROTO_ICMP or IPPROTO_ICMPV6, where the kernel chooses the identifier and hands each socket its own
// replies only.
#pragma once

#include <memory>

#include "common/ip.h"
#include "probe/kinds/api/attempts.h"

namespace popnet::probe {

/// `error` is EACCES where net.ipv4.ping_group_range keeps this process out, EHOSTUNREACH and the like when a
/// router says so, ETIMEDOUT when no reply came. `done` as in Kind::start().
std::unique_ptr<Attempt> time_echo(rt::Loop& loop, const IpAddress& remote, Duration timeout,
                                   RoundTripDone done);

}  // namespace popnet::probe
