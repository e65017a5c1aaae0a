#include "rt/xdp/interface.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "rt/fd.h"
#include "rt/socket.h"

namespace popnet::rt {

namespace {

Error interface_error(const std::string& name, std::string_view what) {
  return {ErrorCode::machine, fmt::format("interface {}: {}", name, what)};
}

/// As `ethtool --show-channels` says; 1 where the driver does not say.
int receive_queues(int fd, ifreq request) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (ioctl(fd, SIOCETHTOOL, &request) != 0) return 1;
  return static_cast<int>(std::max(1U, channels.rx_count + channels.combined_count));
}

}  // namespace

Result<NetworkInterface> find_interface(const std::string& name) {
  NetworkInterface found;
  found.name = name;
  ifreq request{};
  if (name.empty() || name.size() >= sizeof request.ifr_name)
    return interface_error(name, "not the name of an interface");
  std::memcpy(request.ifr_name, name.data(), name.size());
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return interface_error(name, std::strerror(errno));
  if (ioctl(fd.get(), SIOCGIFINDEX, &request) != 0)
    return interface_error(name, "this machine has none of that name; `ip link` shows those it has");
  found.index = static_cast<unsigned>(request.ifr_ifindex);
  if (ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return interface_error(name, std::strerror(errno));
  if ((request.ifr_flags & IFF_UP) == 0)
    return interface_error(name, fmt::format("is down; `ip link set {} up` before popnet starts", name));
  if (ioctl(fd.get(), SIOCGIFHWADDR, &request) != 0) return interface_error(name, std::strerror(errno));
  if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
    return interface_error(name, "no Ethernet: AF_XDP is for network cards and veth");
  std::memcpy(found.mac.data(), request.ifr_hwaddr.sa_data, found.mac.size());
  if (ioctl(fd.get(), SIOCGIFMTU, &request) != 0) return interface_error(name, std::strerror(errno));
  found.mtu = request.ifr_mtu;
  found.queues = receive_queues(fd.get(), request);
  return found;
}

std::vector<IpAddress> own_addresses() {
  std::vector<IpAddress> addresses;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return addresses;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::memcpy(&storage, one->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    const IpAddress address = to_endpoint(storage).address;
    if (!address.is_loopback()) addresses.push_back(address);
  }
  freeifaddrs(all);
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace popnet::rt
