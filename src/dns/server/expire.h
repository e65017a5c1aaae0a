// For how long a zone is good still, as its secondaries ask (EDNS EXPIRE, RFC 7314): of a zone of ours what its SOA record says,
// of one that is fetched what is left of that. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "dns/zone/names.h"

namespace popnet::dns {

/// In seconds, at `now` since 1970. Nothing if it is not the name of a zone that is served.
std::optional<uint32_t> seconds_left(const Names& names, const Name& zone, int64_t now);

}  // namespace popnet::dns
