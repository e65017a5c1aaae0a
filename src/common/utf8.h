// UTF-8 as RFC 3629 section 4 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace popnet {

/// Bytes of the character at the front; 0 when there is none.
size_t utf8_length(std::string_view text);
/// Nothing but characters.
bool is_utf8(std::string_view text);

}  // namespace popnet
