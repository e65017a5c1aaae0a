#include "rt/xdp/attachment.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <cerrno>
#include <cstring>

#include "rt/xdp/error.h"
#include "rt/xdp/filter.h"

namespace popnet::rt {

namespace {

Error attach_error(const NetworkInterface& interface, XdpMode mode, int error) {
  std::string hint;
  if (error == EBUSY || error == EEXIST)
    hint =
        fmt::format(" (another program has an XDP filter there; `ip link show {}` names it)", interface.name);
  else if (error == EOPNOTSUPP && mode != XdpMode::generic)
    hint = " (its driver has no XDP: take it out of node.dns_server.xdp, or try `mode: generic`)";
  else if (error == EINVAL || error == ERANGE)
    hint = fmt::format(
        " (drivers refuse XDP with a large MTU, this one's is {}, and with large receive offload: `ip link "
        "set "
        "{} mtu 1500`, `ethtool -K {} lro off`)",
        interface.mtu, interface.name, interface.name);
  return xdp_error(interface.name, "attach the XDP filter", error, hint);
}

}  // namespace

Result<XdpAttachment> XdpAttachment::prepare(const NetworkInterface& interface,
                                             std::span<const Endpoint> endpoints) {
  XdpAttachment made;
  made.interface_ = interface;
  made.map_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_XSKMAP, "popnet_dns", sizeof(int), sizeof(int),
                                      static_cast<uint32_t>(interface.queues), nullptr));
  if (!made.map_.valid()) return xdp_error(interface.name, "make a BPF map", errno);
  const auto code = make_filter(interface.mac, endpoints, made.map_.get());
  made.program_ = UniqueFd(
      bpf_prog_load(BPF_PROG_TYPE_XDP, "popnet_dns", "Apache-2.0", code.data(), code.size(), nullptr));
  if (!made.program_.valid()) return xdp_error(interface.name, "load the XDP filter", errno);
  return made;
}

Status XdpAttachment::admit(int queue, int socket) {
  if (bpf_map_update_elem(map_.get(), &queue, &socket, BPF_ANY) == 0) return {};
  return xdp_error(interface_.name, "make the XDP filter know its sockets", errno);
}

Status XdpAttachment::attach(XdpMode mode) {
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.flags = mode == XdpMode::generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
  link_ = UniqueFd(bpf_link_create(program_.get(), static_cast<int>(interface_.index), BPF_XDP, &options));
  if (!link_.valid()) return attach_error(interface_, mode, errno);
  return {};
}

}  // namespace popnet::rt
