// Reads a master file (RFC 1035 section 5, RFC 2308 $TTL, RFC 3597 unknown types) into Records, by ldns.
// $INCLUDE is followed, relative to the file that has it, at most include_depth_max deep. Every line that is
// wrong becomes one problem, "file:line:column: zone NAME: reason"; reading goes on behind it.
#pragma once

#include <string>

#include "dns/zone/problems.h"
#include "dns/zone/records.h"

namespace popnet::dns {

inline constexpr int include_depth_max = 8;

/// The zone's name is the first $ORIGIN. Records outside the zone and of classes other than IN are problems.
/// False if the file cannot be read at all; that is a problem too.
bool read_master_file(const std::string& path, Records& records, Problems& problems);

}  // namespace popnet::dns
