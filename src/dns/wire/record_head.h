// What every record has before its data (RFC 1035 section 3.2.1), of class IN.
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "dns/wire/protocol.h"

namespace popnet::dns {

/// Type, class and TTL; the length of the data and the data follow.
inline void write_record_head(ByteWriter& out, uint16_t type, uint32_t ttl) {
  out.u16(type);
  out.u16(class_in);
  out.u32(ttl);
}
/// The same behind an owner that stands uncompressed at `offset`, at most pointer_max.
inline void write_record_head(ByteWriter& out, size_t offset, uint16_t type, uint32_t ttl) {
  out.u16(static_cast<uint16_t>(pointer_mark | offset));
  write_record_head(out, type, ttl);
}

}  // namespace popnet::dns
