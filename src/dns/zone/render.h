// Renders the records of one owner and type the way answers carry them: owner as a pointer to the question,
// names in the data compressed where RFC 3597 section 4 lets them be.
#pragma once

#include <span>

#include "dns/wire/name.h"
#include "dns/wire/protocol.h"
#include "dns/zone/names_builder.h"
#include "dns/zone/records.h"

namespace popnet::dns {

/// An address that goes with a delegation.
struct Glue {
  Name owner;
  uint16_t type = 0;
  uint32_t ttl = 0;
  std::span<const uint8_t> address;
};

/// Larger sets are not served. Leaves room for the longest question, an OPT record with its options, a chain of CNAMEs before it,
/// and signatures.
inline constexpr size_t set_size_max = message_size_max - 4096;
/// Of the records, when nothing in them is compressed.
size_t size_of(std::span<const Record> set);

/// `set`: records of one owner and type, at least one; all get the TTL `ttl`. Empty bytes = larger than a
/// message can be.
RenderedSet render(NameBytes owner, std::span<const Record> set, uint32_t ttl,
                   std::span<const Glue> glue = {});
/// A set of type_glue. `before`: how many bytes of the same referral stand before it. Empty bytes, unless there is no glue, = as
/// above.
RenderedSet render_glue(NameBytes owner, std::span<const Glue> glue, size_t before);

}  // namespace popnet::dns
