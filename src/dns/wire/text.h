// Names of numbers, as people write them. Pure.
#pragma once

#include <cstddef>
#include <string>

namespace popnet::dns {

/// Null for those that popnet does not send.
const char* rcode_name(size_t rcode);
/// Those that are asked for on any day; the rest as in RFC 3597 section 5: TYPE123.
std::string type_name(size_t number);

}  // namespace popnet::dns
