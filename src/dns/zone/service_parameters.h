// SvcParams of SVCB and HTTPS records (RFC 9460 sections 2.1, 2.2, 7 and 8, appendix A; RFC 9461 section 5; RFC 9540 section 3).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dns/zone/words.h"

namespace popnet::dns {

/// Adds the parameters that the words tell, in the order of their keys. False, with what is wrong with which word (or
/// `words.size()`), if they are none.
bool read_service_parameters(std::span<const Word> words, std::vector<uint8_t>& data, size_t& wrong,
                             std::string& what);

/// Why these are no parameters, and what would be right; empty if they are.
std::string why_no_service_parameters(std::span<const uint8_t> data);

}  // namespace popnet::dns
