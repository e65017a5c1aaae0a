// Reads a master file (RFC 1035 section 5, RFC 2308 $TTL, RFC 3597 unknown types) into Records.
// $INCLUDE is followed, relative to the file that has it, at most include_depth_max deep, include_files_max times, and as
// long as no more than include_bytes_max have been included; there, reading ends. Every line that is wrong becomes one
// problem, "file:line:column: zone NAME: reason"; reading goes on behind it.
//
// An included file has the origin that $INCLUDE names, else that of the file around it, and the TTL that is in force there.
// What it changes of these, and its last owner, end with it: RFC 1035 section 5.1 says so of the origin, BIND does so for the
// owner too, and here it is the same for $TTL, which BIND leaves in force.
#pragma once

#include <cstdint>
#include <string>

#include "dns/zone/problems.h"
#include "dns/zone/records.h"

namespace popnet::dns {

inline constexpr int include_depth_max = 8;
inline constexpr size_t include_files_max = 10'000;
inline constexpr size_t include_bytes_max = size_t{1} << 30;

/// Digests of the wrong size are wrong in what an operator writes. A copy keeps what its primary sent: such a record is no
/// danger to anybody (validators pass it over, RFC 4035 section 5.2), while a zone that is refused ages until it expires.
enum class Digests : uint8_t { checked, as_they_are };

/// The zone's name is the first $ORIGIN. Records outside the zone and of classes other than IN are problems.
/// False if the file cannot be read at all; that is a problem too.
bool read_master_file(const std::string& path, Records& records, Problems& problems,
                      Digests digests = Digests::checked);

}  // namespace popnet::dns
