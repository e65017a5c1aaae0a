// The filter in force on one interface. It is bound to a descriptor (a BPF link), so the kernel takes it off
// when this object goes, and also when the process is killed: packets then take their usual way.
#pragma once

#include <span>

#include "common/ip.h"
#include "common/result.h"
#include "rt/fd.h"
#include "rt/xdp/interface.h"

namespace popnet::rt {

/// How frames come from the driver, the best first.
enum class XdpMode : uint8_t {
  automatic,  ///< zero-copy if the driver can, else copy
  zero_copy,  ///< the network card writes into the socket's memory
  copy,       ///< the driver runs the filter, the kernel copies the frame
  generic,  ///< the kernel runs the filter behind the driver: for any driver, and hardly faster than sockets
};

class XdpAttachment {
 public:
  /// Makes the filter and its table of sockets; nothing is redirected yet. ErrorCode::machine.
  static Result<XdpAttachment> prepare(const NetworkInterface& interface,
                                       std::span<const Endpoint> endpoints);

  /// Packets of that queue that the filter picks go to this AF_XDP socket. ErrorCode::machine.
  Status admit(int queue, int socket);
  /// From now on. ErrorCode::machine, also when another program has its filter there.
  Status attach(XdpMode mode);
  /// From now on the kernel gets all packets again. Does nothing if it does already.
  void detach() { link_.reset(); }

 private:
  NetworkInterface interface_;
  UniqueFd map_, program_, link_;
};

}  // namespace popnet::rt
