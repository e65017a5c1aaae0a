// Base64 (RFC 4648 section 4) in master files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace popnet::dns {

/// Adds the bytes of the text. False if it is not whole.
bool append_base64(std::vector<uint8_t>& data, std::string_view text);

}  // namespace popnet::dns
