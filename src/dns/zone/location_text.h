// LOC records (RFC 1876 section 3) as text: "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dns/zone/words.h"

namespace popnet::dns {

/// Adds the data of the record. How many of the words are right: all of them, or the next one is wrong, or missing.
size_t read_location(std::span<const Word> words, std::vector<uint8_t>& data);

}  // namespace popnet::dns
