// What AF_XDP needs to know of a network interface, as the kernel says it at that moment.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/ip.h"
#include "common/result.h"

namespace popnet::rt {

struct NetworkInterface {
  std::string name;
  unsigned index = 0;
  std::array<uint8_t, 6> mac{};
  int mtu = 0;
  int queues = 1;  // that packets arrive by
};

/// ErrorCode::machine if there is none of that name, it is no Ethernet, or it is down.
Result<NetworkInterface> find_interface(const std::string& name);

/// The addresses of all interfaces of this machine that a packet on a wire may be for.
std::vector<IpAddress> own_addresses();

}  // namespace popnet::rt
