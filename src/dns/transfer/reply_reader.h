// What a client needs to know of a reply before it reads the records. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dns/wire/protocol.h"

namespace popnet::dns {

struct ReplyHead {
  uint16_t id = 0;
  Rcode rcode = Rcode::noerror;
  bool authoritative = false;
  bool asks = false;               // the question is there; only the first message of a transfer need have it
  unsigned answers = 0;            // records of the answer section
  size_t records_offset = 0;       // where they begin
  size_t tsig_offset = 0;          // where the TSIG record begins; 0: there is none
  std::optional<uint32_t> expire;  // for how long the sender may serve the zone still (RFC 7314)
};

/// Nothing if it is no reply to a query, or cannot be read. Records are gone over, but not judged.
std::optional<ReplyHead> read_reply_head(std::span<const uint8_t> message);

}  // namespace popnet::dns
