// Text of fields that only types have which nobody needs any more, and old zone files still carry: WKS, NSAP, ATMA, NXT.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dns/zone/words.h"

namespace popnet::dns {

/// "0x47.0005.80" (RFC 1706 section 6): hexadecimal, the dots say nothing. False if it is wrong.
bool append_nsap(std::vector<uint8_t>& data, std::string_view text);
/// "+61.200123" (E.164) or "47.0005.80" (an end system address), led by its format (ATM Name System, af-dans-0152). False if
/// it is wrong.
bool append_atm_address(std::vector<uint8_t>& data, std::string_view text);
/// Ports as one map of bits (RFC 1035 section 3.4.2), by number or by their names in the machine's list of services. How
/// many of the words are right.
size_t read_services(std::span<const Word> words, uint8_t protocol, std::vector<uint8_t>& data);
/// Types below 128 as one map of bits (RFC 2535 section 5.2). How many of the words are right.
size_t read_old_types(std::span<const Word> words, std::vector<uint8_t>& data);

inline constexpr size_t services_bytes_max = 8192;
inline constexpr size_t old_types_bytes_max = 16;

}  // namespace popnet::dns
