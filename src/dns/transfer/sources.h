// From which addresses this node speaks to other name servers, of its own accord: those it answers at, so that primaries and
// secondaries that know it by these believe it. Pure.
#pragma once

#include <optional>
#include <span>

#include "common/ip.h"

namespace popnet::dns {

struct Sources {
  std::optional<IpAddress> v4, v6;  // none: as the kernel chooses by its routes

  /// To or from a loopback address the kernel chooses, unless both are: nothing else would arrive, or be expected.
  [[nodiscard]] std::optional<IpAddress> toward(const IpAddress& peer) const {
    const auto& own = peer.is_v4() ? v4 : v6;
    return own && own->is_loopback() == peer.is_loopback() ? own : std::nullopt;
  }
};

/// Of each family the only address in `listen`; none where there are several, or all of the machine's.
Sources sources_of(std::span<const Endpoint> listen);

}  // namespace popnet::dns
