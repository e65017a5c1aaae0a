// A decision and its reason: the one record that routing gives to DNS, edge and explain; explain prints it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/ip.h"
#include "common/time.h"

namespace popnet::model {

/// Why the first target was chosen.
enum class Reason : uint8_t {
  least_load,  ///< the client's place in the shares that load has moved
  measured,    ///< lowest measured latency among POPs that accept
  configured,  ///< lowest configured latency
  distance,    ///< nearest by coordinates
  unplaced,    ///< nothing known of the client: spread by hash
  spilled,     ///< a better POP is too loaded for this client
  weighted,    ///< the client's place in fixed shares
  failover,    ///< first healthy one in order
  only_one,    ///< there is no other
  fail_open,   ///< all look dead: answered as if all were alive
};
const char* to_string(Reason reason);

inline constexpr size_t targets_max = 4;
inline constexpr uint16_t no_rule = UINT16_MAX;

/// Fixed size: made on the hot path without allocation.
struct Decision {
  std::array<uint16_t, targets_max> targets{};  // indexes of origins in the site, or of POPs; best first
  uint8_t count = 0;
  Reason reason = Reason::only_one;
  bool degraded = false;    // some candidate is down: keep TTLs short
  uint32_t ttl = 0;         // seconds
  uint16_t rule = no_rule;  // of the hostname's chain; its size: none of them, but the hostname's own options
  uint8_t scope = 0;        // the answer holds for the client network of this length (RFC 7871 SCOPE)
  uint64_t map_generation = 0;

  [[nodiscard]] std::span<const uint16_t> chosen() const { return {targets.data(), count}; }
};

}  // namespace popnet::model
