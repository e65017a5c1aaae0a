// Reads the data of a record from the words of a master file (RFC 1035 section 5 and the RFCs of the types), or says which
// field is wrong and what would be right.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dns/wire/name.h"
#include "dns/zone/words.h"

namespace popnet::dns {

struct TextProblem {
  size_t offset = 0;  // in the entry
  std::string what;   // is wrong, and what would be right
};

/// `words`: those behind the type. `end`: of the entry, for what is missing. Names are uncompressed and keep their case. False if something is wrong.
bool read_data(uint16_t type, std::span<const Word> words, size_t end, const Name& origin,
               std::vector<uint8_t>& data, TextProblem& problem);

/// A name, below the origin if no dot ends it; "@" is the origin. Empty, with `why` it is none ("… which has an empty
/// label"), if so.
std::vector<uint8_t> read_name(std::string_view text, const Name& origin, std::string& why);

}  // namespace popnet::dns
