// Records as messages carry them: names in the data are decompressed (those that fields.h knows), and data that does not fit
// its type is refused. For what comes from primaries; queries are read by dns/wire.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dns/wire/name.h"

namespace popnet::dns {

struct WireRecord {
  Name owner;
  uint16_t type = 0;
  uint16_t rr_class = 0;
  uint32_t ttl = 0;
  std::vector<uint8_t> data;  // names uncompressed
};

/// Reads the record at `position` of the message and moves `position` behind it. False if it is malformed.
bool read_record(std::span<const uint8_t> message, size_t& position, WireRecord& record);

/// Has what its type wants (fields.h).
bool is_whole(uint16_t type, std::span<const uint8_t> data);

/// Why records of this type are none of a zone's data; empty if they may be.
std::string why_no_data(uint16_t type);

}  // namespace popnet::dns
